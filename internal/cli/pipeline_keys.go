package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/fault"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// reader reads a node's keys on this machine; *keys.Reader is one.
type reader interface {
	Read(ctx context.Context, node string, of []settings.Key) ([]keys.Value, error)
}

// readKeys reads all of a node's keys, before anything is sent to any host.
func (p *pipeline) readKeys(ctx context.Context, n *node) error {
	if !p.keys || len(n.settings.Keys) == 0 {
		return nil
	}
	return p.readAll(ctx, n)
}

func (p *pipeline) readAll(ctx context.Context, n *node) error {
	p.screen.Status(n.name, "reading keys")
	ctx, cancel := within(ctx, keysDeadline, "reading keys")
	defer cancel()
	values, err := p.reader.Read(ctx, n.name, n.settings.Keys)
	if err != nil {
		return fault.During(fault.Keys, because(ctx, err))
	}
	n.values = values
	return nil
}

// sendsKeys says whether the node's host is to hear of keys: it has some, or
// flakeops installed some that are to be removed.
func (p *pipeline) sendsKeys(n *node) bool {
	return p.keys && (len(n.settings.Keys) > 0 || n.facts.Keys)
}

// sendEarly sends the keys that the new system's activation needs.
func (p *pipeline) sendEarly(ctx context.Context, n *node) error {
	if !p.sendsKeys(n) || p.goal == wire.Boot {
		return nil
	}
	var early []keys.Value
	for _, v := range n.values {
		if v.Key.UploadAt == settings.PreActivation {
			early = append(early, v)
		}
	}
	if len(early) == 0 {
		return nil
	}
	reply, err := p.tellKeys(ctx, n, keys.Compose(message.Pre, early))
	n.changed = reply.Changed
	return err
}

// sendAfter sends all keys after an activation. A system that is only made the
// default at boot has no use for them yet, and one that is rebooted gets them then.
func (p *pipeline) sendAfter(ctx context.Context, n *node) error {
	if p.goal == wire.Boot && (p.reboot == nil || n.lateToBoot()) {
		return nil
	}
	return p.sendAll(ctx, n)
}

// sendAll makes the host's keys those of the node. What sendEarly changed is
// put to use only here, by the system that runs now.
func (p *pipeline) sendAll(ctx context.Context, n *node) error {
	if !p.sendsKeys(n) {
		return nil
	}
	reply, err := p.tellKeys(ctx, n, keys.Compose(message.Full, n.values))
	// A key whose owner came with the new system was changed twice.
	n.changed = append(n.changed, reply.Changed...)
	slices.Sort(n.changed)
	n.changed = slices.Compact(n.changed)
	n.removed = reply.Removed
	return err
}

func (p *pipeline) tellKeys(ctx context.Context, n *node, m message.Message) (message.Reply, error) {
	if m.Mode == message.Check {
		p.screen.Status(n.name, "comparing keys")
	} else {
		p.screen.Status(n.name, "sending keys")
	}
	ctx, cancel := within(ctx, keysDeadline, "sending keys")
	defer cancel()
	agent, err := p.agents.path(ctx, n.platform())
	if err != nil {
		return message.Reply{}, fault.During(fault.Keys, err)
	}
	reply, err := n.host.SendKeys(ctx, agent, m)
	var told *keys.HostError
	if errors.As(err, &told) && told.Busy {
		return reply, &activate.RefusedError{Reason: told.Reason}
	}
	if err != nil {
		return reply, fault.During(fault.Keys, because(ctx, err))
	}
	return reply, nil
}

// keysNote says in a few words what became of a node's keys.
func (n *node) keysNote() string {
	var parts []string
	if len(n.changed) > 0 {
		parts = append(parts, count(len(n.changed), "key", "changed"))
	}
	if len(n.removed) > 0 {
		parts = append(parts, count(len(n.removed), "key", "removed"))
	}
	return strings.Join(parts, ", ")
}

func count(n int, what, how string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s %s", n, what, how)
}

// pushAgent brings the agent to a host that needs nothing else.
func (p *pipeline) pushAgent(ctx context.Context, n *node) error {
	if !p.sendsKeys(n) {
		return nil
	}
	return p.bringAgent(ctx, n)
}

func (p *pipeline) bringAgent(ctx context.Context, n *node) error {
	agent, err := p.agents.path(ctx, n.platform())
	if err != nil {
		return fault.During(fault.Push, err)
	}
	if there, err := p.allThere(ctx, n, []string{agent}); there || err != nil {
		return err
	}
	return p.send(ctx, n, parcel{paths: []string{agent}})
}
