package fault

import "strings"

// Text is an error with what to do about it, for where that is not told apart.
func Text(err error) string {
	text, hint := err.Error(), Hint(err)
	if strings.Contains(text, hint) {
		return text
	}
	return WithHint(text, hint)
}

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
