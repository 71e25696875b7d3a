package cli

import (
	"context"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/settings"
	"flakeops/keys/message"
)

// source is what the pipeline asks of a flake.
type source interface {
	Evaluate(ctx context.Context, names []string, want flake.Want, report func(flake.Evaluation)) error
	// Addresses are the outputs by which the flake tells other tools where hosts are.
	Addresses(ctx context.Context) ([]flake.Other, error)
}

// store is what the pipeline asks of the local nix store.
type store interface {
	Build(ctx context.Context, jobs []flake.Job, report func(flake.BuildEvent)) error
	// Keep saves a store path from garbage collection during the run.
	Keep(ctx context.Context, name, storePath string) error
	// Closure gives the sizes of what a store path needs; nil for one that is not there.
	Closure(ctx context.Context, storePath string) (map[string]int64, error)
}

// confirmer asks the operator a question that is answered with yes or no.
type confirmer interface {
	Confirm(ctx context.Context, question string) (bool, error)
}

// network makes connections to hosts.
type network interface {
	Dial(ctx context.Context, node string, to settings.Settings) (host, error)
}

// host is one connection to a host, and what the pipeline does over it.
type host interface {
	Address() string
	Facts(ctx context.Context, paths ...string) (activate.Facts, error)
	Survey(ctx context.Context, q activate.Question) (activate.Survey, error)
	// Push copies paths and what they refer to; for a derivation, what it is built from.
	Push(ctx context.Context, p parcel) error
	// Realise builds a derivation on the host; line gets the build's log.
	Realise(ctx context.Context, drv string, line func(string)) error
	DryActivate(ctx context.Context, system string, line func(string)) error
	Activate(ctx context.Context, req wire.Request, observe func(wire.Event)) (wire.Event, error)
	// SendKeys has the agent at that store path follow a message about keys.
	SendKeys(ctx context.Context, agent string, m message.Message) (message.Reply, error)
	// Reboot orders a reboot, which may take the connection with it.
	Reboot(ctx context.Context) error
	// AwaitBoot reconnects until the host has another boot ID than previous.
	AwaitBoot(ctx context.Context, previous string) (activate.Facts, error)
	FailedUnits(ctx context.Context) ([]string, error)
	Close() error
}

// parcel is what is pushed to a host at once.
type parcel struct {
	paths      []string
	derivation bool
	substitute bool
	progress   func(done, total int)
}

// screen is where the pipeline says what it does; *ui.UI is one.
type screen interface {
	Status(node, text string)
	Detail(node, text string)
	Log(node, line string)
	Line(node, line string)
	End(node, text string)
	Message(text string)
}
