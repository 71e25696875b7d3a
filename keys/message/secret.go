package message

import (
	"encoding/json"
	"fmt"
	"io"
)

// redacted is what every way of printing a Secret gives.
const redacted = "[secret]"

// Secret holds a key's value and does not show it: however it is printed,
// logged or marshalled, alone or within something else, it reads "[secret]".
// The zero Secret holds nothing.
type Secret struct {
	// A function, because fmt does not call the methods of a Secret that it
	// finds in an unexported field, and can see through all but this.
	reveal func() []byte
}

// NewSecret wraps value, which it does not copy.
func NewSecret(value []byte) Secret { return Secret{reveal: func() []byte { return value }} }

// Reveal returns the value itself, to be written where it belongs and nowhere
// else. It is shared, so it must not be changed.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Len is the length of the value in bytes.
func (s Secret) Len() int { return len(s.Reveal()) }

// String redacts.
func (s Secret) String() string { return redacted }

// GoString redacts.
func (s Secret) GoString() string { return redacted }

// Format redacts for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText redacts.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON redacts.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalBinary redacts; it is what encoding/gob asks for.
func (s Secret) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }
