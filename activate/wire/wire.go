// Package wire defines the JSON documents that deployer and agent exchange.
//
// The deployer writes one Request or one Attach to the agent's stdin, and the
// agent answers on stdout with Events, one per line. Numbered events are the
// deployment's history: they come in order, without gaps, and an Attach can ask
// for them again from any number. Heartbeats and replies belong to one stream
// only and carry the number 0.
package wire

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"flakeops/internal/nixname"
)

// Version is the version of every document. An agent travels with its
// deployer, so a difference means that the two were mixed up.
const Version = 1

// MaxLine is the longest line, in bytes, that either side accepts.
const MaxLine = 64 << 10

// MaxOutput is the longest line of the activation's own output, in bytes, that
// an event carries; the agent cuts what is longer.
const MaxOutput = 4 << 10

// HeartbeatEvery is how often an idle stream says that it is alive.
const HeartbeatEvery = time.Second

// Goal is what to do with a system, as switch-to-configuration names it.
type Goal string

// The goals of switch-to-configuration.
const (
	Switch      Goal = "switch"
	Boot        Goal = "boot"
	Test        Goal = "test"
	DryActivate Goal = "dry-activate"
)

// Flake says which revision of which flake a system was built from.
type Flake struct {
	URL      string            `json:"url"`                // locked URL, or the path of a dirty tree
	Revision string            `json:"revision,omitempty"` // empty for a tree without commits
	Inputs   map[string]string `json:"inputs,omitempty"`   // input name to locked URL
}

// Request starts a deployment. It is the agent's only input besides the host
// itself.
type Request struct {
	Version       int    `json:"version"`
	ID            string `json:"id"`
	Node          string `json:"node"`
	Goal          Goal   `json:"goal"`
	System        string `json:"system"`  // store path to activate
	Agent         string `json:"agent"`   // store path of the agent's executable
	Profile       string `json:"profile"` // /nix/var/nix/profiles/system
	TokenHash     string `json:"tokenHash"`
	MagicRollback bool   `json:"magicRollback"`
	AutoRollback  bool   `json:"autoRollback"`
	// RebootWhenStranded has a host reboot that could not go back, and that nobody
	// gets in to.
	RebootWhenStranded bool   `json:"rebootWhenStranded"`
	ActivationTimeout  int    `json:"activationTimeout"` // seconds
	ConfirmTimeout     int    `json:"confirmTimeout"`    // seconds
	Operator           string `json:"operator"`
	Flake              Flake  `json:"flake"`
}

// Validate refuses a request that the agent could not carry out to its end.
func (r Request) Validate() error {
	switch {
	case r.Version != Version:
		return fmt.Errorf("request has version %d, this agent speaks %d", r.Version, Version)
	case !ValidID(r.ID):
		return fmt.Errorf("invalid deployment ID %q", r.ID)
	case r.Goal != Switch && r.Goal != Boot && r.Goal != Test:
		return fmt.Errorf("goal %q is not one an agent carries out", r.Goal)
	case !nixname.IsStorePath(r.System):
		return fmt.Errorf("system %q is not a store path", r.System)
	case !nixname.IsStorePath(r.Agent):
		return fmt.Errorf("agent %q is not a store path", r.Agent)
	case !path.IsAbs(r.Profile) || path.Clean(r.Profile) != r.Profile:
		return fmt.Errorf("profile %q is not an absolute path", r.Profile)
	case r.ActivationTimeout <= 0 || r.ActivationTimeout > MaxTimeout:
		return fmt.Errorf("activationTimeout must be from 1 to %d seconds", MaxTimeout)
	case r.ConfirmTimeout < 0 || r.ConfirmTimeout > MaxTimeout || r.MagicRollback && r.ConfirmTimeout == 0:
		return fmt.Errorf("confirmTimeout must be from 1 to %d seconds", MaxTimeout)
	case r.MagicRollback && len(r.TokenHash) != TokenHashLen:
		return errors.New("tokenHash is not a SHA-256 digest in hexadecimal")
	}
	return nil
}

// MaxTimeout is the longest that an activation or the wait for its confirm may
// be allowed, in seconds: 30 days. Sums of a few of them are still times.
const MaxTimeout = 30 * 24 * 60 * 60

