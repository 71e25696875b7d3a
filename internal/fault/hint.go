package fault

import "strings"

// WithHint appends the next step to a text that may have many lines.
func WithHint(text, hint string) string {
	switch {
	case hint == "":
		return text
	case strings.Contains(text, "\n"):
		return text + "\n" + hint
	default:
		if !strings.HasSuffix(text, "..") { // nix ends some of its messages with a full stop
			text = strings.TrimSuffix(text, ".")
		}
		return text + ": " + hint
	}
}
