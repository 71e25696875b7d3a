package cli

import "context"

type giveUpKey struct{}

// WithGiveUp has hosts waited for no longer than until c is closed. The end of ctx
// alone has them go back, and waits for that.
func WithGiveUp(ctx context.Context, c <-chan struct{}) context.Context {
	return context.WithValue(ctx, giveUpKey{}, c)
}

// givenUp is what WithGiveUp was given; nil, which is never closed, without it.
func givenUp(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(giveUpKey{}).(<-chan struct{})
	return c
}
