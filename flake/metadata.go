package flake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"flakeops/flake/nix"
	"flakeops/internal/fault"
	"flakeops/internal/run"
)

// Flake is a flake as it was locked when it was opened: the snapshot from
// which all nodes of a run are evaluated.
type Flake struct {
	Ref          string            // as the user wrote it
	URL          string            // what is evaluated: locked, unless the flake is a dirty tree
	Path         string            // store path of the source
	Root         string            // local directory that Path is a copy of, "" for a remote flake
	Dir          string            // the directory in Root that flake.nix is read from
	Sub          string            // the same below Path, relative; "" for its top
	Revision     string            // commit, empty when the source has none or is dirty
	Dirty        bool              // a work tree with uncommitted changes
	LastModified time.Time         // of the source; zero when unknown
	Inputs       map[string]string // locked URL of each direct input, by name
	Locked       []LockedInput     // all inputs
	Fingerprint  string            // identifies source and lock
	Said         []string          // lines that nix warned with, when it read the flake and its nodes' names

	nix   *nix.Programs
	texts slots // for evaluations of texts, beside those of nodes
}

// Open reads the flake ref, which has no fragment, and checks that it is
// locked. It returns a *NoFlakeError or *LockError where that is the reason.
func Open(ctx context.Context, n *nix.Programs, ref string) (*Flake, error) {
	if err := checkRef(ref); err != nil {
		return nil, err
	}
	ref = here(ref)
	at := placed(ref)
	a, err := n.Ask(ctx, n.EvalArgv("flake", "metadata", "--json", at))
	if root, _ := stranger(at); local(at) && unwritable(err) && root == "" {
		form, ferr := committed(ctx, n, at)
		if ferr != nil {
			return nil, fmt.Errorf("cannot read flake %s: %w", ref, ferr)
		}
		a, err = n.Ask(ctx, n.EvalArgv("flake", "metadata", "--json", form))
	}
	if err != nil {
		return nil, openError(ref, at, err)
	}
	f, err := parseMetadata(a.Out)
	if err != nil {
		return nil, fmt.Errorf("flake %s: %w", ref, err)
	}
	f.Ref, f.nix, f.Said = ref, n, nix.Said(a.Errors)
	return f, nil
}

// news is what nix said in an answer and had not said of the whole flake.
func (f *Flake) news(a nix.Answer) []string {
	return slices.DeleteFunc(nix.Said(a.Errors), func(line string) bool { return slices.Contains(f.Said, line) })
}

// Unchanged returns a *ChangedError when the flake is a dirty tree and its
// content is no longer the one that was opened. A locked flake cannot change.
func (f *Flake) Unchanged(ctx context.Context) error {
	if !f.Dirty {
		return nil
	}
	a, err := f.nix.Ask(ctx, f.nix.EvalArgv("flake", "metadata", "--json", f.URL))
	if err != nil {
		return openError(f.Ref, placed(f.Ref), err)
	}
	now, err := parseMetadata(a.Out)
	if err != nil {
		return fmt.Errorf("flake %s: %w", f.Ref, err)
	}
	if now.Path != f.Path {
		return &ChangedError{Ref: f.Ref}
	}
	return nil
}

// unwritable recognises what nix 2.8 says of a path that its URLs cannot hold.
func unwritable(err error) bool {
	var exit *nix.ExitError
	return errors.As(err, &exit) && exit.Says("is not a valid URL")
}

// openError says why ref, which leads to the place at, cannot be read.
func openError(ref, at string, err error) error {
	var exit *nix.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	hint := untracked(exit.Message(), gitRoot(at))
	root, owner := stranger(at)
	switch {
	case owner != "" && (exit.OfProgram() || exit.Says("not owned by current user") || unwritable(err)):
		return fmt.Errorf("cannot read flake %s: %s is owned by %s, and git trusts only what is your own: "+
			"if you trust it, run `git config --global --add safe.directory %s`", ref, root, owner, run.Quote([]string{root}))
	case unlocked(exit):
		return &LockError{Ref: ref}
	case exit.Says("[json.exception"):
		// Older versions do not say which file it is.
		return fmt.Errorf("cannot read flake %s: its flake.lock is not JSON: %s: look for the marks of a merge conflict in it", ref, exit.Message())
	case hint != "":
		return errors.New(fault.WithHint(fmt.Sprintf("cannot read flake %s: %s", ref, exit.Message()), hint))
	case noFlakeFile.MatchString(exit.Stderr):
		return &NoFlakeError{Ref: ref, Detail: "it holds no flake.nix"}
	case exit.Says("could not find a flake.nix") || exit.Says("does not contain a 'flake.nix'") ||
		exit.Says("is not a flake (because") || nowhere(at):
		return &NoFlakeError{Ref: ref, Detail: exit.Message()}
	}
	return fmt.Errorf("cannot read flake %s: %s", ref, exit.Message())
}

