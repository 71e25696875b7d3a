package message

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

const (
	magic     = "flakeops-keys 1\n"
	maxHeader = 2 << 20 // bytes
	maxList   = 1000    // elements of any list in the header
)

// header is the JSON of a frame.
type header struct {
	Version int             `json:"version"`
	Mode    Mode            `json:"mode"`
	Keys    list[headerKey] `json:"keys"`
}

type headerKey struct {
	Name         string       `json:"name"`
	Dir          string       `json:"dir"`
	User         string       `json:"user"`
	Group        string       `json:"group"`
	Mode         uint32       `json:"mode"`
	Size         int64        `json:"size"`
	SHA256       string       `json:"sha256"` // hex; empty: unknown
	Persistent   bool         `json:"persistent"`
	RestartUnits list[string] `json:"restartUnits"`
}

// list is a JSON array that is not read beyond maxList elements: two bytes of
// JSON can stand for hundreds of memory.
type list[T any] []T

// UnmarshalJSON reads at most maxList elements.
func (l *list[T]) UnmarshalJSON(data []byte) error {
	*l = nil
	if string(data) == "null" {
		return nil
	}
	d := strict(data)
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.New("something is not a list")
	}
	for d.More() {
		if len(*l) == maxList {
			return fmt.Errorf("a list has more than %d elements", maxList)
		}
		var v T
		if err := d.Decode(&v); err != nil {
			return err
		}
		*l = append(*l, v)
	}
	return nil
}

func strict(data []byte) *json.Decoder {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d
}

func (m Message) header() header {
	h := header{Version: Version, Mode: m.Mode}
	for _, k := range m.Keys {
		hk := headerKey{Name: k.Name, Dir: k.Dir, User: k.User, Group: k.Group, Mode: uint32(k.Mode),
			Persistent: k.Persistent, RestartUnits: k.RestartUnits}
		if k.Digest != nil {
			hk.Size, hk.SHA256 = k.Digest.Size, hex.EncodeToString(k.Digest.SHA256[:])
		}
		h.Keys = append(h.Keys, hk)
	}
	return h
}

// parseHeader reads and checks a header; the message has no values yet.
func parseHeader(data []byte) (Message, error) {
	var h header
	d := strict(data)
	if err := d.Decode(&h); err != nil {
		return Message{}, fmt.Errorf("the header is not understood: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Message{}, errors.New("something follows the header")
	}
	if h.Version != Version {
		return Message{}, fmt.Errorf("the header has version %d, not %d", h.Version, Version)
	}
	m := Message{Mode: h.Mode}
	for _, hk := range h.Keys {
		k := Key{Name: hk.Name, Dir: hk.Dir, User: hk.User, Group: hk.Group, Mode: fs.FileMode(hk.Mode),
			Persistent: hk.Persistent, RestartUnits: hk.RestartUnits}
		if hk.SHA256 != "" || hk.Size != 0 {
			sum, err := hex.DecodeString(hk.SHA256)
			k.Digest = &Digest{Size: hk.Size}
			if err != nil || copy(k.Digest.SHA256[:], sum) != len(sum) || len(sum) != len(k.Digest.SHA256) {
				return Message{}, fmt.Errorf("key %.20q has no SHA-256", hk.Name)
			}
		}
		m.Keys = append(m.Keys, k)
	}
	return m, m.check()
}
