package flake

import (
	"context"
	"errors"
)

// Names returns the attribute names of nixosConfigurations, sorted.
func (f *Flake) Names(ctx context.Context) ([]string, error) {
	return nil, errors.New("not implemented")
}
