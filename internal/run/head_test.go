package run

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestHeadKeepsTheBeginning(t *testing.T) {
	h := &Head{Max: 5}
	if n, err := io.Copy(h, strings.NewReader("abc")); n != 3 || err != nil || h.Over {
		t.Errorf("%d, %v, over %v", n, err, h.Over)
	}
	if n, err := h.Write([]byte("def")); n != 2 || err == nil || !h.Over {
		t.Errorf("%d, %v, over %v", n, err, h.Over)
	}
	if n, err := h.Write([]byte("g")); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := string(h.Bytes()); got != "abcde" {
		t.Errorf("kept %q", got)
	}
}

func TestHeadEndsACommandThatIsEndless(t *testing.T) {
	h := &Head{Max: 1 << 10}
	_, err := Local{}.Run(t.Context(), Command{Argv: []string{"sh", "-c", "while echo more; do :; done"}, Stdout: h})
	if err == nil || errors.Is(err, context.Canceled) || !h.Over || len(h.Bytes()) != 1<<10 {
		t.Errorf("%v, over %v, %d bytes", err, h.Over, len(h.Bytes()))
	}
}
