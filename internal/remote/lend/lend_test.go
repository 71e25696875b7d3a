package lend

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"flakeops/internal/run"

	"github.com/rs/zerolog"
)

// newLender starts a Lender; its ssh is never called.
func newLender(t *testing.T) *Lender {
	t.Helper()
	l, err := New(t.Context(), "/nowhere", zerolog.Nop())
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzStoreCommand(f *testing.F) {
	f.Add("nix-store --serve --write --store '/a b'")
	f.Add("nix-daemon --stdio; id")
	f.Fuzz(func(t *testing.T, line string) {
		argv, err := storeCommand(line)
		if err != nil {
			return
		}
		// What is allowed stays one command once it is quoted.
		again, err := storeCommand(run.Quote(argv))
		if err != nil || !reflect.DeepEqual(again, argv) {
			t.Errorf("%q became %q, then %q (%v)", line, argv, again, err)
		}
		prog := argv[0][strings.LastIndexByte(argv[0], '/')+1:]
		if prog != "nix-store" && prog != "nix-daemon" {
			t.Errorf("%q runs %q", line, argv)
		}
	})
}

func FuzzFrame(f *testing.F) {
	good, _ := encodeFrame(request{Host: "h", Command: "c", Started: true})
	f.Add(good)
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var req request
		if readFrame(bytes.NewReader(b), &req) != nil {
			return
		}
		frame, err := encodeFrame(req)
		must(t, err)
		var again request
		must(t, readFrame(bytes.NewReader(frame), &again))
		if again != req {
			t.Errorf("%+v became %+v", req, again)
		}
	})
}

// While it is nix's turn nobody is waited for.
func TestOnlyTheStoresSilenceCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		talk := followTalk(time.Minute, cancel)
		time.Sleep(time.Hour) // nix has not begun
		for range 3 {
			talk.nixSaid()
			time.Sleep(50 * time.Second)
			talk.nixSaid()
			time.Sleep(50 * time.Second)
			talk.storeSaid()
			time.Sleep(time.Hour)
		}
		if ctx.Err() != nil {
			t.Fatal(context.Cause(ctx))
		}
		talk.nixSaid()
		time.Sleep(2 * time.Minute)
		var silent *SilentError
		if !errors.As(context.Cause(ctx), &silent) {
			t.Errorf("cause %v", context.Cause(ctx))
		}
	})
}
