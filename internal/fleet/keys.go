package fleet

import (
	"context"
	"errors"
	"slices"

	"flakeops/activate"
	"flakeops/internal/fault"
	"flakeops/internal/limit"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// ReadKeys are the node's keys with their values, read from their sources when they
// are first asked for, before anything is sent to any host.
func (n *Node) ReadKeys(ctx context.Context) ([]keys.Value, error) {
	if len(n.Settings.Keys) == 0 {
		return nil, nil
	}
	return n.values.Get(ctx, func(ctx context.Context) ([]keys.Value, error) {
		n.began(ReadingKeys)
		ctx, cancel := limit.Within(ctx, keysDeadline, "reading keys")
		defer cancel()
		values, err := n.run.Reader.Read(ctx, n.Name, n.Settings.Keys)
		return values, fault.During(fault.Keys, limit.Because(ctx, err))
	})
}

// SendsKeys says whether the node's host is to hear of keys: it has some, or
// flakeops installed some that are to be removed.
func (n *Node) SendsKeys() bool {
	return n.run.Keys && (len(n.Settings.Keys) > 0 || n.KnownFacts().Keys)
}

// SendEarlyKeys sends the keys that the new system's activation needs.
func (n *Node) SendEarlyKeys(ctx context.Context) error {
	if !n.SendsKeys() {
		return nil
	}
	values, err := n.ReadKeys(ctx)
	if err != nil {
		return err
	}
	early := slices.DeleteFunc(slices.Clone(values), func(v keys.Value) bool { return v.Key.UploadAt != settings.PreActivation })
	if len(early) == 0 {
		return nil
	}
	reply, err := n.tellKeys(ctx, message.Pre, early)
	n.Keys.Changed = reply.Changed
	return err
}

// SendKeys makes the host's keys those of the node. What SendEarlyKeys changed is
// put to use only here, by the system that runs now.
func (n *Node) SendKeys(ctx context.Context) error {
	if !n.SendsKeys() {
		return nil
	}
	values, err := n.ReadKeys(ctx)
	if err != nil {
		return err
	}
	reply, err := n.tellKeys(ctx, message.Full, values)
	// A key whose owner came with the new system was changed twice.
	n.Keys.Changed = append(n.Keys.Changed, reply.Changed...)
	slices.Sort(n.Keys.Changed)
	n.Keys.Changed = slices.Compact(n.Keys.Changed)
	n.Keys.Removed = reply.Removed
	return err
}

// CheckKeys asks the host how its keys compare with the node's.
func (n *Node) CheckKeys(ctx context.Context) error {
	values, err := n.ReadKeys(ctx)
	if err != nil || len(values) == 0 {
		return err
	}
	reply, err := n.tellKeys(ctx, message.Check, values)
	n.KeyStates = reply.States
	return err
}

func (n *Node) tellKeys(ctx context.Context, mode message.Mode, values []keys.Value) (message.Reply, error) {
	step := SendingKeys
	if mode == message.Check {
		step = CheckingKeys
	}
	n.began(step)
	ctx, cancel := limit.Within(ctx, keysDeadline, "sending keys")
	defer cancel()
	agent, err := n.agent(ctx)
	if err != nil {
		return message.Reply{}, fault.During(fault.Keys, err)
	}
	h, err := n.Host(ctx)
	if err != nil {
		return message.Reply{}, err
	}
	reply, err := keys.Send(ctx, h.Root(), agent, keys.Compose(mode, values))
	var told *keys.HostError
	if errors.As(err, &told) && told.Busy {
		return reply, &activate.RefusedError{Reason: told.Reason}
	}
	if err != nil {
		return reply, fault.During(fault.Keys, limit.Because(ctx, err))
	}
	return reply, nil
}
