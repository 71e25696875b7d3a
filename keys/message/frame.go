package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Reader encodes the message, whose values it does not copy. It returns an
// error when the message is not one that a host would accept.
func (m Message) Reader() (io.Reader, error) {
	m.Keys = slices.Clone(m.Keys)
	for i := range m.Keys {
		if k := &m.Keys[i]; k.Value.Len() > 0 {
			k.Digest = DigestOf(k.Value.Reveal())
		} else if m.Mode != Check {
			k.Digest = nil // an empty value is refused
		}
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	head, err := json.Marshal(m.header())
	if err != nil {
		return nil, fmt.Errorf("encoding the header: %w", err)
	}
	if len(head) > maxHeader {
		return nil, fmt.Errorf("what describes the keys is larger than %d MiB", maxHeader>>20)
	}
	front := append(binary.BigEndian.AppendUint32([]byte(magic), uint32(len(head))), head...)
	sum := sha256.New()
	sum.Write(front)
	parts := []io.Reader{bytes.NewReader(front)}
	if m.Mode != Check {
		for _, k := range m.Keys {
			sum.Write(k.Value.Reveal())
			parts = append(parts, bytes.NewReader(k.Value.Reveal()))
		}
	}
	return io.MultiReader(append(parts, bytes.NewReader(sum.Sum(nil)))...), nil
}

// errShort is a message whose end did not arrive.
var errShort = errors.New("the message is not whole: the connection broke, or nothing was sent")

// Decode reads one message and verifies it. It reads nothing beyond the
// message's end, and no error holds a part of a value.
func Decode(r io.Reader) (Message, error) {
	sum := sha256.New()
	in := io.TeeReader(r, sum)
	start := make([]byte, len(magic)+4)
	if err := fill(in, start); err != nil {
		return Message{}, err
	}
	if string(start[:len(magic)]) != magic {
		return Message{}, errors.New("this is no message about keys, or one of another version of flakeops")
	}
	size := binary.BigEndian.Uint32(start[len(magic):])
	if size > maxHeader {
		return Message{}, fmt.Errorf("the header is larger than %d MiB", maxHeader>>20)
	}
	head := make([]byte, size)
	if err := fill(in, head); err != nil {
		return Message{}, err
	}
	m, err := parseHeader(head)
	if err != nil {
		return Message{}, err
	}
	if m.Mode != Check {
		if err := m.readValues(in); err != nil {
			return Message{}, err
		}
	}
	want := sum.Sum(nil)
	got := make([]byte, len(want))
	if err := fill(r, got); err != nil {
		return Message{}, err
	}
	if !bytes.Equal(got, want) {
		return Message{}, errors.New("the message was changed on its way")
	}
	return m, nil
}

func (m Message) readValues(in io.Reader) error {
	for i := range m.Keys {
		k := &m.Keys[i]
		value := make([]byte, k.Digest.Size)
		if err := fill(in, value); err != nil {
			return err
		}
		if sha256.Sum256(value) != k.Digest.SHA256 {
			return fmt.Errorf("key %s was changed on its way", k.Name)
		}
		k.Value = NewSecret(value)
	}
	return nil
}

func fill(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errShort
	}
	return err
}
