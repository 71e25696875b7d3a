package keys

import (
	"context"
	"fmt"

	"flakeops/internal/run"
	"flakeops/keys/message"
)

// Compose makes the message for a host. In one for message.Check a value may be
// zero: then the host compares all but the content.
func Compose(mode message.Mode, values []Value) message.Message {
	m := message.Message{Mode: mode, Keys: make([]message.Key, len(values))}
	for i, v := range values {
		m.Keys[i] = onHost(v.Key, v.Secret)
	}
	return m
}

// Send hands m to the agent, the file at that store path, by way of r, which is
// root on the host. A *HostError says that the host could not do all of it;
// then the reply tells what it did. After any other error the host has all of
// the keys or none of them, and sending them again finds out.
func Send(ctx context.Context, r run.Runner, agent string, m message.Message) (message.Reply, error) {
	frame, err := m.Reader()
	if err != nil {
		return message.Reply{}, err
	}
	out := &run.Tail{Max: message.MaxReply + 1}
	_, err = r.Run(ctx, run.Command{
		Argv:   []string{agent, "agent", "keys"},
		Stdin:  frame,
		Stdout: out,
	})
	reply, errReply := message.DecodeReply([]byte(out.String()))
	switch {
	case errReply == nil && reply.Error != "":
		return reply, &HostError{Reason: reply.Error, Busy: reply.Busy}
	case err != nil:
		return message.Reply{}, fmt.Errorf("sending keys: %w", err)
	case errReply != nil:
		return message.Reply{}, fmt.Errorf("sending keys: %w", errReply)
	}
	return reply, nil
}
