package keys

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestDiagnosticsShowNoValue(t *testing.T) {
	value := Value{Key: base("db"), Secret: NewSecret([]byte("hunter2"))}
	var out bytes.Buffer
	for _, w := range []*zerolog.ConsoleWriter{nil, {Out: &out, NoColor: true}} {
		log := zerolog.New(&out)
		if w != nil {
			log = zerolog.New(w)
		}
		log.Info().Interface("a", value).Any("b", value.Secret).Stringer("c", value.Secret).
			Err(fmt.Errorf("%v %+v", value, value.Secret)).Interface("d", []*Value{&value}).
			AnErr("e", errors.New(fmt.Sprint(Compose("full", []Value{value})))).Msgf("%v %x", value, value.Secret)
	}
	if text := out.String(); strings.Count(text, "[secret]") < 10 || strings.Contains(text, "hunter2") ||
		strings.Contains(text, "68756e74") || strings.Contains(text, "104 117") {
		t.Errorf("logged %s", text)
	}
}
