package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"flakeops/activate/agent/history"
	"flakeops/activate/agent/lock"
	"flakeops/activate/wire"

	"flakeops/internal/onhost"
)

// How a stream looks for news.
const (
	pollEvery    = 10 * time.Millisecond  // where the kernel does not tell of news
	lookEvery    = 250 * time.Millisecond // where it does: for heartbeats and doubts
	suspectAfter = 3 * time.Second        // of silence; then the unit is asked for
)

// attach follows a deployment that was started before.
func (a *agent) attach(ctx context.Context, stdin io.Reader) error {
	var req wire.Attach
	if err := wire.ReadDocument(stdin, &req); err != nil {
		return a.refuse(err)
	}
	if req.Version != wire.Version || !wire.ValidID(req.ID) || req.From < 0 {
		return a.refuse(fmt.Errorf("invalid attach: version %d, ID %q, from %d", req.Version, req.ID, req.From))
	}
	if _, err := os.Stat(a.layout.deployment(req.ID)); errors.Is(err, os.ErrNotExist) {
		return a.afterReboot(ctx, req)
	}
	// Also who only looks on is heard of: a host may be waiting for anybody.
	reply, err := a.ask(req)
	if req.Token != "" || req.Abort {
		if err != nil {
			return err
		}
		if err := a.send(reply); err != nil {
			return err
		}
	}
	return a.follow(ctx, req.ID, req.From)
}

// follow copies the event log from number from on to the deployer, until its
// last event. In between it shows that the link and the host are alive, and
// that the deployment is: one that nobody works on any more is recovered here.
func (a *agent) follow(ctx context.Context, id string, from int64) error {
	t := &history.Follower{Name: a.layout.events(id)}
	defer t.Close()
	lastNews, lastBeat := time.Now(), time.Now()
	// Before the first look, so that nothing falls in between.
	changes, stop := watch(a.layout.deployment(id))
	defer stop()
	every := lookEvery
	if changes == nil {
		every = pollEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		last, n, err := t.Copy(from, a.send)
		if err != nil || last {
			return err
		}
		now := time.Now()
		if n > 0 {
			lastNews, lastBeat = now, now
		}
		if now.Sub(lastBeat) >= wire.HeartbeatEvery {
			lastBeat = now
			if err := a.send(wire.Event{Kind: wire.Heartbeat, Time: now}); err != nil {
				return err
			}
		}
		if now.Sub(lastNews) >= suspectAfter {
			lastNews = now
			if !a.unitThere(ctx, id) {
				return a.followToEnd(ctx, id, t, from)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changes:
		case <-tick.C:
		}
	}
}

// followToEnd is for a deployment that nobody works on any more. What the log
// had no room for is sent all the same.
func (a *agent) followToEnd(ctx context.Context, id string, t *history.Follower, from int64) error {
	final, problem := a.recover(ctx, id)
	if last, _, err := t.Copy(from, a.send); err != nil || last {
		return err
	}
	if final.Kind == "" {
		return problem
	}
	return a.send(final)
}

// afterReboot answers for a deployment that this boot does not know.
func (a *agent) afterReboot(ctx context.Context, req wire.Attach) error {
	rec, ok, err := history.Find(a.layout.records(), req.ID)
	if err == nil && ok && rec.Outcome == "" {
		if err := a.afterRebootLocked(ctx, req.ID); err != nil {
			return err // the deployer asks again
		}
		rec, ok, err = history.Find(a.layout.records(), req.ID)
	}
	if err != nil || !ok {
		return a.refuse(errors.Join(fmt.Errorf("this host knows no deployment %s", req.ID), err))
	}
	e := history.Ending(rec)
	e.Seq, e.Time = max(req.From, 1), time.Now()
	return a.send(e)
}

func (a *agent) afterRebootLocked(ctx context.Context, id string) error {
	if err := onhost.OwnedDir(a.layout.runDir(), 0o755); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	held, err := lock.Take(ctx, a.layout.lock(), wire.Holder{ID: id, PID: os.Getpid(), Since: time.Now()})
	if errors.As(err, new(*lock.TakenError)) {
		return nil // whoever began here since has settled this one
	}
	if err != nil {
		return err
	}
	defer held.Release()
	return a.settleRecords("")
}
