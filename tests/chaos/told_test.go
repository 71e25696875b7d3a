package chaos

import (
	"encoding/json"
	"slices"
	"time"

	"flakeops/activate/wire"
)

// answer is what flakeops says of a run.
type answer struct {
	ExitCode int        `json:"exitCode"`
	Nodes    []nodeTold `json:"nodes"`
}

// nodeTold is what it says of one node.
type nodeTold struct {
	Node       string `json:"node"`
	Outcome    string `json:"outcome"`
	Error      string `json:"error"`
	ExitCode   int    `json:"exitCode"`
	Deployment string `json:"deployment"`
	Old        string `json:"old"`
}

func readAnswer(text string) *answer {
	var a answer
	if json.Unmarshal([]byte(text), &a) != nil {
		return nil
	}
	return &a
}

// checkRun looks at a run by itself: its end, its answer, its exit code.
func (r *round) checkRun(one *call) {
	if one.took > deadline {
		r.breaks("the run took %s", one.took)
	}
	if r.anyFired(killDeployer) && one == r.runs[0] && one.code == -1 {
		return
	}
	// A signal that is faster than a program's start ends it, as it ends any other.
	if (r.anyFired(interrupt) || r.anyFired(interruptTwice)) && one.code == -1 && one.process.Stdout.String()+one.process.Stderr.String() == "" {
		return
	}
	if one.code < 0 {
		r.breaks("the run was killed, after %s", one.took)
		return
	}
	if one.answer == nil {
		r.breaks("exit code %d, and no answer: %q", one.code, one.process.Stdout.String())
		return
	}
	if one.answer.ExitCode != one.code {
		r.breaks("exit code %d, and %d in the answer", one.code, one.answer.ExitCode)
	}
	interrupted := r.anyFired(interrupt) || r.anyFired(interruptTwice)
	worst := 0
	order := []int{0, 10, 1, 2, 3, 4, 7, 8, 5, 130, 6}
	for _, n := range one.answer.Nodes {
		if slices.Index(order, n.ExitCode) > slices.Index(order, worst) {
			worst = n.ExitCode
		}
	}
	if worst != one.code && !(interrupted && one.code == 130) {
		r.breaks("exit code %d, but the worst node's is %d", one.code, worst)
	}
	if one.code == 130 && !interrupted {
		r.breaks("exit code 130, and nobody interrupted it")
	}
	if len(one.answer.Nodes) != len(r.plan.systems) && !one.unread() {
		r.breaks("the answer has %d nodes of %d", len(one.answer.Nodes), len(r.plan.systems))
	}
}

// unread says whether the run was interrupted before it knew the flake's nodes.
func (c *call) unread() bool { return c.code == 130 && len(c.answer.Nodes) == 0 }

func (r *round) anyFired(k kind) bool {
	for i, f := range r.plan.faults {
		if r.fired[i] && f.kind == k {
			return true
		}
	}
	return false
}

