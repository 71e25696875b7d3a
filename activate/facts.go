package activate

import (
	"bytes"
	"context"
	_ "embed" // the script
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/nixname"
	"flakeops/internal/run"
)

//go:embed facts.sh
var factsScript string

// Facts is what a host tells of itself in one round trip.
type Facts struct {
	User       int    // id of the user who was asked; 0 is root
	Running    string // system; empty where there is none
	Booted     string // system
	Profile    string // system
	Generation int    // of the profile; 0 where there is none
	Keys       bool   // keys were installed there, as far as their manifest tells
	Left       string // system that was left running, though it failed or nobody confirmed it
	Machine    string // `uname -sm`: Linux x86_64
	BootID     string
	Systemd    int          // version; 0 where systemd is not running
	Nix        string       // version, or the path of nix-store where that does not tell it; empty where there is none
	Holder     *wire.Holder // who holds the host's lock, as far as its file tells
	Unfinished string       // deployment that has not come to its end; it may be the holder's
	Present    map[string]bool
}

// maxFacts is more than any host has to tell, in bytes.
const maxFacts = 1 << 20

// The first line of the answer, and what prints the last.
const (
	factsBegin = "begin\tfacts\n"
	factsEnd   = "\nwait\nfact end facts\n"
)

// ReadFacts asks the host behind r, for which any user will do. It returns a
// *RefusedError for a host on which something else speaks first: what nix and
// the agent say there would not be understood either. Present tells
// which of paths are valid there; it is all of them or none, for a system and
// its agent are pushed together.
func ReadFacts(ctx context.Context, r run.Runner, paths ...string) (Facts, error) {
	return readFacts(ctx, r, maxFacts, factsScript+factsEnd, paths, func(string, string) error { return nil })
}

// Ask is ReadFacts, and in the same round trip what script asks more. That is POSIX
// sh in which `fact NAME VALUE` prints a line, `system LINK` the path of a system, and
// `parts NAME SYSTEM` what Parts.Set reads. Its lines are given to take, of which an
// error is that of Ask. args are quoted, and the script's own.
func Ask(ctx context.Context, r run.Runner, script string, args []string, take func(name, value string) error) (Facts, error) {
	more := partsScript + run.Quote(append([]string{"set", "--"}, args...)) + "\n" + script
	return readFacts(ctx, r, maxSurvey, factsScript+more+factsEnd, nil, take)
}

func readFacts(ctx context.Context, r run.Runner, most int, script string, paths []string, take func(name, value string) error) (Facts, error) {
	out := &run.Head{Max: most}
	_, err := r.Run(ctx, run.Command{Argv: append([]string{"sh", "-c", script, "sh"}, paths...), Stdout: out})
	text := out.Bytes()
	if at := bytes.Index(text, []byte(factsBegin)); at > 0 || at < 0 && out.Over {
		if at > 0 {
			text = text[:at]
		}
		return Facts{}, &RefusedError{Reason: fmt.Sprintf("something on the host prints %s before a command runs: "+
			"have the shell's startup files (~/.bashrc, /etc/profile) print for terminals only", excerpt(text))}
	}
	if out.Over {
		return Facts{}, errors.New("reading the host's facts: the answer is endless")
	}
	if err != nil && len(bytes.TrimSpace(text)) > 0 && !bytes.HasPrefix(text, []byte(factsBegin)) {
		err = fmt.Errorf("%w; it printed %s", err, excerpt(text)) // nologin says on stdout what it is
	}
	if err != nil {
		return Facts{}, fmt.Errorf("reading the host's facts: %w", err)
	}
	f, err := parseFacts(text, take)
	if err != nil {
		return Facts{}, fmt.Errorf("reading the host's facts: %w", err)
	}
	return f, nil
}

// excerpt quotes the beginning of what a host printed.
func excerpt(text []byte) string {
	const most = 60
	s := strings.TrimSpace(string(text))
	if len(s) > most {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(s[:most], ""))
	}
	return fmt.Sprintf("%q", s)
}

