package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// MaxReply is how long the line of a reply may be, in bytes.
const MaxReply = 1 << 20

// Encode renders the reply as its line.
func (r Reply) Encode() ([]byte, error) {
	r.Version = Version
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}

// DecodeReply finds the reply in what the host printed: the last line, for a
// login shell may print lines of its own before.
func DecodeReply(out []byte) (Reply, error) {
	out = bytes.TrimSpace(out)
	line := out[bytes.LastIndexByte(out, '\n')+1:]
	if len(line) == 0 {
		return Reply{}, errors.New("the host did not answer")
	}
	var r Reply
	if len(line) > MaxReply || json.Unmarshal(line, &r) != nil || r.Version == 0 {
		return Reply{}, errors.New("the host's answer is not understood")
	}
	if r.Version != Version {
		return Reply{}, fmt.Errorf("the host's answer has version %d, not %d", r.Version, Version)
	}
	return r, nil
}
