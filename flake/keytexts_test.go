package flake

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"flakeops/flake/nix"
	"flakeops/flake/nix/nixtest"

	"github.com/rs/zerolog"
)

func TestKeyTexts(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	f := open(t, n, ctx, nixtest.Flake(t, `
		"no.de" = plain "x" // { config = (plain "x").config // { deployment.keys = {
			a.text = "two\nlines \"quoted\" \${x} ü\n"; outPath.text = ""; "odd one".text = "o"; other.text = throw "not asked for";
		}; }; };
	`))
	got, err := f.KeyTexts(ctx, "no.de", []string{"outPath", "a", "odd one"})
	if err != nil {
		t.Fatal(err)
	}
	for attr, want := range map[string]string{"a": "two\nlines \"quoted\" ${x} ü\n", "outPath": "", "odd one": "o"} {
		if text, ok := got[attr]; !ok || string(text) != want {
			t.Errorf("%s: %q, %v", attr, text, ok)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d texts for 3 keys", len(got))
	}
	if got, err := f.KeyTexts(ctx, "no such node", nil); err != nil || len(got) != 0 {
		t.Errorf("no keys: %v, %v", got, err)
	}
}

func TestKeyTextErrorsAreSilent(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	var log bytes.Buffer
	n.Log, n.Flags = zerolog.New(&log), []string{"--show-trace"}
	f := open(t, n, ctx, nixtest.Flake(t, `
		web = plain "x" // { config = (plain "x").config // { deployment.keys = let s = "hunter2"; in {
			good.text = s; thrown.text = throw s; traced.text = builtins.trace s (throw s); aborted.text = abort s; number.text = 5;
			null.text = null; list.text = [ s ]; missing = { }; coerced.text = "${{ x = s; }}"; attribute.text = { }.${s};
		}; }; };
	`))
	for attr, want := range map[string]string{
		"thrown":    "node web: the text of key thrown cannot be evaluated: what nix says is not shown, as it may quote the value; to see it, run `nix eval` on nixosConfigurations.\"web\".config.deployment.keys.\"thrown\".text",
		"traced":    "the text of key traced cannot be evaluated",
		"aborted":   "one of the texts of keys good, aborted cannot be evaluated",
		"number":    "node web: the text of key number is of type int, it must be a string",
		"null":      "the text of key null is of type null, it must be a string",
		"list":      "is of type list",
		"missing":   "one of the texts of keys good, missing cannot be evaluated",
		"coerced":   "cannot be evaluated",
		"attribute": "cannot be evaluated",
		"nowhere":   "cannot be evaluated",
	} {
		texts, err := f.KeyTexts(ctx, "web", []string{"good", attr})
		var bad *KeyTextError
		if texts != nil || !errors.As(err, &bad) || bad.Node != "web" || !slices.Contains(bad.Keys, attr) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", attr, texts, err, want)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), "hunter2") {
				t.Errorf("%s: the value is in the error: %v", attr, e)
			}
		}
	}
	if strings.Contains(log.String(), "hunter2") || log.Len() == 0 {
		t.Errorf("logged: %s", log.String())
	}
}

