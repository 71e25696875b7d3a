package activate

import (
	"bytes"
	"errors"
)

// bounded keeps what a host prints and refuses more than max bytes, which ends
// the session that prints it. The buffer is a field, not embedded: io.Copy
// would fill an embedded one past Write.
type bounded struct {
	max  int
	text bytes.Buffer
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.max {
		b.over = true
		return 0, errors.New("the answer is endless")
	}
	return b.text.Write(p)
}