// noFlakeFile recognises a source, copied to the store, without a flake.nix:
// versions differ in the words.
var noFlakeFile = regexp.MustCompile(`-source/flake\.nix['"]?:? (?:does not exist|No such file or directory)`)

// nowhere says whether ref is a path that does not exist.
func nowhere(ref string) bool {
	dir, _, _ := strings.Cut(strings.TrimPrefix(ref, "path:"), "?")
	if !strings.HasPrefix(dir, "/") && !strings.HasPrefix(dir, ".") {
		return false
	}
	_, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

// unlocked recognises how nix refuses to go on without changing flake.lock:
// the second text is old versions' for a source that is not a work tree.
func unlocked(e *nix.ExitError) bool {
	return e.Says("requires lock file changes but they're not allowed") ||
		e.Says("cannot write modified lock file of flake")
}

// parseMetadata reads what `nix flake metadata --json` prints.
func parseMetadata(data []byte) (*Flake, error) {
	m, err := parseObject("nix flake metadata", data)
	if err != nil {
		return nil, err
	}
	locked := lockedInputs(m.Get("locks"))
	f := &Flake{
		URL:         evaluated(m.Get("url").String(), m.Get("locked")),
		Path:        m.Get("path").String(),
		Revision:    m.Get("revision").String(),
		Fingerprint: m.Get("fingerprint").String(),
		Inputs:      inputs(locked),
		Locked:      locked,
	}
	f.Root, f.Dir = localTree(m.Get("resolved"))
	f.Sub = m.Get("resolved.dir").String()
	if f.URL == "" || !strings.HasPrefix(f.Path, "/") {
		return nil, errors.New("nix flake metadata printed JSON without url and path: is this version of nix older than 2.8")
	}
	if s := m.Get("lastModified").Int(); s > 0 {
		f.LastModified = time.Unix(s, 0)
	}
	// A revision control type without a revision is a work tree with changes.
	// A plain directory is not dirty: its locked URL holds its content's hash.
	switch m.Get("locked.type").String() {
	case "git", "hg":
		f.Dirty = m.Get("locked.rev").String() == ""
	}
	if f.Fingerprint == "" {
		sum := sha256.Sum256([]byte(f.Path + "\n" + m.Get("locked").Raw + "\n" + m.Get("locks").Raw))
		f.Fingerprint = hex.EncodeToString(sum[:])
	}
	return f, nil
}

// evaluated completes the URL that nix gives for a locked reference, in which
// some versions leave out settings without which it is another source.
func evaluated(ref string, locked gjson.Result) string {
	settings := map[string]string{"host": locked.Get("host").String()}
	for _, name := range []string{"submodules", "shallow", "allRefs", "lfs", "exportIgnore"} {
		if locked.Get(name).Bool() {
			settings[name] = "1"
		}
	}
	u, err := url.Parse(ref)
	if err != nil {
		return ref // for nix to complain of
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !u.Query().Has(name) {
			ref = withQuery(ref, name, settings[name])
		}
	}
	return ref
}

// parseObject checks that a nix program answered with one JSON object.
func parseObject(command string, data []byte) (gjson.Result, error) {
	m, err := parseJSON(command, data)
	if err == nil && !m.IsObject() {
		err = notJSON(command, data)
	}
	return m, err
}

// parseJSON checks that a nix program answered with JSON. gjson's own check
// would take more stack than there is for a value that is nested deep enough;
// encoding/json has a limit.
func parseJSON(command string, data []byte) (gjson.Result, error) {
	if !json.Valid(data) {
		return gjson.Result{}, notJSON(command, data)
	}
	return gjson.ParseBytes(data), nil
}

func notJSON(command string, data []byte) error {
	const most = 60
	s := strings.TrimSpace(nix.Plain(string(data)))
	if s == "" {
		return fmt.Errorf("%s printed nothing where JSON was expected: check that the nix in PATH works", command)
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return fmt.Errorf("%s printed something that is not the JSON expected (%q): check that the nix in PATH works", command, s)
}
