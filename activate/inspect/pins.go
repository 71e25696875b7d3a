package inspect

import (
	"context"
	_ "embed" // the script
	"strings"

	"flakeops/activate"
	"flakeops/internal/run"
)

//go:embed pins.sh
var pinsScript string

// Pins is what a host is pinned to.
type Pins struct {
	Running  string // system
	Version         // of that
	Channels []Channel
}

// Channel is a channel that a host still has, beside what its system was made with.
type Channel struct {
	Owner    string // user
	Name     string
	URL      string // where root's is updated from; "" where that is not known
	Revision string // of nixpkgs; "" for unknown
}

// ReadPins asks the host behind r, which is root's.
func ReadPins(ctx context.Context, r run.Runner) (Pins, error) {
	var p pinsReading
	facts, err := activate.Ask(ctx, r, tellScript+pinsScript, nil, p.take)
	if err != nil {
		return Pins{}, err
	}
	p.Running = facts.Running
	for _, s := range p.subscribed {
		if !p.updates(s) { // it was never updated, or its content was removed
			p.Channels = append(p.Channels, s)
		}
	}
	return p.Pins, nil
}

// Of says whether the system was made with a revision of nixpkgs, of which each may be
// short.
func (v Version) Of(nixpkgs string) bool {
	short := min(len(v.Nixpkgs), len(nixpkgs))
	return short >= 7 && v.Nixpkgs[:short] == nixpkgs[:short]
}

// pinsReading is what a host is pinned to while it is read.
type pinsReading struct {
	Pins
	owner      string
	subscribed []Channel
}

func (p *pinsReading) take(name, value string) error {
	switch name {
	case "label", "says":
		p.Version.take(name, value)
	case "subscribed":
		if f := strings.Fields(value); len(f) == 2 && !strings.HasPrefix(f[0], "#") {
			p.subscribed = append(p.subscribed, Channel{Owner: "root", Name: f[1], URL: f[0]})
		}
	case "owner":
		p.owner = value
	case "channel":
		if p.owner == "" {
			return unknown(name)
		}
		p.Channels = append(p.Channels, Channel{Owner: p.owner, Name: value})
	case "revision":
		if len(p.Channels) == 0 {
			return unknown(name)
		}
		if revision.MatchString(value) {
			p.Channels[len(p.Channels)-1].Revision = value
		}
	default:
		return unknown(name)
	}
	return nil
}

// updates gives a channel of root's its URL, if there is one of that name.
func (p *pinsReading) updates(s Channel) (found bool) {
	for i, c := range p.Channels {
		if c.Owner == s.Owner && c.Name == s.Name {
			p.Channels[i].URL, found = s.URL, true
		}
	}
	return found
}
