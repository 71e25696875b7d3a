package message

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"crypto/sha256"
)

func key(name string, value string) Key {
	return Key{Name: name, Dir: "/run/keys", User: "root", Group: "keys", Mode: 0o440, Value: NewSecret([]byte(value))}
}

func encode(t testing.TB, m Message) []byte {
	t.Helper()
	r, err := m.Reader()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sample() Message {
	k := key("web.pem", "binary \x00\xff\n")
	k.Persistent, k.RestartUnits, k.Dir = true, []string{"nginx.service", `dev-disk\x2d1.mount`}, "/var/lib/my-keys"
	return Message{Mode: Full, Keys: []Key{key("db", "hunter2"), k}}
}

func TestMessageArrivesAsItWasSent(t *testing.T) {
	many := Message{Mode: Pre}
	for i := range MaxKeys {
		many.Keys = append(many.Keys, key(fmt.Sprint("k", i), fmt.Sprint("value ", i)))
	}
	big := Message{Mode: Pre, Keys: []Key{key("big", strings.Repeat("\x00x", MaxValue/2))}}
	for name, m := range map[string]Message{"sample": sample(), "none": {Mode: Full}, "many": many, "big": big} {
		t.Run(name, func(t *testing.T) {
			raw := encode(t, m)
			rest := strings.NewReader("what comes after")
			got, err := Decode(io.MultiReader(iotest.HalfReader(bytes.NewReader(raw)), rest))
			if err != nil {
				t.Fatal(err)
			}
			for i := range m.Keys {
				m.Keys[i].Digest = DigestOf(m.Keys[i].Value.Reveal())
			}
			if !same(got, m) {
				t.Error("it is another message")
			}
			if rest.Len() != len("what comes after") {
				t.Error("the decoder read beyond the end")
			}
		})
	}
}

func TestCheckCarriesNoValue(t *testing.T) {
	m := sample()
	m.Mode = Check
	m.Keys = append(m.Keys, Key{Name: "unread", Dir: "/run/keys", User: "root", Group: "root"})
	raw := encode(t, m)
	if bytes.Contains(raw, []byte("hunter2")) {
		t.Error("the value is in the message")
	}
	got, err := Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got.Keys[0].Value.Len() != 0 || *got.Keys[0].Digest != *DigestOf([]byte("hunter2")) || got.Keys[2].Digest != nil {
		t.Errorf("decoded as %+v", got)
	}
}

func TestNoPartOfAMessageIsAMessage(t *testing.T) {
	raw := encode(t, sample())
	for n := range raw {
		if _, err := Decode(bytes.NewReader(raw[:n])); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for a message", n, len(raw))
		} else if strings.Contains(err.Error(), "hunter") {
			t.Fatalf("the error shows a value: %v", err)
		}
	}
}

func TestNoGarbledMessageIsAMessage(t *testing.T) {
	raw := encode(t, sample())
	for i := range raw {
		for _, bit := range []byte{1, 0x80} {
			bad := bytes.Clone(raw)
			bad[i] ^= bit
			if _, err := Decode(bytes.NewReader(bad)); err == nil {
				t.Fatalf("byte %d changed, and nobody notices", i)
			} else if strings.Contains(err.Error(), "hunter") {
				t.Fatalf("the error shows a value: %v", err)
			}
		}
	}
}

func TestBadMessagesAreRefusedOnBothSides(t *testing.T) {
	with := func(change func(*Key)) Message {
		m := sample()
		change(&m.Keys[1])
		return m
	}
	for want, m := range map[string]Message{
		`unknown mode ""`:           {},
		"is empty":                  with(func(k *Key) { k.Value = Secret{} }),
		"key web.pem is larger":     with(func(k *Key) { k.Value = NewSecret(make([]byte, MaxValue+1)) }),
		"two keys are named db":     with(func(k *Key) { k.Name = "db" }),
		"is a key itself":           with(func(k *Key) { k.Dir = "/run/keys/db/x" }),
		`"a/b" is no name for`:      with(func(k *Key) { k.Name = "a/b" }),
		`".." is no name for`:       with(func(k *Key) { k.Name = ".." }),
		`"a b" is no name for`:      with(func(k *Key) { k.Name = "a b" }),
		`"$(id)" is no name for`:    with(func(k *Key) { k.Name = "$(id)" }),
		`"a\n" is no name for`:      with(func(k *Key) { k.Name = "a\n" }),
		`".a" is no name for`:       with(func(k *Key) { k.Name = ".a" }),
		`"" is no name for`:         with(func(k *Key) { k.Name = "" }),
		"longer than 200 bytes":     with(func(k *Key) { k.Name = strings.Repeat("a", 201) }),
		`"run/keys" is no`:          with(func(k *Key) { k.Dir = "run/keys" }),
		`"/run/../etc" is no`:       with(func(k *Key) { k.Dir = "/run/../etc" }),
		`"/run\nx" is no`:           with(func(k *Key) { k.Dir = "/run\nx" }),
		"in the store":              with(func(k *Key) { k.Dir = "/nix/store" }),
		`"/" is no destination`:     with(func(k *Key) { k.Dir = "/" }),
		`"-x" is no name of a user`: with(func(k *Key) { k.User = "-x" }),
		`"" is no name of a group`:  with(func(k *Key) { k.Group = "" }),
		"permissions 04755":         with(func(k *Key) { k.Mode = 0o4755 }),
		`"-H" is no name of a unit`: with(func(k *Key) { k.RestartUnits = []string{"-H"} }),
		`"a b" is no name of a`:     with(func(k *Key) { k.RestartUnits = []string{"a b"} }),
		"1001 keys are more":        {Mode: Full, Keys: make([]Key, MaxKeys+1)},
		"1001 units to restart":     with(func(k *Key) { k.RestartUnits = slices.Repeat([]string{"x.service"}, 1001) }),
	} {
		t.Run(want, func(t *testing.T) {
			if _, err := m.Reader(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("encoding: %v", err)
			}
			for i := range m.Keys {
				m.Keys[i].Digest = DigestOf(m.Keys[i].Value.Reveal())
			}
			head, err := json.Marshal(m.header())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Decode(frame(head)); err == nil {
				t.Error("decoded without an error")
			}
		})
	}
	var total Message
	for i := range MaxTotal/MaxValue + 1 {
		total.Keys = append(total.Keys, key(fmt.Sprint("k", i), ""))
		total.Keys[i].Digest = &Digest{Size: MaxValue}
	}
	total.Mode = Full
	if err := total.check(); err == nil || !strings.Contains(err.Error(), "together") {
		t.Errorf("%v", err)
	}
}

