package main

import (
	"context"
	"fmt"
	"time"

	"flakeops/tests/lab/host"
)

const (
	knockEvery = 300 * time.Millisecond
	knockFor   = time.Second      // a packet that is dropped is sent again only then
	comeBack   = 10 * time.Second // for a host that is not back when flakeops has ended
)

// seen is when a host stopped answering and when it answered again, since the
// watch began; 0 for never.
type seen struct{ lost, back time.Duration }

func (s seen) away() bool { return s.lost > 0 && s.back == 0 }

// knock watches a host's ssh port until the function it returns is called, and
// a little longer if the host is away then.
func (st *stage) knock(ctx context.Context, h *host.Host) (stop func() seen) {
	ctx, cancel := context.WithCancel(ctx)
	ended, result := make(chan struct{}), make(chan seen, 1)
	go func() { result <- st.watch(ctx, h, ended) }()
	return func() seen {
		close(ended)
		late := time.AfterFunc(comeBack, cancel)
		defer cancel()
		defer late.Stop()
		return <-result
	}
}

func (st *stage) watch(ctx context.Context, h *host.Host, ended <-chan struct{}) (s seen) {
	tick := time.NewTicker(knockEvery)
	defer tick.Stop()
	for began := time.Now(); ; {
		select {
		case <-ended:
			if !s.away() {
				return s
			}
		case <-tick.C:
		}
		once, end := context.WithTimeout(ctx, knockFor)
		open := h.WaitSSH(once) == nil
		end()
		switch at := time.Since(began); {
		case ctx.Err() != nil:
			return s
		case !open && s.lost == 0:
			s.lost = at
			st.say(fmt.Sprintf("    >>> %4.1f s: web does not answer any more", at.Seconds()))
		case open && s.away():
			s.back = at
			st.say(fmt.Sprintf("    >>> %4.1f s: web answers again", at.Seconds()))
		}
	}
}
