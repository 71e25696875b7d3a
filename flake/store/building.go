package store

import (
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"flakeops/flake/nix"
)

// build is a Build at work. All of it runs in one goroutine at a time: nix's
// log is handled while it is written, askNow has its turns between two lines, and
// the rest comes before and after.
type build struct {
	ctx    context.Context // lives as long as one call of Build
	nix    Local
	report func(BuildEvent)
	owners *owners

	open       []Job // neither built nor failed
	activities map[uint64]*activity
	failures   map[string]*failure // by derivation
	finished   []*activity         // builds that ended lately
	words      []string            // the last errors and loose lines of stderr
	begun      map[string]bool     // derivations and store paths of activities, past ones too
	askIfMore  bool                // ask the store, should nix go on

	mu    sync.Mutex  // held while nix's log is handled, and by askNow
	asked time.Time   // when nix was asked last
	later *time.Timer // for a question that came too soon; nil for none
}

// activity is something that nix has under way: a build, a substitution, or
// all of either.
type activity struct {
	drv  string // for a build
	path string // for a substitution
	tail nix.LogTail

	// For all builds or all substitutions, how many of them are over, and under way.
	done, running int
}

// failure is a derivation that nix says it could not build.
type failure struct {
	reason string
	log    []string
}

func newBuild(ctx context.Context, n Local, nodes []Job, report func(BuildEvent)) *build {
	return &build{
		ctx: ctx, nix: n, report: report, owners: newOwners(n, nodes),
		open: slices.Clone(nodes), failures: map[string]*failure{},
		activities: map[uint64]*activity{}, begun: map[string]bool{},
	}
}

// line handles one line of nix's stderr.
func (b *build) line(raw []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ev, ok := nix.ParseLog(raw)
	if !ok {
		if s := strings.TrimSpace(nix.Plain(string(raw))); s != "" && !strings.HasPrefix(s, "@nix ") {
			nix.Remember(&b.words, s)
		}
		return
	}
	switch ev.Action {
	case "start":
		b.start(ev)
	case "result":
		b.result(ev)
	case "stop":
		b.stop(ev)
	case "msg":
		if text, ok := ev.Failure(); ok {
			b.fail(text)
		}
	}
}

func (b *build) start(ev nix.Event) {
	switch ev.Kind {
	case nix.ActBuilds, nix.ActCopyPaths:
		b.activities[ev.ID] = &activity{}
	case nix.ActBuild:
		a := &activity{drv: ev.Subject()}
		b.begin(ev.ID, a, a.drv)
		b.report(BuildEvent{Node: b.owners.of(b.ctx, a.drv), Kind: BuildStarted, Derivation: a.drv})
	case nix.ActSubstitute:
		b.begin(ev.ID, &activity{path: ev.Subject()}, ev.Subject())
	}
}

func (b *build) begin(id uint64, a *activity, what string) {
	b.activities[id], b.begun[what] = a, true
	if b.askIfMore {
		b.askIfMore = false
		b.ask()
	}
}

// result takes in a line of a build's log, or how many builds are done.
func (b *build) result(ev nix.Event) {
	a := b.activities[ev.ID]
	if a == nil {
		return
	}
	switch ev.Kind {
	case nix.ResLogLine:
		line := nix.Plain(ev.Subject())
		a.tail.Add(line)
		b.report(BuildEvent{Node: b.owners.of(b.ctx, a.drv), Kind: BuildLog, Derivation: a.drv, Line: line})
	case nix.ResProgress:
		// Some versions let the builds that were asked for end only together,
		// and tell here that one more is done.
		a.running = ev.Count(2)
		if done := ev.Count(0); done > a.done {
			a.done = done
			if b.any(b.underWay) {
				b.askSoon()
			}
		}
	}
}

// underWay says whether nix began to build or fetch the node's system.
func (b *build) underWay(n Job) bool {
	for _, a := range b.activities {
		if a.drv == n.Drv || a.path == n.Out {
			return true
		}
	}
	return false
}

// askSoon hands nodes on while nix is at work. When nothing is left to do for any of
// them, nix is about to end, and that tells without a question. What cannot be
// found out now is decided then, too.
func (b *build) askSoon() {
	running := 0
	for _, a := range b.activities {
		running += a.running
	}
	switch b.askIfMore = running == 0 && !b.any(b.notBegun); {
	case b.askIfMore || b.later != nil:
	case time.Since(b.asked) < askEvery:
		b.later = time.AfterFunc(askEvery, b.askNow)
	default:
		b.ask()
	}
}

// askEvery is how long nix is left alone with its builds between two questions.
const askEvery = 200 * time.Millisecond

func (b *build) ask() {
	_ = b.reportPresent()
	b.asked = time.Now()
}

