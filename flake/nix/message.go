package nix

import (
	"regexp"
	"slices"
	"strings"

	"flakeops/internal/ansi"
)

// An error is shown with so many lines, of so many bytes each: a failed NixOS
// assertion or type error fits.
const (
	maxReason = 15
	maxWidth  = 1000
)

// reason finds in nix's stderr what went wrong. Newer versions print the trace
// first and the error last, older ones the error first and where it was after
// it; both begin the error itself with "error:". With trace all is kept.
func reason(stderr string, trace bool) string {
	lines := meaningful(stderr)
	if !trace {
		for i, l := range lines {
			if len(l) > maxWidth {
				lines[i] = strings.ToValidUTF8(l[:maxWidth], "") + "..."
			}
		}
	}
	start := errorLine(lines)
	if start < 0 || trace {
		if !trace && len(lines) > maxReason {
			lines = lines[len(lines)-maxReason:]
		}
		return strings.TrimSpace(strings.TrimPrefix(strings.Join(lines, "\n"), "error:"))
	}
	before := lines[:start]
	lines = lines[start:]
	lines[0] = strings.TrimPrefix(strings.TrimSpace(lines[0]), "error:")
	if program.MatchString(lines[0]) {
		lines = append(lines[:1:1], append(lastWords(before), lines[1:]...)...)
	}
	if len(lines) > maxReason {
		lines = append(lines[:maxReason:maxReason], "...")
	}
	return strings.TrimSpace(lines[0] + "\n" + dedent(lines[1:]))
}

// errorLine is where the last error's own text begins, -1 without one. Further
// lines of that text may begin in the same way, but are indented.
func errorLine(lines []string) int {
	start := -1
	for i, l := range lines {
		if !strings.HasPrefix(strings.TrimLeft(l, " "), "error:") {
			continue
		}
		// After a bare "error:" newer versions have the trace first.
		if start < 0 || !strings.HasPrefix(l, " ") || lines[start] == "error:" {
			start = i
		}
	}
	return start
}

// program recognises nix's error about one that it ran, such as git, whose own
// words come before.
var program = regexp.MustCompile(`program '[^']*' failed`)

// lastWords are the last lines that nix did not write itself.
func lastWords(lines []string) []string {
	const most = 5
	lines = slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		return l == "" || progress.MatchString(l) || strings.HasPrefix(l, "warning:") || strings.HasPrefix(l, "trace:")
	})
	return lines[max(len(lines)-most, 0):]
}

// Said is what nix wrote to stderr although all went well, its progress left
// out: its own warnings, and what the flake traces, such as NixOS's warnings.
func Said(stderr string) []string {
	var lines []string
	for _, l := range meaningful(stderr) {
		if l != "" && !progress.MatchString(l) {
			lines = append(lines, l)
		}
	}
	return lines
}

// progress recognises what nix tells of fetching, of builds that an evaluation
// needs, and of waiting for another nix.
var progress = regexp.MustCompile(`^(?:copying|building|fetching|downloading|unpacking|querying) |` +
	`^(?:these \d+ |this )(?:derivations?|paths?) will be |^  /|` +
	`^warning: (?:error: |error \(ignored\): )*SQLite database .* is busy`)

// meaningful drops the lines that say nothing about a failure.
func meaningful(stderr string) []string {
	var keep []string
	for l := range strings.SplitSeq(Plain(stderr), "\n") {
		t := strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(t, "warning: Git tree ") && strings.HasSuffix(t, "is dirty"),
			strings.HasPrefix(t, "(use '--show-trace'"),
			strings.HasPrefix(t, "(stack trace truncated"),
			strings.HasSuffix(t, "searching up"):
			continue
		}
		keep = append(keep, strings.TrimRight(l, " \t\r"))
	}
	return keep
}

// dedent removes the indentation that all lines share.
func dedent(lines []string) string {
	indent := -1
	for _, l := range lines {
		if strings.TrimSpace(l) == "" {
			continue
		}
		n := len(l) - len(strings.TrimLeft(l, " "))
		if indent < 0 || n < indent {
			indent = n
		}
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l[min(max(indent, 0), len(l)):]
	}
	return strings.Join(out, "\n")
}

// Plain removes terminal escape sequences and other control characters, which
// nix uses for colour and a build's output may contain.
func Plain(s string) string {
	if strings.IndexFunc(s, control) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if control(r) {
			return -1
		}
		return r
	}, ansi.Strip(s))
}

func control(r rune) bool { return r < 0x20 && r != '\n' && r != '\t' || r == 0x7f }
