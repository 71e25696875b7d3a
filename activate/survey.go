package activate

import (
	"bufio"
	"bytes"
	"context"
	_ "embed" // the script
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"flakeops/activate/closure"
	"flakeops/activate/wire"
	"flakeops/internal/nixname"
	"flakeops/internal/run"
)

//go:embed survey.sh
var surveyScript string

// Question is what a plan asks of a host.
type Question struct {
	System string          // the new one
	Agent  string          // store path to look for; empty for none
	New    closure.Closure // of System; nil when it is not known
}

// Survey is a host's answer.
type Survey struct {
	Running closure.Closure // of the running system
	New     closure.Closure // of the new one: as asked, or as the host has it; nil when neither knows
	Missing map[string]bool // those of New, System and Agent that are not on the host
	Booted  Parts
	Next    Parts    // of the new system, where the host has it
	Keys    []string // paths of the keys that flakeops installed, sorted
}

// maxSurvey is more than any two systems consist of, in bytes of an answer.
const maxSurvey = 16 << 20

// ReadSurvey asks the host behind r in one round trip, and changes nothing there.
func ReadSurvey(ctx context.Context, r run.Runner, q Question) (Survey, error) {
	argv := []string{"sh", "-c", partsScript + surveyScript, "sh", q.System}
	if q.Agent != "" {
		argv = append(argv, q.Agent)
	}
	for _, path := range argv[4:] {
		if !nixname.IsStorePath(path) {
			return Survey{}, fmt.Errorf("%q is not a store path", path)
		}
	}
	wanted := strings.Join(slices.Sorted(maps.Keys(q.New)), "\n")
	out := &run.Head{Max: maxSurvey}
	if _, err := r.Run(ctx, run.Command{Argv: argv, Stdin: strings.NewReader(wanted), Stdout: out}); err != nil {
		return Survey{}, fmt.Errorf("asking the host what it consists of: %w", err)
	}
	s, err := parseSurvey(out.Bytes())
	if err != nil {
		return Survey{}, fmt.Errorf("asking the host what it consists of: %w", err)
	}
	if q.New != nil {
		s.New = q.New
	}
	return s, nil
}

// listing is a closure on its way: paths first, then their sizes.
type listing struct {
	paths []string
	sizes []int64
}

func (l listing) closure() (closure.Closure, error) {
	if len(l.paths) != len(l.sizes) {
		return nil, fmt.Errorf("it gave %d sizes for %d store paths", len(l.sizes), len(l.paths))
	}
	if len(l.paths) == 0 {
		return nil, nil
	}
	c := closure.Closure{}
	for i, path := range l.paths {
		c[path] = l.sizes[i]
	}
	return c, nil
}

// parseSurvey passes over lines it does not know.
func parseSurvey(out []byte) (Survey, error) {
	s := Survey{Missing: map[string]bool{}}
	var running, next listing
	var checked, whole bool
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, wire.MaxLine)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "\t")
		if !ok {
			continue
		}
		switch name {
		case "running", "new":
			if !nixname.IsStorePath(value) {
				return Survey{}, fmt.Errorf("it named %q, which is not a store path", value)
			}
			l := pick(name, &running, &next)
			l.paths = append(l.paths, value)
		case "running-size", "new-size":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 0 {
				return Survey{}, fmt.Errorf("%q is not a size", value)
			}
			l := pick(strings.TrimSuffix(name, "-size"), &running, &next)
			l.sizes = append(l.sizes, n)
		case "missing":
			s.Missing[value] = true
		case "checked":
			checked = true
		case "manifest":
			var m struct {
				Keys []string `json:"keys"`
			}
			if json.Unmarshal([]byte(value), &m) == nil {
				s.Keys = slices.Sorted(slices.Values(m.Keys))
			}
		case "end":
			whole = value == "survey"
		default:
			if part, ok := strings.CutPrefix(name, "booted-"); ok {
				s.Booted.Set(part, value)
			} else if part, ok := strings.CutPrefix(name, "new-"); ok {
				s.Next.Set(part, value)
			}
		}
	}
	err := lines.Err()
	if err == nil && !whole {
		err = errors.New("the answer was cut short")
	}
	if err == nil && !checked {
		err = errors.New("nix-store does not say which store paths it has: check Nix on the host")
	}
	if err == nil {
		s.Running, err = running.closure()
	}
	if err == nil {
		s.New, err = next.closure()
	}
	return s, err
}

func pick(name string, running, next *listing) *listing {
	if name == "running" {
		return running
	}
	return next
}
