package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"flakeops/activate/wire"

	"flakeops/internal/onhost"
)

// Append adds one line to the host's history, or none when it fails. A line
// that a power cut left without its end is closed first.
func Append(name string, r wire.Record) error {
	if err := onhost.OwnedDir(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	b, err := wire.Encode(r)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	fi, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, fi.Size()-1); err == nil && last[0] != '\n' {
		b = append([]byte("\n"), b...)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync()); err != nil {
		err = errors.Join(err, f.Truncate(fi.Size()))
	}
	return errors.Join(err, f.Close())
}

// Each reads the host's history, oldest first. Lines that are not records are
// passed over: they were cut short.
func Each(name string, do func(line []byte, rec wire.Record)) error {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		var rec wire.Record
		if err == nil && json.Unmarshal(line, &rec) == nil {
			do(line, rec)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Find returns the newest record of a deployment.
func Find(name, id string) (found wire.Record, ok bool, err error) {
	err = Each(name, func(_ []byte, rec wire.Record) {
		if rec.ID == id {
			found, ok = rec, true
		}
	})
	return found, ok, err
}

// Unended returns the starts that have no end, oldest first.
func Unended(name string) ([]wire.Record, error) {
	var open []wire.Record
	err := Each(name, func(_ []byte, rec wire.Record) {
		open = slices.DeleteFunc(open, func(r wire.Record) bool { return r.ID == rec.ID })
		if rec.Outcome == "" {
			open = append(open, rec)
		}
	})
	return open, err
}

// maxRecords is how many records a host keeps, more or less: a start stays with its
// end, and what is over is cut off in larger pieces.
const maxRecords = 1000

// Trim bounds the history, which nobody else may be writing to.
func Trim(name string) error {
	var lines [][]byte
	var ids []string
	err := Each(name, func(line []byte, rec wire.Record) {
		lines, ids = append(lines, line), append(ids, rec.ID)
	})
	if err != nil || len(lines) <= maxRecords+maxRecords/5 {
		return err
	}
	kept := map[string]bool{}
	for _, id := range ids[len(ids)-maxRecords:] {
		kept[id] = true
	}
	var b []byte
	for i, line := range lines {
		if kept[ids[i]] {
			b = append(b, line...)
		}
	}
	return onhost.WriteFile(name, b)
}

// Ending is the last event of the deployment that a record tells the end of.
func Ending(rec wire.Record) wire.Event {
	return wire.Event{Kind: wire.Finished, ID: rec.ID, Old: rec.Old, New: rec.New,
		Outcome: rec.Outcome, Message: rec.Message, Units: rec.Units}
}
