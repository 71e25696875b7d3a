package bootloader

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// grub reads what NixOS's install-grub.pl writes. Counted are the entries of the
// top menu only, as grub does.
func grub(dir string) (system string, there bool) {
	text, err := os.ReadFile(filepath.Join(dir, "grub.cfg"))
	if err != nil {
		return Unknown, !errors.Is(err, fs.ErrNotExist)
	}
	saved, once := grubenv(filepath.Join(dir, "grubenv"))
	if once {
		return Unknown, true
	}
	var titles, systems []string
	var choices []string
	depth := 0
	for line := range strings.Lines(string(text)) {
		key, value := cutField(line)
		switch {
		case depth == 0 && (key == "menuentry" || key == "submenu"):
			titles, systems = append(titles, title(value)), append(systems, Unknown)
		case depth == 1 && key == "linux" && len(systems) > 0:
			systems[len(systems)-1] = initOf(value)
		case key == "set" && strings.HasPrefix(value, "default=") && !strings.Contains(value, "next_entry"):
			choices = append(choices, strings.Trim(strings.TrimPrefix(value, "default="), `"'`))
		}
		depth += strings.Count(line, "{") - strings.Count(line, "}")
	}
	if len(choices) != 1 || depth != 0 {
		return Unknown, true
	}
	choice := choices[0]
	if choice == "${saved_entry}" {
		choice = saved
	}
	if choice == "" {
		choice = "0"
	}
	for i := range titles {
		if choice == strconv.Itoa(i) || choice == titles[i] {
			return systems[i], true
		}
	}
	return Unknown, true
}

// grubenv is what grub keeps from boot to boot: the entry chosen last, and
// whether the next boot is to be another one, once.
func grubenv(name string) (saved string, once bool) {
	text, _ := os.ReadFile(name) // there is none unless somebody saved something
	for line := range strings.Lines(string(text)) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
		case "saved_entry":
			saved = value
		case "next_entry":
			once = once || value != ""
		}
	}
	return saved, once
}

// title is the first argument of a menu entry.
func title(args string) string {
	if args == "" {
		return ""
	}
	if quote := args[:1]; quote == `"` || quote == `'` {
		text, _, _ := strings.Cut(args[1:], quote)
		return text
	}
	text, _ := cutField(args)
	return text
}
