package keys

import (
	"context"
	"errors"

	"flakeops/internal/lazy"
	"flakeops/internal/settings"
)

// textSource gives values that are in the flake. All of a node's come from one
// evaluation, with the first that is asked for.
type textSource struct {
	node  string
	attrs []string
	texts func(ctx context.Context, node string, attrs []string) (map[string]Secret, error)

	values lazy.Value[map[string]Secret]
}

// Read gives the text of a key.
func (s *textSource) Read(ctx context.Context, k settings.Key) (Secret, error) {
	values, err := s.values.Get(ctx, s.evaluate)
	if err != nil {
		return Secret{}, err
	}
	value, ok := values[k.Attr]
	if !ok {
		return Secret{}, errors.New("its text was not evaluated")
	}
	if err := checkValue(value.Reveal()); err != nil {
		return Secret{}, err
	}
	return value, nil
}

func (s *textSource) evaluate(ctx context.Context) (map[string]Secret, error) {
	if s.texts == nil {
		return nil, errors.New("texts cannot be evaluated here")
	}
	return s.texts(ctx, s.node, s.attrs)
}

// turn is a lock that is waited for no longer than a context lasts. Its capacity
// is how many may hold it.
type turn chan struct{}

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
