package chaos

import (
	"fmt"
	"strings"
	"time"
)

// action is what the operator does.
type action string

const (
	deploys    action = "deploy"
	boots      action = "deploy --boot"
	tries      action = "deploy --test"
	dries      action = "deploy --dry-activate"
	takesBack  action = "deploy --rollback-succeeded"
	rebootsNew action = "deploy --reboot"
	sendsKeys  action = "send-keys"
	reboots    action = "reboot"
	both       action = "two deployers at once"
)

// plan is a round: what is done, to which hosts, and what goes wrong. All of it
// follows from the seed.
type plan struct {
	seed    uint64
	action  action
	keep    bool          // --keep-going
	second  time.Duration // when the other deployer comes, of two
	systems []system
	faults  []fault
}

// system is one node, and the new system that is deployed to it.
type system struct {
	suite string // of its host
	user  string
	keys  bool
	wrong []string // the new system's own faults, see tests/flakes/fleet
}

// fault is something that goes wrong at a moment.
type fault struct {
	kind  kind
	node  int           // on whose host
	at    moment        // when it begins:
	after time.Duration // so long after the moment
	lasts time.Duration // 0: until the operator's program has ended
}

// moment is the state of things that a fault waits for.
type moment string

const (
	atStart     moment = "start"   // of the deployer
	atStarted   moment = "started" // the agent has a log
	atActivate  moment = "activating"
	atWait      moment = "waiting for confirm"
	atCommit    moment = "committing"
	atGoingBack moment = "rolling back"
	atFinish    moment = "finished"
)

// names are those of the nodes, in order.
func names() []string { return []string{"web", "db", "edge"} }

func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s", p.seed, p.action)
	if p.keep {
		b.WriteString(" --keep-going")
	}
	if p.second > 0 {
		fmt.Fprintf(&b, ", the second after %s", p.second)
	}
	for i, s := range p.systems {
		fmt.Fprintf(&b, "\n  %s on %s as %s", names()[i], s.suite, s.user)
		if s.keys {
			b.WriteString(", with keys")
		}
		if len(s.wrong) > 0 {
			fmt.Fprintf(&b, ", its new system: %s", strings.Join(s.wrong, " "))
		}
	}
	for _, f := range p.faults {
		fmt.Fprintf(&b, "\n  %s", f)
	}
	return b.String()
}

func (f fault) String() string {
	lasts := "until the end"
	if f.lasts > 0 {
		lasts = "for " + f.lasts.String()
	}
	return fmt.Sprintf("%s: %s, %s after %q, %s", names()[f.node], f.kind, f.after, f.at, lasts)
}
