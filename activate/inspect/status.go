package inspect

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"strings"

	"flakeops/activate"
	"flakeops/internal/run"
)

//go:embed tell.sh
var tellScript string

//go:embed status.sh
var statusScript string

// Status is how a host stands.
type Status struct {
	activate.Facts
	Version             // of the running system
	Reboot  []string    // what the running system has only after a reboot; nil where that is not known
	Last    *Deployment // nil for none on record
	By      *Deployment // the newest that ended well with the running system; nil for none on record
}

// ReadStatus asks the host behind r, which is root's: others cannot read its records.
func ReadStatus(ctx context.Context, r run.Runner) (Status, error) {
	var s statusReading
	facts, err := activate.Ask(ctx, r, tellScript+statusScript, nil, s.strictly)
	if err != nil {
		return Status{}, err
	}
	return s.status(facts), nil
}

// statusReading is a status while it is read.
type statusReading struct {
	version         Version
	booted, running activate.Parts
	last, by        journal
}

func (s *statusReading) strictly(name, value string) error {
	if !s.take(name, value) {
		return unknown(name)
	}
	return nil
}

// unknown is an answer that no script gives.
func unknown(name string) error { return fmt.Errorf("it tells of %.40q", name) }

// take says whether it knows the line.
func (s *statusReading) take(name, value string) bool {
	switch name {
	case "label", "says":
		s.version.take(name, value)
	case "last":
		s.last.take(value)
	case "by":
		s.by.take(value)
	default:
		if part, ok := strings.CutPrefix(name, "booted-"); ok {
			s.booted.Set(part, value)
		} else if part, ok := strings.CutPrefix(name, "running-"); ok {
			s.running.Set(part, value)
		} else {
			return false
		}
	}
	return true
}

func (s *statusReading) status(f activate.Facts) Status {
	is := Status{
		Facts:   f,
		Version: s.version,
		Last:    newest(s.last.all, func(Deployment) bool { return true }),
		By: newest(s.by.all, func(d Deployment) bool {
			return f.Running != "" && d.New == f.Running && d.Outcome.OK()
		}),
	}
	if f.Booted != "" {
		s.running.Systemd = "" // a switch has it start anew
		is.Reboot = s.booted.WantsReboot(s.running)
	}
	return is
}