// TokenHashLen is the length of Request.TokenHash: a SHA-256 digest in hexadecimal.
const TokenHashLen = 64

// Attach follows a deployment that runs already, or ended. With a Token it
// confirms; with Abort it asks for a rollback of what is not confirmed yet.
type Attach struct {
	Version int    `json:"version"`
	ID      string `json:"id"`
	From    int64  `json:"from"` // first event number wanted
	Token   string `json:"token,omitempty"`
	Abort   bool   `json:"abort,omitempty"`
}

// Kind tells the events apart.
type Kind string

// The kinds of event. Heartbeat and Reply are not numbered.
const (
	Heartbeat Kind = "heartbeat" // the stream is alive
	Reply     Kind = "reply"     // answers an Attach's Token or Abort
	Refused   Kind = "refused"   // nothing was started; Message says why
	Started   Kind = "started"   // lock taken, old and new rooted; Old and New are set
	Phase     Kind = "phase"     // Phase is set
	Output    Kind = "output"    // one line of what the activation printed
	Finished  Kind = "finished"  // the last event; Outcome is set
)

// The phases of a deployment.
const (
	PhaseActivating  = "activating"
	PhaseWaiting     = "waiting for confirm"
	PhaseCommitting  = "committing"
	PhaseRollingBack = "rolling back"
	PhaseStranded    = "stranded" // rolling back failed; Message says why, Seconds is the time until the host reboots
)

// The answers to a token or an abort.
const (
	Accepted = "accepted" // this deployer's proof was in time
	TooLate  = "too late" // the host decided otherwise before
	NotYet   = "not yet"  // the new system is still being activated
	Wrong    = "wrong"    // that is not the token
)

// Outcome is how a deployment ended.
type Outcome string

// The outcomes. Only Deployed, Tested and BootSet are successes.
const (
	Deployed       Outcome = "deployed"        // running, profile and boot default are the new system
	Tested         Outcome = "tested"          // the new system runs; profile and boot default are as before
	BootSet        Outcome = "boot set"        // profile and boot default are the new system
	RolledBack     Outcome = "rolled back"     // everything is as before
	LeftBroken     Outcome = "left as it is"   // activation failed and autoRollback is off
	RollbackFailed Outcome = "rollback failed" // the host needs a look
)

// OK says whether the outcome is what the operator asked for.
func (o Outcome) OK() bool { return o == Deployed || o == Tested || o == BootSet }

// Event is one line of an agent's answer.
type Event struct {
	Seq     int64     `json:"seq"`
	Time    time.Time `json:"time"`
	Kind    Kind      `json:"kind"`
	ID      string    `json:"id,omitempty"`
	Phase   string    `json:"phase,omitempty"`
	Message string    `json:"message,omitempty"` // output line, refusal, or cause of a failure
	Reply   string    `json:"reply,omitempty"`
	Old     string    `json:"old,omitempty"`
	New     string    `json:"new,omitempty"`
	Outcome Outcome   `json:"outcome,omitempty"`
	Units   []string  `json:"units,omitempty"`   // units that failed
	Reboot  bool      `json:"reboot,omitempty"`  // the new system wants a reboot
	Holder  *Holder   `json:"holder,omitempty"`  // who holds the host's lock
	Seconds int       `json:"seconds,omitempty"` // time left to confirm
}

// Holder is who holds a host's lock.
type Holder struct {
	ID       string    `json:"id"`
	Operator string    `json:"operator"`
	PID      int       `json:"pid"` // of the agent, on the host
	Since    time.Time `json:"since"`
}

// Record is one line of the host's deployments file. A deployment writes one
// when it starts, without an Outcome, and one when it ends; a start without an
// end was cut short, by a power cut for instance.
type Record struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Node     string    `json:"node"`
	Operator string    `json:"operator"`
	Flake    Flake     `json:"flake"`
	Old      string    `json:"old"`
	New      string    `json:"new"`
	Goal     Goal      `json:"goal"`
	Outcome  Outcome   `json:"outcome,omitempty"`
	Message  string    `json:"message,omitempty"`
	Units    []string  `json:"units,omitempty"`
}

// ValidID says whether s can be a deployment ID: 1 to 64 letters, digits and
// hyphens, so that it can be part of a unit name and of a file name.
func ValidID(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '-' {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
	}) < 0
}