// parseFacts hands lines it does not know to take.
func parseFacts(out []byte, take func(name, value string) error) (Facts, error) {
	f := Facts{Present: map[string]bool{}}
	whole := false
	for line := range strings.Lines(string(out)) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			continue
		}
		switch name {
		case "user":
			f.User = leadingNumber(value)
		case "running":
			f.Running = value
		case "booted":
			f.Booted = value
		case "profile":
			f.Profile = value
		case "generation":
			f.Generation = nixname.Generation(value)
		case "keys":
			f.Keys = value == "yes"
		case "left":
			f.Left = value
		case "machine":
			f.Machine = value
		case "boot":
			f.BootID = value
		case "systemd":
			f.Systemd = leadingNumber(value)
		case "nix":
			f.Nix = nixVersion(value)
		case "holder":
			var h wire.Holder
			if json.Unmarshal([]byte(value), &h) == nil && h.ID != "" {
				f.Holder = &h
			}
		case "unfinished":
			if wire.ValidID(value) {
				f.Unfinished = value
			}
		case "present":
			f.Present[value] = true
		case "begin":
		case "end":
			whole = value == "facts"
		default:
			if err := take(name, value); err != nil {
				return Facts{}, err
			}
		}
	}
	if !whole {
		return Facts{}, errors.New("the answer was cut short")
	}
	return f, nil
}

func leadingNumber(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil {
		return 0
	}
	return n
}

// nixProgram is a program of Nix in a store path such as HASH-nix-2.26.3.
var nixProgram = regexp.MustCompile(`^` + nixname.StoreDir + `/[^/-]+-[^/]*?-([0-9][^/]*)/`)

// nixVersion takes the version out of a program's path, or returns the path.
func nixVersion(program string) string {
	if m := nixProgram.FindStringSubmatch(program); m != nil {
		return m[1]
	}
	return program
}

// UnderWay says which deployment the host is not done with; empty for none.
func (f Facts) UnderWay() string {
	switch {
	case f.Holder != nil:
		return fmt.Sprintf("deployment %s of %s is running there since %s", f.Holder.ID, f.Holder.Operator, f.Holder.Since.Format(time.RFC3339))
	case f.Unfinished != "":
		return fmt.Sprintf("deployment %s was cut short there: the next one brings it to its end first", f.Unfinished)
	}
	return ""
}

// UpToDate says whether the goal is reached already, so that nothing has to run.
// While a deployment is under way, what its host shows may be taken back. That
// the profile holds a system does not prove that the boot loader knows it: a
// power cut may have come in between. That it runs, too, does.
func (f Facts) UpToDate(goal wire.Goal, system string) bool {
	if f.Holder != nil || f.Unfinished != "" || f.Left == system || f.Running != system {
		return false
	}
	switch goal {
	case wire.Switch, wire.Boot:
		return f.Profile == system
	case wire.Test:
		return true
	}
	return false
}

// Check says why a host cannot take systems of the given Nix system, such as
// x86_64-linux; nil when it can.
func (f Facts) Check(nixSystem string) error {
	switch {
	case f.User != 0:
		return &RefusedError{Reason: fmt.Sprintf("commands run there as user %d instead of root", f.User), Next: "check deployment.privilegeEscalationCommand"}
	case f.Systemd == 0:
		return errors.New("systemd is not running on the host (no /run/systemd/system): flakeops activates NixOS systems only")
	case f.Nix == "":
		return errors.New("nix-store is not found on the host: install Nix, or put it into the PATH that sshd gives to commands")
	case f.Running == "":
		return errors.New("the host is not running NixOS (no /run/current-system): install NixOS on it first")
	case !nixname.IsStorePath(f.Running):
		return fmt.Errorf("the host's /run/current-system leads to %q, which is not a store path", f.Running)
	}
	if nixSystem == "" {
		return fmt.Errorf("the host does not tell its platform, it says that it is %q: set nixpkgs.hostPlatform", f.Machine)
	}
	if !runs(f.Platform(), nixSystem) {
		return fmt.Errorf("wrong architecture: the system is built for %s, the host is %s: check nixpkgs.hostPlatform or targetHost", nixSystem, f.Machine)
	}
	return nil
}

// Platform is the Nix system of the host's kernel, such as x86_64-linux; empty
// for a kernel that is not Linux, or a name that cannot be one.
func (f Facts) Platform() string {
	kernel, cpu, _ := strings.Cut(f.Machine, " ")
	if kernel != "Linux" || !processor.MatchString(cpu) {
		return ""
	}
	switch cpu {
	case "i386", "i486", "i586":
		cpu = "i686"
	case "armv8l":
		cpu = "armv7l"
	case "ppc64le":
		cpu = "powerpc64le"
	}
	return cpu + "-linux"
}

var processor = regexp.MustCompile(`^[a-z0-9_]+$`)

// runs says whether a host of one platform runs systems of another.
func runs(platform, nixSystem string) bool {
	return platform == nixSystem ||
		platform == "x86_64-linux" && nixSystem == "i686-linux" ||
		platform == "armv7l-linux" && nixSystem == "armv6l-linux"
}