// checkTold holds what a run says of a node against the host.
func (r *round) checkTold(one *call, i int, now seen) {
	if one.answer == nil || one.unread() {
		return
	}
	n := slices.IndexFunc(one.answer.Nodes, func(n nodeTold) bool { return n.Node == names()[i] })
	if n < 0 {
		r.breaks("the answer does not have %s", names()[i])
		return
	}
	told := one.answer.Nodes[n]
	var mine []wire.Record // records of the deployment that is named
	for _, rec := range ended(now.records) {
		if rec.ID == told.Deployment {
			mine = append(mine, rec)
		}
	}
	is := func(outcomes ...wire.Outcome) bool {
		return len(mine) == 1 && slices.Contains(outcomes, mine[0].Outcome)
	}
	says := func(format string, args ...any) {
		r.breaks("%s: told %q (%d), deployment %s: "+format+"; on record: %+v; error: %s", append(append([]any{told.Node, told.Outcome, told.ExitCode, told.Deployment}, args...), mine, told.Error)...)
	}
	connection := r.firedOn(i, kind.cutsOff) || r.ownLoss(i)
	codes := map[string]int{
		"deployed": 0, "tested": 0, "boot set": 0, "up to date": 0, "keys sent": 0, "dry-activated": 0, "rebooted": 0, "reboot ordered": 0,
		"not started": 0, "rolled back": 5, "unreachable": 7, "refused": 8, "push failed": 4, "keys failed": 4,
		"unknown": 6, "rollback failed": 6, "take-back failed": 6, "interrupted": 130,
	}
	if code, ok := codes[told.Outcome]; ok && code != told.ExitCode {
		says("its code has to be %d", code)
	}
	switch told.Outcome {
	case "deployed", "tested", "boot set", "rolled back":
		if !is(wire.Outcome(told.Outcome)) {
			says("that is not so")
		} else if mine[0].New != one.systems[i] {
			says("the node's system is %s", one.systems[i])
		}
		if r.plan.action == takesBack && told.ExitCode == 0 && one.code == 5 {
			says("it was to be taken back")
		}
	case "rebooted":
		if now.boot == r.before[i].boot {
			says("it was not rebooted")
		}
		if r.plan.action == rebootsNew && now.Running != one.systems[i] {
			says("the node's system is %s", one.systems[i])
		}
	case "taken back":
		if !is(wire.Deployed, wire.Tested, wire.BootSet) || now.Running != r.before[i].Running || now.Profile != r.before[i].Profile || now.Boot != r.before[i].Boot {
			says("that is not so")
		}
	case "unknown", "rollback failed", "take-back failed":
		r.checkUnknown(told, i, now, mine, says)
	case "unreachable":
		if !connection {
			says("nothing cut it off")
		}
		if len(mine) > 0 && r.plan.action != rebootsNew {
			says("it was reached")
		}
	case "refused":
		if len(mine) > 0 {
			says("it was started")
		}
		if r.plan.action != both && !r.firedOn(i, func(k kind) bool {
			return slices.Contains([]kind{diskFull, runFull, lockByRoot, lockByUser}, k)
		}) {
			says("nothing keeps it from being deployed to")
		}
	case "failed":
		says("that tells nothing")
	case "push failed", "not started", "interrupted":
		if len(mine) > 0 && !is(wire.RolledBack) {
			says("something was started")
		}
	case "keys failed":
		if !connection && !r.firedOn(i, func(k kind) bool { return true }) && !r.anyFired(interrupt) && !r.anyFired(interruptTwice) {
			says("nothing keeps keys from being sent")
		}
	case "up to date":
		if r.plan.action != both && r.plan.action != sendsKeys {
			says("it was not")
		}
	}
	if told.ExitCode == 5 && !r.somethingWrong(i) && len(r.runs) == 1 {
		says("nothing went wrong here")
	}
	if told.Outcome == "keys sent" && now.boot == r.before[i].boot && now.keys == "-" {
		says("the key is not there")
	}
}

// ownLoss says whether the new system itself cuts connections.
func (r *round) ownLoss(i int) bool {
	return slices.ContainsFunc(r.plan.systems[i].wrong, func(w string) bool {
		return slices.Contains([]string{"drop-new", "drop-packets", "stop-sshd", "kill-connections"}, w)
	})
}

// somethingWrong says whether a deployment to the node had a reason to fail.
func (r *round) somethingWrong(i int) bool {
	return r.firedOn(i, func(kind) bool { return true }) || r.anyFired(interrupt) || r.anyFired(interruptTwice) ||
		slices.ContainsFunc(r.plan.systems[i].wrong, func(w string) bool { return w != "slow" })
}

// interruptions is how many the run got; after the second it waits for no host.
func (r *round) interruptions() int {
	count := 0
	for n, f := range r.plan.faults {
		if r.fired[n] {
			count += map[kind]int{interrupt: 1, interruptTwice: 2}[f.kind]
		}
	}
	return count
}

// checkUnknown wants a reason for sending the operator to the host: the host is
// neither as before nor as wanted, or it could not be asked at the end.
func (r *round) checkUnknown(told nodeTold, i int, now seen, mine []wire.Record, says func(string, ...any)) {
	torn := now.Running != now.Profile || now.Profile != now.Boot
	silent := r.interruptions() > 1
	for n, f := range r.plan.faults {
		if f.node == i && r.fired[n] && (f.lasts == 0 || f.lasts > 10*time.Second) && (f.kind.cutsOff() || f.kind == freeze) {
			silent = true
		}
	}
	if r.firedOn(i, func(k kind) bool { return k == powerCut }) {
		silent = true
	}
	if told.Outcome == "take-back failed" && len(mine) == 1 && now.Running == mine[0].New {
		torn = true
	}
	if !torn && !silent && !(r.plan.action == rebootsNew || r.plan.action == reboots) {
		says("the host could be asked, and needs no look")
	}
}
