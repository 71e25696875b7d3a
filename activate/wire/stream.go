package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrLineTooLong is returned for a line of more than MaxLine bytes.
var ErrLineTooLong = fmt.Errorf("line longer than %d bytes", MaxLine)

// Decoder reads events. It holds one line in memory at most, and treats
// everything that is not an event as an error rather than skipping it.
type Decoder struct {
	scanner *bufio.Scanner
}

// NewDecoder reads events from r.
func NewDecoder(r io.Reader) *Decoder {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 4<<10), MaxLine)
	s.Split(wholeLines)
	return &Decoder{scanner: s}
}

// Next returns the next event, io.EOF after the last, or io.ErrUnexpectedEOF
// when the stream ended within a line.
func (d *Decoder) Next() (Event, error) {
	if !d.scanner.Scan() {
		switch err := d.scanner.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return Event{}, ErrLineTooLong
		case err != nil:
			return Event{}, err
		}
		return Event{}, io.EOF
	}
	var e Event
	if err := json.Unmarshal(d.scanner.Bytes(), &e); err != nil {
		return Event{}, fmt.Errorf("not an event: %.60q: %w", d.scanner.Bytes(), err)
	}
	switch e.Kind {
	case Heartbeat, Reply, Refused:
		if e.Seq != 0 {
			return Event{}, fmt.Errorf("%s event carries number %d", e.Kind, e.Seq)
		}
	case Started, Phase, Output, Finished:
		if e.Seq <= 0 {
			return Event{}, fmt.Errorf("%s event carries number %d", e.Kind, e.Seq)
		}
	default:
		return Event{}, fmt.Errorf("unknown kind of event %q", e.Kind)
	}
	return e, nil
}

// wholeLines is bufio.ScanLines, except that a last line without its newline is
// an error: it was cut short.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}

// Encode renders v, an Event or a Record, as one line.
func Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}

// ReadDocument reads the one JSON document that a deployer writes to an agent's
// stdin: at most MaxDocument bytes, ended by EOF, with no field the agent does
// not know.
func ReadDocument(r io.Reader, v any) error {
	b, err := io.ReadAll(io.LimitReader(r, MaxDocument+1))
	if err != nil {
		return err
	}
	if len(b) > MaxDocument {
		return fmt.Errorf("document longer than %d bytes", MaxDocument)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("malformed document: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("malformed document: something follows it")
	}
	return nil
}

// MaxDocument is the longest Request or Attach, in bytes; locked inputs are its
// bulk.
const MaxDocument = 1 << 20