// askNow is what had to wait.
func (b *build) askNow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.later != nil { // nix is still at work
		b.later = nil
		b.ask()
	}
}

// quiet ends the questions, once nix has ended.
func (b *build) quiet() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.later != nil {
		b.later.Stop()
		b.later = nil
	}
}

func (b *build) notBegun(n Job) bool { return !b.begun[n.Drv] && !b.begun[n.Out] }

func (b *build) any(test func(Job) bool) bool { return slices.ContainsFunc(b.open, test) }

// stop looks whether an activity that ended was the last that a node waited for.
func (b *build) stop(ev nix.Event) {
	a := b.activities[ev.ID]
	if a == nil {
		return
	}
	delete(b.activities, ev.ID)
	if f := b.failures[a.drv]; f != nil {
		f.log = a.tail.Lines
	} else if a.drv != "" {
		// The error may come after the end, so the log is kept until then.
		b.ended(a)
	}
	if b.any(func(n Job) bool { return n.Drv == a.drv || n.Out == a.path }) {
		b.askSoon()
	}
}

// maxEnded is how many logs of ended builds are kept in case an error follows.
const maxEnded = 32

func (b *build) ended(a *activity) {
	b.finished = append(b.finished, a)
	if len(b.finished) > maxEnded {
		b.finished = b.finished[1:]
	}
}

// reportValid reports those of some open nodes whose systems are in the store.
func (b *build) reportValid(nodes []Job) error {
	var paths []string
	for _, n := range nodes {
		paths = append(paths, n.Out)
	}
	slices.Sort(paths)
	missing, err := b.nix.invalid(b.ctx, slices.Compact(paths))
	if err != nil {
		return err
	}
	b.built(func(n Job) bool { return slices.Contains(paths, n.Out) && !missing[n.Out] })
	return nil
}

// reportPresent is reportValid without asking nix, which takes its time, for what is not even
// a file. In a store that is elsewhere it finds nothing.
func (b *build) reportPresent() error { return b.reportValid(filter(b.open, there)) }

// reportBuilt reports the open nodes after nix said that it built them all.
func (b *build) reportBuilt() { b.built(there) }

// there says whether a system is in this machine's store directory, which does
// not make it a valid store path.
func there(n Job) bool {
	_, err := os.Lstat(n.Out)
	return err == nil
}

// built reports the open nodes that pass a test as built.
func (b *build) built(test func(Job) bool) {
	done := filter(b.open, test)
	b.open = slices.DeleteFunc(b.open, test)
	for _, n := range done {
		b.report(BuildEvent{Node: n.Node, Kind: BuildBuilt, Derivation: n.Drv})
	}
}

func filter(nodes []Job, test func(Job) bool) []Job {
	return slices.DeleteFunc(slices.Clone(nodes), func(n Job) bool { return !test(n) })
}

var derivation = regexp.MustCompile(`/[^'"\s]*/[0-9a-z]{32}-[^'"\s/]+\.drv`)

// fail takes in an error message. One about a derivation that failed because
// of another one, or about all of them, tells nothing new.
func (b *build) fail(text string) {
	nix.Remember(&b.words, "error: "+text)
	drv := derivation.FindString(text)
	if drv == "" || strings.HasPrefix(text, "build of ") || consequence(text) {
		return
	}
	if b.failures[drv] != nil {
		return
	}
	f := &failure{reason: buildReason(text, drv)}
	for _, a := range slices.Concat(slices.Collect(maps.Values(b.activities)), b.finished) {
		if a.drv == drv {
			f.log = a.tail.Lines
		}
	}
	b.failures[drv] = f
}

// consequence recognises "1 dependencies of derivation '...' failed to build"
// and "Cannot build '...'. Reason: 1 dependency failed."
func consequence(text string) bool {
	return strings.Contains(text, "dependencies of derivation") ||
		strings.Contains(text, "dependency failed") || strings.Contains(text, "dependencies failed")
}

// quotedLog is where a message goes on to quote the build's log.
var quotedLog = regexp.MustCompile(`(?i)\s+last \d+ log lines:`)

// buildReason shortens nix's message about a derivation to why it failed.
func buildReason(text, drv string) string {
	if _, after, ok := strings.Cut(text, "Reason:"); ok {
		text, _, _ = strings.Cut(after, "Output paths:")
	}
	if at := quotedLog.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	text = strings.ReplaceAll(text, "builder for '"+drv+"' failed", "its builder failed")
	var parts []string
	for l := range strings.SplitSeq(text, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			parts = append(parts, l)
		}
	}
	return strings.TrimRight(strings.Join(parts, " "), ".;")
}

func (b *build) lastWords() string { return strings.Join(b.words, "\n") }
