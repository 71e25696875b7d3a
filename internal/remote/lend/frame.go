package lend

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// maxFrame is the longest message between shim and Lender, in bytes.
const maxFrame = 64 << 10

// request is what the shim asks of the Lender, sent together with its
// stdin, stdout and stderr.
type request struct {
	Host    string `json:"host"`
	Command string `json:"command"`
	Started bool   `json:"started"` // print the line "started" first
}

// reply is how the command ended.
type reply struct {
	Code    int    `json:"code"`
	Message string `json:"message,omitempty"` // for stderr
}

// encodeFrame renders v as JSON after its length, four bytes big-endian.
func encodeFrame(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(b) > maxFrame {
		return nil, fmt.Errorf("message of %d bytes is longer than %d", len(b), maxFrame)
	}
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b))), b...), nil
}

// readFrame reads one message into v.
func readFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return fmt.Errorf("message of %d bytes is longer than %d", n, maxFrame)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return fmt.Errorf("message cut short: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("malformed message: %w", err)
	}
	return nil
}
