package bootloader

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// entry is a boot loader entry of systemd-boot's.
type entry struct {
	id                          string // file name, without the counters of boot counting
	sortKey, machineID, version string
	spent                       bool // counted down to nothing: it goes last
	system                      string
}

// systemdBoot reads loader/loader.conf and the entries beside it, as systemd-boot
// itself does. There may be two directories: its own, and one for more entries.
func systemdBoot(root string, dirs []string) (system string, there bool) {
	pattern, confs := "", 0
	var entries []entry
	images := false
	for _, dir := range dirs {
		switch text, err := os.ReadFile(filepath.Join(dir, "loader/loader.conf")); {
		case err == nil:
			confs++
			var sure bool
			if pattern, sure = defaultOf(string(text)); !sure {
				return Unknown, true
			}
		case !errors.Is(err, fs.ErrNotExist):
			return Unknown, true
		}
		entries = append(entries, readEntries(filepath.Join(dir, "loader/entries"))...)
		unified, _ := filepath.Glob(filepath.Join(dir, "EFI/Linux/*.efi"))
		images = images || len(unified) > 0
	}
	if confs == 0 {
		return Unknown, false
	}
	if confs > 1 || variable(root, "LoaderEntryOneShot") != "" {
		return Unknown, true
	}
	if chosen := variable(root, "LoaderEntryDefault"); chosen != "" {
		pattern = chosen // made at the menu, or by bootctl
	}
	slices.SortFunc(entries, newestFirst)
	i := max(0, slices.IndexFunc(entries, func(e entry) bool { return matches(pattern, e.id) })) // the first where none matches
	if len(entries) == 0 || images && pattern != entries[i].id {
		return Unknown, true // a unified kernel image may come before it
	}
	return entries[i].system, true
}

// defaultOf is the pattern that loader.conf gives for the default's name, and
// whether that is all it says about it.
func defaultOf(text string) (pattern string, sure bool) {
	for line := range strings.Lines(text) {
		switch key, value := cutField(line); key {
		case "default":
			pattern = value
		case "preferred":
			return "", false
		}
	}
	return pattern, !strings.HasPrefix(pattern, "@")
}

// matches says whether a default's pattern names an entry. Before systemd 248
// names had no suffix there. Without a pattern the first entry is it.
func matches(pattern, id string) bool {
	pattern, id = strings.ToLower(pattern), strings.ToLower(id)
	if pattern == "" {
		return true
	}
	whole, _ := path.Match(pattern, id)
	short, _ := path.Match(pattern, strings.TrimSuffix(id, ".conf"))
	return whole || short
}

var counters = regexp.MustCompile(`\+([0-9]+)(-[0-9]+)?\.conf$`)

func readEntries(dir string) []entry {
	names, _ := filepath.Glob(filepath.Join(dir, "*.conf"))
	var all []entry
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		e := entry{id: filepath.Base(name)}
		if m := counters.FindStringSubmatchIndex(e.id); m != nil {
			e.spent = strings.Trim(e.id[m[2]:m[3]], "0") == ""
			e.id = e.id[:m[0]] + ".conf"
		}
		options := ""
		for line := range strings.Lines(string(text)) {
			switch key, value := cutField(line); key {
			case "sort-key":
				e.sortKey = value
			case "machine-id":
				e.machineID = value
			case "version":
				e.version = value
			case "options":
				options += " " + value
			}
		}
		e.system = initOf(options)
		all = append(all, e)
	}
	return all
}

// newestFirst is the order of systemd-boot's menu.
func newestFirst(a, b entry) int {
	switch {
	case a.spent != b.spent && a.spent:
		return 1
	case a.spent != b.spent:
		return -1
	case (a.sortKey == "") != (b.sortKey == "") && a.sortKey == "":
		return 1
	case (a.sortKey == "") != (b.sortKey == ""):
		return -1
	}
	if a.sortKey != "" {
		if c := cmp.Or(cmp.Compare(a.sortKey, b.sortKey), cmp.Compare(a.machineID, b.machineID), -compareVersions(a.version, b.version)); c != 0 {
			return c
		}
	}
	return -compareVersions(a.id, b.id)
}

// variable reads one of systemd-boot's EFI variables, empty where there is none:
// four bytes of attributes, then UTF-16.
func variable(root, name string) string {
	const vendor = "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
	b, err := os.ReadFile(filepath.Join(root, "sys/firmware/efi/efivars", name+vendor))
	if err != nil || len(b) < 4 {
		return ""
	}
	var text []uint16
	for b = b[4:]; len(b) >= 2; b = b[2:] {
		text = append(text, uint16(b[0])|uint16(b[1])<<8)
	}
	return strings.TrimRight(string(utf16.Decode(text)), "\x00")
}
