package message

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretIsNotShown(t *testing.T) {
	const value = "hunter2-\x01"
	s := NewSecret([]byte(value))
	type inside struct{ hidden Secret }
	type exported struct {
		S Secret
		P *Secret
		M map[string]Secret
	}
	holders := []any{s, &s, inside{s}, &inside{s}, []Secret{s}, map[string]Secret{"k": s}, exported{s, &s, map[string]Secret{"k": s}},
		Key{Name: "k", Value: s}, Message{Keys: []Key{{Value: s}}}, struct{ any }{s}, []inside{{s}}, errors.Join(fmt.Errorf("x %v", s))}
	var shown strings.Builder
	for _, h := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%e", "%t", "%p", "%10s", "%-5v", "%T", "%w", "%!"} {
			fmt.Fprintf(&shown, verb+"\n", h)
		}
		fmt.Fprintln(&shown, h)
		if b, err := json.Marshal(h); err == nil {
			shown.Write(b)
		}
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "h", h)
		slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "h", h)
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(exported{S: s}); err != nil {
		t.Error(err)
	}
	shown.Write(b.Bytes())
	text := shown.String()
	if !strings.Contains(text, redacted) {
		t.Error("nothing says that there is a secret")
	}
	const decimal = "104 117 110 116"
	for _, form := range []string{"hunter2", hex.EncodeToString([]byte("hunter2")), "68 75 6e 74", "68756E7465", decimal,
		base64.StdEncoding.EncodeToString([]byte("hunter")), "0x68, 0x75", "U+0068"} {
		if i := strings.Index(text, form); i >= 0 {
			t.Errorf("the value is shown as %q: %q", form, text[max(0, i-60):min(len(text), i+60)])
		}
	}
	if string(s.Reveal()) != value || s.Len() != len(value) {
		t.Error("the value is lost")
	}
	if (Secret{}).Len() != 0 || (Secret{}).Reveal() != nil {
		t.Error("the zero Secret holds something")
	}
}