func TestKeyTextsFromABrokenNix(t *testing.T) {
	for script, want := range map[string]string{
		`echo '[{"attr":"a","text":"hunter2"'`:     "did not print the JSON expected",
		`echo '{"attr":"a","text":"hunter2"}'`:     "did not print the JSON expected",
		`echo '[{"attr":"b","text":"hunter2"}]'`:   "did not print the JSON expected",
		`echo '[{"attr":"a","hunter2":1}]'`:        "did not print the JSON expected",
		`echo '[]'`:                                "did not print the JSON expected",
		`printf '[{"attr":"a","text":"hun\377"}]'`: "has bytes that are not UTF-8: use keyFile or keyCommand",
		`echo hunter2 >&2; exit 1`:                 "cannot be evaluated",
		`echo hunter2 >&2; kill -9 $$`:             "cannot be evaluated",
	} {
		nixtest.Fake(t, script)
		texts, err := (&Flake{URL: "x", nix: &nix.Programs{}}).KeyTexts(t.Context(), "web", []string{"a"})
		if texts != nil || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
	nixtest.Fake(t, "exec sleep 600")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := (&Flake{URL: "x", nix: &nix.Programs{}}).KeyTexts(ctx, "web", []string{"a"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("past its deadline: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := (&Flake{URL: "x", nix: &nix.Programs{}}).KeyTexts(t.Context(), "web", []string{"a"}); err == nil || !strings.Contains(err.Error(), "not in PATH") {
		t.Errorf("without nix: %v", err)
	}
}

// A text that comes from outside of the flake is nowhere afterwards, neither in
// a cache nor in what the store got meanwhile.
func TestKeyTextsLeaveNoTrace(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	n.Flags = []string{"--impure"}
	value := rand.Text()
	t.Setenv("FLAKEOPS_TEST_VALUE", value)
	dir := nixtest.Flake(t, `
		web = plain "x" // { config = (plain "x").config // { deployment.keys.a.text = builtins.getEnv "FLAKEOPS_TEST_VALUE"; }; };
	`)
	nixtest.Commit(t, dir) // such a flake has an evaluation cache
	before := storeEntries(t)
	f := open(t, n, ctx, dir)
	evaluate(t, ctx, f)
	got, err := f.KeyTexts(ctx, "web", []string{"a"})
	if err != nil || string(got["a"]) != value {
		t.Fatalf("%q, %v, want %q", got["a"], err, value)
	}
	searched := 0
	search := func(root string) {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if searched++; bytes.Contains(text, []byte(value)) {
				t.Errorf("the value is in %s", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	search(os.Getenv("HOME"))
	search(dir)
	for entry := range storeEntries(t) {
		// Another test may build or remove something at the same time.
		if _, err := os.Stat(entry); !before[entry] && err == nil && !strings.HasSuffix(entry, ".lock") {
			search(entry)
		}
	}
	if searched == 0 {
		t.Error("nothing was searched")
	}
}

// However many nodes have texts, only so many evaluators run as cores and memory
// allow.
func TestKeyTextsOfManyNodesWaitForEachOther(t *testing.T) {
	dir := t.TempDir()
	nixtest.Fake(t, `cd `+dir+` && : >running.$$ && ls running.* >seen.$$ && sleep 0.1; rm running.$$; echo '[{"attr":"a","text":"x"}]'`)
	f := &Flake{URL: "x", nix: &nix.Programs{}}
	const nodes = 12
	var all sync.WaitGroup
	for range nodes {
		all.Go(func() {
			if _, err := f.KeyTexts(t.Context(), "web", []string{"a"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	seen, err := filepath.Glob(filepath.Join(dir, "seen.*"))
	if err != nil || len(seen) != nodes {
		t.Fatalf("%d evaluators ran, %v", len(seen), err)
	}
	for _, name := range seen {
		b, err := os.ReadFile(name)
		if n := bytes.Count(b, []byte("\n")); err != nil || n > runtime.NumCPU() {
			t.Errorf("%d evaluators at once, %v", n, err)
		}
	}
}

func storeEntries(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir("/nix/store")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[filepath.Join("/nix/store", e.Name())] = true
	}
	return names
}

func FuzzKeyTexts(f *testing.F) {
	f.Add(`[{"attr":"a","text":"x"},{"attr":"b","text":""}]`)
	f.Add(`[{"attr":"a","text":"x"},{"attr":"b","error":"is a list"}]`)
	f.Add(`[{"attr":"a","text":null},{}]`)
	f.Fuzz(func(t *testing.T, s string) {
		texts, err := parseTexts("web", []string{"a", "b"}, []byte(s))
		if err != nil && texts != nil || err == nil && (len(texts) != 2 || texts["a"] == nil || texts["b"] == nil) {
			t.Errorf("%q, %v", texts, err)
		}
	})
}

// Beside another source a text is looked at, for it may be null. What it says
// when it throws may quote the value, and is not shown then either.
func TestTextsBesideAnotherSourceAreSilent(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	n.Flags = []string{"--show-trace"}
	f := open(t, n, ctx, nixtest.Flake(t, `
		web = plain "x" // { config = (plain "x").config // { deployment.keys.k = { keyFile = "/nowhere"; text = throw "hunter2"; }; }; };
		db = plain "y" // { config = (plain "y").config // { deployment.keys.k = { keyFile = "/nowhere"; text = null; }; }; };
	`))
	found, err := f.Validate(ctx, []string{"db", "web"}, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(found[0].Problems) > 0 || found[0].Err != nil {
		t.Errorf("db: %+v", found[0])
	}
	if v := found[1]; v.Err != nil || len(v.Problems) != 1 || !strings.Contains(v.Problems[0], "more than one source, keyFile and text") {
		t.Errorf("web: %+v", v)
	}
}