// frame puts a header into a whole frame without values.
func frame(head []byte) io.Reader {
	b := append(binary.BigEndian.AppendUint32([]byte(magic), uint32(len(head))), head...)
	sum := sha256.Sum256(b)
	return bytes.NewReader(append(b, sum[:]...))
}

func TestDecoderAllocatesWithinLimits(t *testing.T) {
	huge := binary.BigEndian.AppendUint32([]byte(magic), 1<<32-1)
	elements := strings.Repeat("{},", maxHeader/3-20) + "{}"
	for name, c := range map[string]struct {
		in    io.Reader
		bytes uint64
	}{
		"header of 4 GiB":    {bytes.NewReader(huge), 1 << 20},
		"endless keys":       {frame([]byte(`{"version":1,"mode":"full","keys":[` + elements + `]}`)), 8 * maxHeader},
		"value of a TiB":     {frame([]byte(`{"version":1,"mode":"full","keys":[{"name":"a","dir":"/run/keys","user":"root","group":"root","size":1099511627776,"sha256":"` + strings.Repeat("00", 32) + `"}]}`)), 1 << 20},
		"value below zero":   {frame([]byte(`{"version":1,"mode":"full","keys":[{"name":"a","dir":"/run/keys","user":"root","group":"root","size":-1,"sha256":"` + strings.Repeat("00", 32) + `"}]}`)), 1 << 20},
		"nesting":            {frame([]byte(strings.Repeat("[", maxHeader))), 8 * maxHeader},
		"value not in there": {frame([]byte(`{"version":1,"mode":"full","keys":[{"name":"a","dir":"/run/keys","user":"root","group":"root","size":16777216,"sha256":"` + strings.Repeat("00", 32) + `"}]}`)), MaxValue + 1<<20},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(c.in)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("it is taken for a message")
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > c.bytes {
				t.Errorf("%d bytes were allocated, more than %d", got, c.bytes)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, sample()), false)
	f.Add(encode(f, Message{Mode: Full}), false)
	f.Add([]byte(`{"version":1,"mode":"check","keys":[{"name":"a","dir":"/run/keys","user":"u","group":"g","mode":256}],"restart":["b"]}`), true)
	f.Add([]byte(`{"version":1,"mode":"pre","keys":null,"restart":[null]}`), true)
	f.Fuzz(func(t *testing.T, in []byte, header bool) {
		var r io.Reader = bytes.NewReader(in)
		if header {
			r = frame(in)
		}
		m, err := Decode(r)
		if err != nil {
			return
		}
		again, err := Decode(bytes.NewReader(encode(t, m)))
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if !same(m, again) {
			t.Fatalf("%+v came back as %+v", m, again)
		}
	})
}

// same compares messages with their values, which reflect cannot see. Empty
// lists are equal to none.
func same(a, b Message) bool {
	plain := func(m Message) (Message, [][]byte) {
		m.Keys = append([]Key(nil), m.Keys...)
		var values [][]byte
		for i := range m.Keys {
			k := &m.Keys[i]
			values = append(values, k.Value.Reveal())
			k.Value, k.RestartUnits = Secret{}, append([]string(nil), k.RestartUnits...)
		}
		return m, values
	}
	ma, va := plain(a)
	mb, vb := plain(b)
	return reflect.DeepEqual(ma, mb) && reflect.DeepEqual(va, vb)
}

func TestReply(t *testing.T) {
	r := Reply{Version: Version, Changed: []string{"a"}, States: map[string]State{"b": Missing}, Error: "x\ny"}
	line, err := r.Encode()
	if err != nil || bytes.Count(line, []byte("\n")) != 1 {
		t.Fatalf("%q, %v", line, err)
	}
	got, err := DecodeReply(append([]byte("Welcome!\n{}\n"), line...))
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v, %v", got, err)
	}
	for in, want := range map[string]string{
		"":                         "did not answer",
		"\n \n":                    "did not answer",
		"Welcome!":                 "not understood",
		"{}":                       "not understood",
		`{"version":2}`:            "has version 2",
		string(line) + "logout":    "not understood",
		string(line[:len(line)/2]): "not understood",
	} {
		if _, err := DecodeReply([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}
