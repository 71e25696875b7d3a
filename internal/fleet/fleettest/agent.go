package fleettest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// agent plays the agent's end of a deployment, which goes well unless the world has an
// error for it: that is then how it ends.
type agent struct {
	world *World
	node  string
	cut   error // no connection is made any more

	mu        sync.Mutex
	confirmed chan struct{}
}

func (a *agent) run(ctx context.Context, c run.Command) error {
	doc, err := io.ReadAll(c.Stdin)
	if err != nil {
		return err
	}
	send := func(e wire.Event) {
		b, _ := wire.Encode(e)
		_, _ = c.Stdout.Write(b)
	}
	if c.Argv[2] == "attach" {
		return a.attach(ctx, doc, send)
	}
	var req wire.Request
	if err := json.Unmarshal(doc, &req); err != nil {
		return err
	}
	if err := req.Validate(); err != nil {
		return err
	}
	return a.start(ctx, req, send)
}

func (a *agent) start(ctx context.Context, req wire.Request, send func(wire.Event)) error {
	w := a.world
	w.note("activate %s %s", a.node, req.System)
	if w.OnActivate != nil {
		w.OnActivate(a.node)
	}
	a.mu.Lock()
	a.confirmed = make(chan struct{})
	confirmed := a.confirmed
	a.mu.Unlock()
	old := System("old")
	end := w.ActivateErr[a.node]
	if req.System == old {
		old, end = System(a.node), w.BackErr[a.node]
	}
	var unstarted *activate.NotStartedError
	var refused *activate.RefusedError
	switch {
	case errors.As(end, &unstarted):
		return &run.NotStartedError{Err: unstarted.Err}
	case errors.As(end, &refused):
		send(wire.Event{Kind: wire.Refused, Message: refused.Reason})
		return nil
	}
	finished := wire.Event{Kind: wire.Finished, ID: req.ID, New: req.System, Old: old}
	send(wire.Event{Kind: wire.Started, Seq: 1, ID: req.ID, Old: old, New: req.System})
	send(wire.Event{Kind: wire.Output, Seq: 2, Message: "hello"})
	finished.Seq = 3
	finished.Outcome = map[wire.Goal]wire.Outcome{wire.Switch: wire.Deployed, wire.Test: wire.Tested, wire.Boot: wire.BootSet}[req.Goal]
	var bad *activate.OutcomeError
	switch {
	case errors.As(end, &bad):
		finished.Outcome, finished.Message = bad.Event.Outcome, bad.Event.Message
	case end != nil: // the host is not heard of again
		a.cut = end
		return end
	case req.MagicRollback && req.Goal != wire.Boot:
		send(wire.Event{Kind: wire.Phase, Seq: 3, Phase: wire.PhaseWaiting, Seconds: req.ConfirmTimeout})
		if err := awaitConfirm(ctx, confirmed, send); err != nil {
			return err
		}
		finished.Seq = 4
	}
	send(finished)
	return nil
}

func awaitConfirm(ctx context.Context, confirmed chan struct{}, send func(wire.Event)) error {
	beat := time.NewTicker(wire.HeartbeatEvery)
	defer beat.Stop()
	for {
		select {
		case <-confirmed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-beat.C:
			send(wire.Event{Kind: wire.Heartbeat})
		}
	}
}

// attach takes a token, or the wish to go back, which this agent does not heed: what
// it does is up to the test.
func (a *agent) attach(ctx context.Context, doc []byte, send func(wire.Event)) error {
	var asked wire.Attach
	if err := json.Unmarshal(doc, &asked); err != nil {
		return err
	}
	if a.cut != nil {
		return a.cut
	}
	send(wire.Event{Kind: wire.Reply, Reply: wire.Accepted})
	a.mu.Lock()
	if asked.Token != "" && a.confirmed != nil {
		close(a.confirmed)
		a.confirmed = nil
	}
	a.mu.Unlock()
	return awaitConfirm(ctx, nil, send)
}
