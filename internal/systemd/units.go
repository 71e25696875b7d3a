// Package systemd is how a host's units are asked for, and how systemctl's answer is read.
package systemd

import (
	"context"
	"fmt"
	"strings"

	"flakeops/internal/run"
)

// Unit is a line of systemctl list-units.
type Unit struct {
	Name        string // such as nginx.service
	Active, Sub string // such as failed and failed, or activating and auto-restart
}

// maxList is more than any host's units need, in bytes.
const maxList = 1 << 20

// List asks for the units that are in one of some states, joined by commas.
func List(ctx context.Context, r run.Runner, states string) ([]Unit, error) {
	out := &run.Head{Max: maxList}
	_, err := r.Run(ctx, run.Command{
		Argv:   []string{"systemctl", "list-units", "--state=" + states, "--plain", "--no-legend", "--no-pager", "--full"},
		Stdout: out,
	})
	if err != nil {
		return nil, fmt.Errorf("listing units: %w", err)
	}
	var units []Unit
	for line := range strings.Lines(string(out.Bytes())) {
		if u, ok := Parse(line); ok {
			units = append(units, u)
		}
	}
	return units, nil
}

// Parse reads a line: UNIT LOAD ACTIVE SUB DESCRIPTION.
func Parse(line string) (Unit, bool) {
	f := strings.Fields(line)
	if len(f) < 4 {
		return Unit{}, false
	}
	return Unit{Name: f[0], Active: f[2], Sub: f[3]}, true
}
