package cli

import (
	"flakeops/flake"
	"flakeops/internal/fleet"
)

// asking is for verbs that ask hosts something and change nothing. Only settings are
// evaluated, and a host that does not answer keeps no other from being told of.
type asking struct {
	selection `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`

	Parallel int `short:"p" default:"10" placeholder:"N" help:"Hosts to ask at once (default 10)."`
}

func (a asking) flags() fleetFlags {
	return fleetFlags{a.selection, pace{a.Parallel, true}, a.reach, a.nixFlags, a.events, partition{}}
}

func (asking) options() fleet.Options { return fleet.Options{Want: flake.SettingsOnly} }
