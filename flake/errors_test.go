package flake

import "testing"

// What to do next follows the cause in one text.
func TestHints(t *testing.T) {
	for message, want := range map[string]string{
		"it is wrong":        "node web cannot be evaluated: it is wrong: correct it",
		"it does not exist.": "node web cannot be evaluated: it does not exist: correct it",
		"and so on...":       "node web cannot be evaluated: and so on...: correct it",
		"one\ntwo.":          "node web cannot be evaluated: one\ntwo.\ncorrect it",
	} {
		if got := (&EvalError{Node: "web", Message: message, Next: "correct it"}).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
