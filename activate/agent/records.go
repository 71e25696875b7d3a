package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"flakeops/activate/wire"
)

// appendRecord adds one line to the host's history. A line that a full disk or
// a power cut left without its end is closed first.
func appendRecord(name string, r wire.Record) error {
	if err := ownedDir(filepath.Dir(name), 0o755); err != nil {
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
	if fi, err := f.Stat(); err == nil && fi.Size() > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, fi.Size()-1); err == nil && last[0] != '\n' {
			b = append([]byte("\n"), b...)
		}
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// findRecord returns the newest record of a deployment. Lines that are not
// records are passed over: they were cut short.
func findRecord(name, id string) (wire.Record, bool, error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return wire.Record{}, false, nil
	}
	if err != nil {
		return wire.Record{}, false, err
	}
	defer f.Close()
	var found wire.Record
	ok := false
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		var rec wire.Record
		if bytes.Contains(line, []byte(id)) && json.Unmarshal(line, &rec) == nil && rec.ID == id {
			found, ok = rec, true
		}
		if errors.Is(err, io.EOF) {
			return found, ok, nil
		}
		if err != nil {
			return wire.Record{}, false, err
		}
	}
}

// ending is the last event of the deployment that a record tells the end of.
func ending(rec wire.Record) wire.Event {
	return wire.Event{Kind: wire.Finished, ID: rec.ID, Old: rec.Old, New: rec.New,
		Outcome: rec.Outcome, Message: rec.Message, Units: rec.Units}
}
