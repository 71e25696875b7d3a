package chaos

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"flakeops/activate/wire"
)

// check holds what became of the hosts against the promise, and what flakeops said
// against what became of the hosts.
func (r *round) check(ctx context.Context) {
	for i, h := range r.hosts {
		now, err := look(ctx, h)
		if err != nil {
			r.breaks("%v", err)
			continue
		}
		r.checkSystems(i, now)
		r.checkRecords(i, now, r.mayBeCutShort(i, now))
		r.checkLeft(i, now, r.mayBeCutShort(i, now))
		for _, one := range r.runs {
			r.checkTold(one, i, now)
		}
	}
	for _, one := range r.runs {
		r.checkRun(one)
		r.checkDeployer(one)
	}
}

// mayBeCutShort says whether the host has lost what a deployment had in /run, with
// nobody to notice: a boot, and no deployer who asks for the deployment after it.
func (r *round) mayBeCutShort(i int, now seen) bool {
	return now.boot != r.before[i].boot
}

// place is what runs, what the profile is, and what would boot.
type place struct{ running, profile, boot string }

// checkSystems holds the host against its own records: each end leads from one
// place to another, and a boot may come in between.
func (r *round) checkSystems(i int, now seen) {
	old := place{r.before[i].Running, r.before[i].Profile, r.before[i].Boot}
	may := map[place]bool{old: true}
	booted := now.boot != r.before[i].boot
	for _, rec := range ended(now.records) {
		next := map[place]bool{}
		for p := range may {
			for _, q := range r.leadsTo(p, rec, booted) {
				next[q] = true
			}
			if booted {
				for _, q := range r.leadsTo(place{p.boot, p.profile, p.boot}, rec, booted) {
					next[q] = true
				}
			}
		}
		may = next
	}
	if booted {
		for p := range may {
			may[place{p.boot, p.profile, p.boot}] = true
		}
	}
	got := place{now.Running, now.Profile, now.Boot}
	if !may[got] {
		r.breaks("%s is at %+v, but by its records it has to be at one of %+v", names()[i], got, keysOf(may))
	}
	for _, g := range r.before[i].Generations {
		if !slices.Contains(now.Generations, g) {
			r.breaks("%s lost generation %s", names()[i], g)
		}
	}
	if key := now.keys; key != "-" && !slices.ContainsFunc([]string{"a", "b", "z"}, func(v string) bool {
		return key == keyValue(strconv.FormatUint(r.plan.seed, 10)+v)
	}) {
		r.breaks("%s has a key that holds %q", names()[i], key)
	}
}

func keysOf(m map[place]bool) []place {
	var all []place
	for p := range m {
		all = append(all, p)
	}
	return all
}

// leadsTo says where a host can be after a deployment. One without an end, of
// which nobody was left to write it, may have done anything that a boot cuts off.
func (r *round) leadsTo(p place, rec wire.Record, booted bool) []place {
	switch rec.Outcome {
	case wire.Deployed:
		return []place{{rec.New, rec.New, rec.New}}
	case wire.BootSet:
		return []place{{p.running, rec.New, rec.New}}
	case wire.Tested:
		return []place{{rec.New, p.profile, p.boot}}
	case wire.RolledBack:
		return []place{p}
	case "":
		if booted {
			return []place{p, {p.running, rec.New, p.boot}, {p.running, rec.New, rec.New}}
		}
	case wire.RollbackFailed:
		if booted {
			return []place{p, {p.running, rec.New, p.boot}, {p.running, rec.New, rec.New}}
		}
	}
	return []place{p}
}

// ended is the last record of each deployment, in the order of their starts.
func ended(all []wire.Record) []wire.Record {
	var order []wire.Record
	for _, rec := range all {
		i := slices.IndexFunc(order, func(o wire.Record) bool { return o.ID == rec.ID })
		if i < 0 {
			order = append(order, rec)
		} else {
			order[i] = rec
		}
	}
	return order
}

// checkRecords wants one start and one end for each deployment.
func (r *round) checkRecords(i int, now seen, cutShort bool) {
	if now.bad != nil && !cutShort && !r.firedOn(i, func(k kind) bool { return k == diskFull }) {
		r.breaks("%s: %v", names()[i], now.bad)
	}
	starts, ends := map[string]int{}, map[string]int{}
	for _, rec := range now.records {
		switch {
		case rec.ID == "":
		case rec.Outcome == "":
			starts[rec.ID]++
		default:
			ends[rec.ID]++
		}
	}
	for _, rec := range ended(now.records) {
		if rec.ID == "" {
			continue
		}
		if starts[rec.ID] != 1 && !r.firedOn(i, func(k kind) bool { return k == diskFull }) {
			r.breaks("%s: deployment %s has %d starts on record", names()[i], rec.ID, starts[rec.ID])
		}
		if n := ends[rec.ID]; n != 1 && !(n == 0 && cutShort) {
			r.breaks("%s: deployment %s has %d ends on record", names()[i], rec.ID, n)
		}
		if rec.Outcome == wire.RollbackFailed && !r.firedOn(i, func(k kind) bool { return k == powerCut }) {
			r.breaks("%s: deployment %s: %s: %s", names()[i], rec.ID, rec.Outcome, rec.Message)
		}
	}
}

// firedOn says whether a fault of some kind came to a node.
func (r *round) firedOn(i int, which func(kind) bool) bool {
	for n, f := range r.plan.faults {
		if f.node == i && r.fired[n] && which(f.kind) {
			return true
		}
	}
	return false
}

// checkLeft wants nothing left on the host.
func (r *round) checkLeft(i int, now seen, cutShort bool) {
	if len(now.Roots) > 0 && !cutShort {
		r.breaks("%s: roots are left: %v", names()[i], now.Roots)
	}
	if len(now.left) > 0 {
		r.breaks("%s: files are left: %v", names()[i], now.left)
	}
}

// checkDeployer wants nothing left on the operator's machine.
func (r *round) checkDeployer(one *call) {
	if one.code < 0 {
		return // it was killed: the next run sees to that
	}
	for _, dir := range []string{"tmp", "run"} {
		entries, err := os.ReadDir(filepath.Join(one.home, dir))
		if err != nil {
			r.breaks("%v", err)
		}
		for _, e := range entries {
			r.breaks("the deployer left %s", filepath.Join("~", dir, e.Name()))
		}
	}
	_ = filepath.WalkDir(one.home, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), "run-") {
			r.breaks("the deployer left its roots in %s", strings.TrimPrefix(path, one.home))
		}
		return nil
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		left := session(one.process.Cmd.Process.Pid)
		if len(left) == 0 {
			break
		}
		if time.Now().After(end) {
			r.breaks("processes of the deployer are left: %v", left)
			break
		}
	}
}

// session lists the commands of the processes in a session.
func session(id int) []string {
	var all []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		text := string(b)
		// PID (COMM) STATE PPID PGRP SESSION ...
		f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		if len(f) > 3 && f[3] == strconv.Itoa(id) && f[0] != "Z" {
			all = append(all, text[:strings.LastIndexByte(text, ')')+1])
		}
	}
	return all
}
