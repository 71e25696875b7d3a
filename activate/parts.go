package activate

import (
	_ "embed" // the script
	"os"
	"path/filepath"
	"strings"

	"flakeops/activate/closure"
	"flakeops/internal/nixname"
)

//go:embed parts.sh
var partsScript string

// Parts are what of a system only a boot puts to use: files that its links lead
// to, the kernel's parameters, and the switch inhibitors, over a change of which
// NixOS refuses to switch. What a system lacks is empty; a list of no inhibitors
// is not.
type Parts struct {
	Kernel, Modules, Initrd, Systemd, Params, Inhibitors string
}

// PartsOf reads the parts of a system in the local store.
func PartsOf(system string) Parts {
	var p Parts
	for _, part := range []string{"kernel", "kernel-modules", "initrd", "systemd"} {
		if file, err := filepath.EvalSymlinks(filepath.Join(system, part)); err == nil {
			p.Set(part, file)
		}
	}
	for _, part := range []string{"kernel-params", "switch-inhibitors"} {
		if text, err := os.ReadFile(filepath.Join(system, part)); err == nil {
			p.Set(part, string(text))
		}
	}
	return p
}

// Set takes over a part of the name it has in a system: the file that a link leads
// to, or a file's text. Other names are passed over.
func (p *Parts) Set(part, value string) {
	switch part {
	case "kernel":
		p.Kernel = value
	case "kernel-modules":
		p.Modules = value
	case "initrd":
		p.Initrd = value
	case "systemd":
		p.Systemd = value
	case "kernel-params":
		p.Params = strings.Join(strings.Fields(value), " ")
	case "switch-inhibitors":
		p.Inhibitors = strings.Join(append([]string{part}, strings.Fields(value)...), " ")
	}
}

// WantsReboot lists what the new system has that a host which booted p would
// have after a reboot only. Parts that the new system lacks do not count.
func (p Parts) WantsReboot(next Parts) []string {
	var why []string
	for _, part := range []struct{ name, was, is string }{
		{"kernel", p.Kernel, next.Kernel}, {"kernel modules", p.Modules, next.Modules},
		{"initrd", p.Initrd, next.Initrd}, {"systemd", p.Systemd, next.Systemd},
	} {
		if part.is != "" && part.was != part.is {
			why = append(why, part.name+versions(part.was, part.is))
		}
	}
	if next.Params != "" && p.Params != next.Params {
		why = append(why, "kernel parameters")
	}
	if p.Inhibitors != "" && next.Inhibitors != "" && p.Inhibitors != next.Inhibitors {
		why = append(why, "switch inhibitors")
	}
	return why
}

// versions names what changed where the versions of two files' packages differ.
func versions(was, is string) string {
	before, after := packageOf(was).Version, packageOf(is).Version
	if before == after || before == "" || after == "" {
		return ""
	}
	return " " + before + " -> " + after
}

// packageOf is the package of a file in the store.
func packageOf(file string) closure.Package {
	inside, ok := strings.CutPrefix(file, nixname.StoreDir+"/")
	if !ok {
		return closure.Package{}
	}
	base, _, _ := strings.Cut(inside, "/")
	return closure.PackageOf(base)
}
