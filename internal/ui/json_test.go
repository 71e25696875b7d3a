package ui

import (
	"encoding/json"
	"strings"
	"testing"
)

// Who decodes a document may write what is in it to a terminal.
func TestJSONIsCleanOnceDecoded(t *testing.T) {
	type document struct{ Error, Plain string }
	foreign := document{"\x1b]0;owned\x07one\r\n\x1b[2Jtwo\u202e \"quoted\" \\u001b\\ \xff\n", "grün-雪 <a&b>\n\n  as it was"}
	want := document{"one\ntwo\ufffd \"quoted\" \\u001b\\ \ufffd\n", foreign.Plain}
	var out, errs buffer
	u := New(Options{Stdout: &out, Stderr: &errs, Form: JSON})
	if err := u.JSON(map[string]document{"\x1b[1mkey": foreign}); err != nil {
		t.Fatal(err)
	}
	var got map[string]document
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got["key"] != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if !strings.Contains(out.String(), "<a&b>") {
		t.Errorf("%s", out.String())
	}
	logged, err := json.Marshal(foreign)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = u.Diagnostics().Write(append(logged, '\n'))
	var line document
	if err := json.Unmarshal([]byte(errs.String()), &line); err != nil || line != want {
		t.Errorf("diagnostics: %q, %v, want %q", line, err, want)
	}
}

func FuzzCleanJSON(f *testing.F) {
	f.Add("\x1b[2J", "a\"\\\u001b\t")
	f.Fuzz(func(t *testing.T, a, b string) {
		doc, err := json.Marshal(map[string][]string{a: {b, a + b}})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string][]string
		if err := json.Unmarshal([]byte(cleanJSON(doc)), &got); err != nil {
			t.Fatalf("%s: %v", cleanJSON(doc), err)
		}
		for key, texts := range got {
			for _, text := range append(texts, key) {
				for line := range strings.SplitSeq(text, "\n") {
					if Clean(line) != line {
						t.Errorf("%q is not clean", line)
					}
				}
			}
		}
	})
}
