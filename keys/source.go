package keys

import (
	"context"

	"flakeops/internal/settings"
)

// Source reads values from one kind of place, for the keys of one node. An
// error tells what went wrong and never holds a part of a value; it does not
// name the key, which its reader does. A value is not empty, and is at most
// message.MaxValue long.
type Source interface {
	Read(ctx context.Context, k settings.Key) (Secret, error)
}
