package keys

import (
	"context"
	"errors"

	"flakeops/internal/settings"
)

// textSource gives values that are in the flake. All of a node's come from one
// evaluation, with the first that is asked for.
type textSource struct {
	node  string
	attrs []string
	texts func(ctx context.Context, node string, attrs []string) (map[string]Secret, error)

	turn   turn
	done   bool
	values map[string]Secret
	err    error
}

// Read gives the text of a key.
func (s *textSource) Read(ctx context.Context, k settings.Key) (Secret, error) {
	if err := s.evaluate(ctx); err != nil {
		return Secret{}, err
	}
	value, ok := s.values[k.Attr]
	if !ok {
		return Secret{}, errors.New("its text was not evaluated")
	}
	if err := checkValue(value.Reveal()); err != nil {
		return Secret{}, err
	}
	return value, nil
}

func (s *textSource) evaluate(ctx context.Context) error {
	if err := s.turn.take(ctx); err != nil {
		return err
	}
	defer s.turn.give()
	if s.done {
		return s.err
	}
	if s.texts == nil {
		return errors.New("texts cannot be evaluated here")
	}
	values, err := s.texts(ctx, s.node, s.attrs)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.done, s.values, s.err = true, values, err
	return err
}

// turn is a lock that is waited for no longer than a context lasts. Its capacity
// is how many may hold it; newTurn makes one for one.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) give() { <-t }
