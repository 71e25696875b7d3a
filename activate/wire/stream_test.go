package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"flakeops/internal/nixname"
)

func TestDecoderRefusesWhatIsNoEvent(t *testing.T) {
	for in, want := range map[string]string{
		"hello\n":                                   "not an event",
		`{"seq":1,"kind":"started"`:                 "unexpected EOF",
		`{"seq":1,"kind":"surprise"}` + "\n":        `unknown kind of event "surprise"`,
		`{"seq":0,"kind":"finished"}` + "\n":        "finished event carries number 0",
		`{"seq":3,"kind":"heartbeat"}` + "\n":       "heartbeat event carries number 3",
		`[1,2]` + "\n":                              "not an event",
		strings.Repeat("x", MaxLine+1):              "line longer than",
		strings.Repeat("x", MaxLine+1) + "\nmore\n": "line longer than",
	} {
		_, err := NewDecoder(strings.NewReader(in)).Next()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", in, err, want)
		}
	}
}

// endless is a stream that never ends a line.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestDecoderGivesUpOnAnEndlessLine(t *testing.T) {
	r := &endless{}
	_, err := NewDecoder(r).Next()
	if !errors.Is(err, ErrLineTooLong) {
		t.Fatalf("error %v, want %v", err, ErrLineTooLong)
	}
	if r.read > 2*MaxLine {
		t.Errorf("read %d bytes of a line, the limit is %d", r.read, MaxLine)
	}
}

func TestRequestValidate(t *testing.T) {
	good := Request{Version: Version, ID: "01J", Goal: Switch, Profile: "/nix/var/nix/profiles/system",
		System: nixname.StoreDir + "/00000000000000000000000000000000-system", Agent: nixname.StoreDir + "/00000000000000000000000000000000-flakeops",
		MagicRollback: true, TokenHash: strings.Repeat("0", TokenHashLen), ActivationTimeout: 1, ConfirmTimeout: 1}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Request){
		"version":           func(r *Request) { r.Version++ },
		"deployment ID":     func(r *Request) { r.ID = "../../etc" },
		"goal":              func(r *Request) { r.Goal = DryActivate },
		"system":            func(r *Request) { r.System = "/etc/passwd" },
		"agent":             func(r *Request) { r.Agent = nixname.StoreDir + "/../bin/sh" },
		"profile":           func(r *Request) { r.Profile = "/nix/../etc" },
		"activationTimeout": func(r *Request) { r.ActivationTimeout = 0 },
		"confirmTimeout":    func(r *Request) { r.ConfirmTimeout = -1 },
		"tokenHash":         func(r *Request) { r.TokenHash = "" },
	} {
		r := good
		change(&r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("bad %s: error %v", want, err)
		}
	}
}

func TestReadDocument(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "malformed",
		`{"version":1`:               "malformed",
		`{"version":1}{"version":2}`: "something follows",
		`{"version":1,"shell":"rm"}`: "unknown field",
		`{"a":"` + strings.Repeat("x", MaxDocument) + `"}`: "longer than",
	} {
		var a Attach
		if err := ReadDocument(strings.NewReader(in), &a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", in, err, want)
		}
	}
	var a Attach
	if err := ReadDocument(strings.NewReader(` {"version":1,"id":"X","from":7} `+"\n"), &a); err != nil || a.From != 7 {
		t.Errorf("got %+v, %v", a, err)
	}
}

// What the agent can say, the deployer reads back unchanged; and nothing a
// broken agent says makes the deployer take more than a line into memory.
func FuzzDecoder(f *testing.F) {
	for _, e := range []Event{
		{Seq: 1, Kind: Started, Old: "/nix/store/a", New: "/nix/store/b", Time: time.Unix(1, 0).UTC()},
		{Kind: Refused, Message: "locked", Holder: &Holder{ID: "X", PID: 4}},
		{Seq: 9, Kind: Finished, Outcome: RolledBack, Units: []string{"a.service"}},
	} {
		b, err := Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		d := NewDecoder(bytes.NewReader(in))
		for range bytes.Count(in, []byte("\n")) + 1 {
			e, err := d.Next()
			if err != nil {
				continue
			}
			b, err := Encode(e)
			if err != nil {
				continue // a time out of JSON's range
			}
			if len(b) > MaxLine {
				continue
			}
			again, err := NewDecoder(bytes.NewReader(b)).Next()
			if err != nil {
				t.Fatalf("%s does not come back: %v", b, err)
			}
			again.Time, e.Time = time.Time{}, time.Time{}
			if !reflect.DeepEqual(e, again) && !(len(e.Units) == 0 && len(again.Units) == 0) {
				t.Fatalf("%+v came back as %+v", e, again)
			}
		}
	})
}

func FuzzReadDocument(f *testing.F) {
	f.Add([]byte(`{"version":1,"id":"01J","goal":"switch","flake":{"inputs":{"a":"b"}}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var r Request
		if ReadDocument(bytes.NewReader(in), &r) != nil || r.Validate() != nil {
			return
		}
		// What validates can be put into a unit file and a path as it is.
		if strings.ContainsAny(r.ID+r.System+r.Agent, " \t\n%$\"'\\;&|<>") || strings.Contains(r.ID, "/") {
			t.Fatalf("validated: %+v", r)
		}
	})
}
