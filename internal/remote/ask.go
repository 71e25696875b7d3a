package remote

import (
	"context"
	"errors"
	"sync"
)

// errNobody is the answer to every question when there is no one to ask.
var errNobody = errors.New("there is no terminal to ask on")

// turn is a mutex whose wait ends with a context. The zero value is unlocked.
type turn struct {
	once sync.Once
	held chan struct{}
}

func (t *turn) take(ctx context.Context) error {
	t.once.Do(func() { t.held = make(chan struct{}, 1) })
	select {
	case t.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *turn) give() { <-t.held }

// secrets remembers, in memory and for as long as the Dialer lives, what the
// operator typed: a passphrase per key file, a password per account.
type secrets struct {
	mu  sync.Mutex
	all map[string]*secret
}

type secret struct {
	turn  turn
	value string
	known bool
}

// of gives the one secret of that name.
func (s *secrets) of(name string) *secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[string]*secret)
	}
	if s.all[name] == nil {
		s.all[name] = &secret{}
	}
	return s.all[name]
}

// get returns what is remembered, unless that is the value that was just found
// to be wrong, and asks otherwise. Of several that want the same secret one
// asks, and the others wait for its answer.
func (s *secret) get(ctx context.Context, wrong *string, ask func() (string, error)) (string, error) {
	if err := s.turn.take(ctx); err != nil {
		return "", err
	}
	defer s.turn.give()
	if s.known && (wrong == nil || s.value != *wrong) {
		return s.value, nil
	}
	s.known = false
	value, err := ask()
	if err != nil {
		return "", err
	}
	s.value, s.known = value, true
	return value, nil
}

// forget drops value if it is still what is remembered.
func (s *secret) forget(ctx context.Context, value string) {
	if s.turn.take(ctx) != nil {
		return
	}
	defer s.turn.give()
	if s.value == value {
		s.value, s.known = "", false
	}
}

// secret asks one question at a time, whichever host it is about.
func (d *Dialer) secret(ctx context.Context, prompt string) (string, error) {
	if d.Prompt == nil {
		return "", errNobody
	}
	if err := d.asking.take(ctx); err != nil {
		return "", err
	}
	defer d.asking.give()
	return d.Prompt.Secret(ctx, prompt)
}

// confirm is secret for a yes or no.
func (d *Dialer) confirm(ctx context.Context, question string) (bool, error) {
	if d.Prompt == nil {
		return false, errNobody
	}
	return d.Prompt.Confirm(ctx, question)
}
