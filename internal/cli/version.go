package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"flakeops/internal/cli/document"
	"flakeops/internal/ui"
)

// version is set by the linker (-X flakeops/internal/cli.version=...).
var version string

type versionCmd struct {
	answer `embed:""`
}

// Help is the verb's detailed help.
func (versionCmd) Help() string {
	return "Prints the version, the Go release it was built with, and the platform it runs on."
}

// versionDocument is the answer of version --json.
type versionDocument struct {
	Version  int    `json:"version"`
	Flakeops string `json:"flakeops"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Run prints the version.
func (c versionCmd) Run(s *session) error {
	d := aboutThis()
	if !c.JSON {
		return d.print(s.stdout)
	}
	return ui.New(ui.Options{Stdout: s.stdout, Stderr: s.stderr, Form: ui.JSON}).JSON(d)
}

func (d versionDocument) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "flakeops %s (%s, %s)\n", d.Flakeops, d.Go, d.Platform)
	return err
}

func aboutThis() versionDocument {
	d := versionDocument{
		Version:  document.Version,
		Flakeops: version,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info, ok := debug.ReadBuildInfo(); ok && d.Flakeops == "" {
		d.Flakeops = info.Main.Version
	}
	if d.Flakeops == "" {
		d.Flakeops = "(devel)"
	}
	return d
}

// versionFlag is --version, for those who expect a flag.
type versionFlag bool

// IgnoreDefault keeps kong from taking the flag's zero value for an answer.
func (versionFlag) IgnoreDefault() {}

// BeforeReset answers before anything else that was given is looked at.
func (versionFlag) BeforeReset(ctx *kong.Context) error {
	if err := aboutThis().print(ctx.Stdout); err != nil {
		return err
	}
	return errAnswered
}
