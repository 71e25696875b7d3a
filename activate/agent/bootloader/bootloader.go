package bootloader

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"flakeops/internal/nixname"
)

// What Default returns where there is no system to name.
const (
	Unknown = ""        // files that do not tell: of another boot loader, or of two that do not agree
	None    = "nothing" // no boot loader has left a file, as in a container, or where /boot is not mounted
)

// Known says whether an answer of Default is a system.
func Known(boots string) bool { return boots != Unknown && boots != None }

// Default is the store path of the system that would boot next on the machine
// whose root directory is root, or None, or Unknown.
func Default(root string) string {
	dirs := Dirs(root)
	answer, found := Unknown, false
	for _, read := range []func() (string, bool){
		func() (string, bool) { return systemdBoot(root, dirs) },
		func() (string, bool) { return grub(filepath.Join(root, "boot/grub")) },
		func() (string, bool) { return extlinux(filepath.Join(root, "boot/extlinux/extlinux.conf")) },
	} {
		system, there := read()
		if there && found && system != answer {
			return Unknown // one of them is a leftover
		}
		if there {
			answer, found = system, true
		}
	}
	if !found && !slices.ContainsFunc(dirs, hasFiles) {
		return None
	}
	return answer
}

// Dirs are where NixOS mounts what the firmware or the boot loader reads, there
// or not.
func Dirs(root string) []string {
	return []string{filepath.Join(root, "boot"), filepath.Join(root, "efi"), filepath.Join(root, "boot/efi")}
}

func hasFiles(dir string) bool {
	return errors.Is(filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			return errFile
		}
		return nil
	}), errFile)
}

var (
	errFile = errors.New("a file")
	initArg = regexp.MustCompile(`(?:^|\s)init=(\S+)/init(?:\s|$)`)
)

// initOf takes the system out of a kernel's command line.
func initOf(args string) string {
	m := initArg.FindStringSubmatch(args)
	if m == nil || !nixname.IsStorePath(m[1]) {
		return Unknown
	}
	return m[1]
}

// extlinux reads what NixOS's extlinux-conf-builder writes.
func extlinux(name string) (system string, there bool) {
	text, err := os.ReadFile(name)
	if err != nil {
		return Unknown, !errors.Is(err, fs.ErrNotExist)
	}
	systems, label, choice := map[string]string{}, "", ""
	for line := range strings.Lines(string(text)) {
		switch key, value := cutField(line); key {
		case "DEFAULT":
			choice = value
		case "LABEL":
			label = value
		case "APPEND":
			systems[label] = initOf(value)
		}
	}
	return systems[choice], true
}

// cutField cuts a line of a configuration into its first word and the rest.
func cutField(line string) (key, value string) {
	line = strings.TrimSpace(line)
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimSpace(line[i:])
}
