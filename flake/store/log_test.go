package store

import (
	"context"
	"strings"
	"testing"
	"unicode"

	"flakeops/flake/nix"
	"flakeops/internal/run"
)

// deaf is a Runner under which every program ends well and says nothing.
type deaf struct{}

func (deaf) Run(context.Context, run.Command) (run.Result, error) { return run.Result{}, nil }

func FuzzInternalJSONLog(f *testing.F) {
	f.Add("@nix {\"action\":\"start\",\"id\":1,\"type\":105,\"fields\":[\"/nix/store/00000000000000000000000000000000-x.drv\"]}\n@nix {\"action\":\"result\",\"id\":1,\"type\":101,\"fields\":[\"\\u001b[31mx\"]}\n@nix {\"action\":\"stop\",\"id\":1}\n")
	f.Add("@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: builder for '/nix/store/00000000000000000000000000000000-x.drv' failed\"}\n")
	f.Add("@nix {\"action\":\"result\",\"id\":0,\"type\":105,\"fields\":[-1,1e300,{}]}\n@nix {\"action")
	f.Add("ssh: \x1b]0;title\x07gone\n")
	f.Fuzz(func(t *testing.T, s string) {
		b := newBuild(t.Context(), Local{&nix.Programs{Runner: deaf{}}}, []Job{{Node: "a"}}, func(ev BuildEvent) {
			if strings.ContainsFunc(ev.Line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) && r < 0x80 }) {
				t.Errorf("control characters in %q", ev.Line)
			}
		})
		last := 0
		c := copying{progress: func(done, total int) {
			if done < last || done > total {
				t.Errorf("progress from %d to %d of %d", last, done, total)
			}
			last = done
		}}
		for _, handle := range []func([]byte){b.line, c.line} {
			w := &run.Lines{Max: nix.MaxLine, Handle: handle}
			_, _ = w.Write([]byte(s))
			w.End()
		}
		for _, f := range b.failures {
			if len(f.log) > 10 || strings.Contains(f.reason, "\n") {
				t.Errorf("%+v", f)
			}
		}
	})
}
