package keys

import (
	"context"
	"errors"

	"flakeops/internal/run"
	"flakeops/keys/message"
)

// Compose makes the message for a host. For message.Check the values may be
// zero: then the host compares all but the content.
func Compose(mode message.Mode, values []Value) message.Message {
	return message.Message{}
}

// Restarts lists the units of those keys whose Name is in changed, for the
// Restart of a Full message after a Pre one.
func Restarts(keys []Key, changed []string) []string { return nil }

// Send hands m to the agent, the file at that store path, by way of r, which is
// root on the host. A *HostError says that the host could not do all of it;
// then the reply tells what it did. With any other error the host may or may
// not have installed the keys, but never some of them.
func Send(ctx context.Context, r run.Runner, agent string, m message.Message) (message.Reply, error) {
	return message.Reply{}, errors.New("not yet")
}
