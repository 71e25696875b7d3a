package ask

import (
	"context"
	"errors"
	"strings"
	"sync"
	"unicode"
)

// ErrNobody is the answer to every question when there is no one to ask.
var ErrNobody = errors.New("there is no terminal to ask on")

// Turn is a mutex whose wait ends with a context. The zero value is unlocked.
type Turn struct {
	once sync.Once
	held chan struct{}
}

// Take waits until it is unlocked, or gives the cause of ctx.
func (t *Turn) Take(ctx context.Context) error {
	t.once.Do(func() { t.held = make(chan struct{}, 1) })
	select {
	case t.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Give unlocks it.
func (t *Turn) Give() { <-t.held }

// Secrets remembers, in memory only, the passwords that the operator typed, one
// per account.
type Secrets struct {
	mu  sync.Mutex
	all map[string]*Secret
}

// Secret is one of them.
type Secret struct {
	turn  Turn
	value string
	known bool
}

// Of gives the one secret of that name.
func (s *Secrets) Of(name string) *Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[string]*Secret)
	}
	if s.all[name] == nil {
		s.all[name] = &Secret{}
	}
	return s.all[name]
}

// Get returns what is remembered, unless that is the value that was just found
// to be wrong, and asks otherwise. Of several that want the same secret one
// asks, and the others wait for its answer.
func (s *Secret) Get(ctx context.Context, wrong *string, ask func() (string, error)) (string, error) {
	if err := s.turn.Take(ctx); err != nil {
		return "", err
	}
	defer s.turn.Give()
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

// Forget drops value if it is still what is remembered.
func (s *Secret) Forget(ctx context.Context, value string) {
	if s.turn.Take(ctx) != nil {
		return
	}
	defer s.turn.Give()
	if s.value == value {
		s.value, s.known = "", false
	}
}

// Prompter asks the operator. A nil Prompter means that nobody is there.
type Prompter interface {
	// Secret asks for a passphrase or a password, without echo.
	Secret(ctx context.Context, prompt string) (string, error)
	// Confirm asks a question that is answered with yes or no.
	Confirm(ctx context.Context, question string) (bool, error)
}

// Operator is asked one question at a time, whichever host it is about.
type Operator struct {
	Prompt    Prompter // nil: nobody to ask
	Passwords Secrets  // for ssh and for sudo

	turn Turn
}

// Secret asks for something that is typed without echo.
func (o *Operator) Secret(ctx context.Context, prompt string) (string, error) {
	if o.Prompt == nil {
		return "", ErrNobody
	}
	if err := o.turn.Take(ctx); err != nil {
		return "", err
	}
	defer o.turn.Give()
	return o.Prompt.Secret(ctx, prompt)
}

// Confirm asks for a yes or no, of which note is told a yes before anybody else is asked.
// It is yes without a question if known says so by then: another connection may
// have asked the same while this one waited.
func (o *Operator) Confirm(ctx context.Context, question string, known func() bool, note func()) (bool, error) {
	if err := o.turn.Take(ctx); err != nil {
		return false, err
	}
	defer o.turn.Give()
	switch {
	case known():
		return true, nil
	case o.Prompt == nil:
		return false, ErrNobody
	}
	ok, err := o.Prompt.Confirm(ctx, question)
	if ok && err == nil {
		note()
	}
	return ok, err
}

// Printable takes control characters out of what a host wants shown.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
