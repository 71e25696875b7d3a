package flake

import (
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// build is a Build at work. All of it runs in one goroutine at a time: nix's
// log is handled while it is written, late has its turns between two lines, and
// the rest comes before and after.
type build struct {
	ctx    context.Context // lives as long as one call of Build
	nix    *Nix
	report func(BuildEvent)
	owners *owners

	open       []Job // neither built nor failed
	activities map[uint64]*activity
	failures   map[string]*failure // by derivation
	finished   []*activity         // builds that ended lately
	words      []string            // the last errors and loose lines of stderr
	begun      map[string]bool     // derivations and store paths of activities, past ones too
	owed       bool                // a look at the store, should nix go on

	mu     sync.Mutex  // held while nix's log is handled, and by late
	looked time.Time   // when nix was last asked
	later  *time.Timer // for a look that came too soon; nil for none
}

// activity is something that nix has under way: a build, a substitution, or
// all of either.
type activity struct {
	drv  string // for a build
	path string // for a substitution
	tail logTail

	// For all builds or all substitutions, how many of them are over, and under way.
	done, running int
}

// failure is a derivation that nix says it could not build.
type failure struct {
	reason string
	log    []string
}

func newBuild(ctx context.Context, n *Nix, nodes []Job, report func(BuildEvent)) *build {
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
	ev, ok := parseLog(raw)
	if !ok {
		if s := strings.TrimSpace(plain(string(raw))); s != "" && !strings.HasPrefix(s, "@nix ") {
			remember(&b.words, s)
		}
		return
	}
	switch ev.action {
	case "start":
		b.start(ev)
	case "result":
		b.result(ev)
	case "stop":
		b.stop(ev)
	case "msg":
		if text, ok := ev.failure(); ok {
			b.fail(text)
		}
	}
}

func (b *build) start(ev logEvent) {
	switch ev.kind {
	case actBuilds, actCopyPaths:
		b.activities[ev.id] = &activity{}
	case actBuild:
		a := &activity{drv: ev.subject()}
		b.begin(ev.id, a, a.drv)
		b.report(BuildEvent{Node: b.owners.of(b.ctx, a.drv), Kind: BuildStarted, Derivation: a.drv})
	case actSubstitute:
		b.begin(ev.id, &activity{path: ev.subject()}, ev.subject())
	}
}

func (b *build) begin(id uint64, a *activity, what string) {
	b.activities[id], b.begun[what] = a, true
	if b.owed {
		b.owed = false
		b.ask()
	}
}

// result takes in a line of a build's log, or how many builds are done.
func (b *build) result(ev logEvent) {
	a := b.activities[ev.id]
	if a == nil {
		return
	}
	switch ev.kind {
	case resLogLine:
		line := plain(ev.subject())
		a.tail.add(line)
		b.report(BuildEvent{Node: b.owners.of(b.ctx, a.drv), Kind: BuildLog, Derivation: a.drv, Line: line})
	case resProgress:
		// Some versions let the builds that were asked for end only together,
		// and tell here that one more is done.
		a.running = ev.count(2)
		if done := ev.count(0); done > a.done {
			a.done = done
			if b.any(b.underWay) {
				b.look()
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

// look hands nodes on while nix is at work. When nothing is left to do for any of
// them, nix is about to end, and that tells without a question. What cannot be
// found out now is decided then, too.
func (b *build) look() {
	running := 0
	for _, a := range b.activities {
		running += a.running
	}
	switch b.owed = running == 0 && !b.any(b.notBegun); {
	case b.owed || b.later != nil:
	case time.Since(b.looked) < lookEvery:
		b.later = time.AfterFunc(lookEvery, b.late)
	default:
		b.ask()
	}
}

// lookEvery is how long nix is left alone with its builds between two questions.
const lookEvery = 200 * time.Millisecond

func (b *build) ask() {
	_ = b.glance()
	b.looked = time.Now()
}

// late is a look that had to wait.
func (b *build) late() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.later != nil { // nix is still at work
		b.later = nil
		b.ask()
	}
}

// quiet ends the looks, once nix has ended.
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
func (b *build) stop(ev logEvent) {
	a := b.activities[ev.id]
	if a == nil {
		return
	}
	delete(b.activities, ev.id)
	if f := b.failures[a.drv]; f != nil {
		f.log = a.tail.lines
	} else if a.drv != "" {
		// The error may come after the end, so the log is kept until then.
		b.ended(a)
	}
	if b.any(func(n Job) bool { return n.Drv == a.drv || n.Out == a.path }) {
		b.look()
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

// sweep reports those of some open nodes whose systems are in the store.
func (b *build) sweep(nodes []Job) error {
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

// glance is sweep without asking nix, which takes its time, for what is not even
// a file. In a store that is elsewhere it finds nothing.
func (b *build) glance() error { return b.sweep(filter(b.open, there)) }

// vouched reports the open nodes after nix said that it built them all.
func (b *build) vouched() { b.built(there) }

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
	remember(&b.words, "error: "+text)
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
			f.log = a.tail.lines
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
