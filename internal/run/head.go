package run

import (
	"bytes"
	"fmt"
)

// Head is a writer that keeps the first Max bytes written to it and refuses more,
// which ends the command that writes them. The buffer is a field, not embedded: io.Copy
// would fill an embedded one past Write.
type Head struct {
	Max  int
	Over bool // there was more

	kept bytes.Buffer
}

// Write keeps what there is room for, and fails where that is not all of p.
func (h *Head) Write(p []byte) (int, error) {
	if room := h.Max - h.kept.Len(); len(p) > room {
		h.Over = true
		n, _ := h.kept.Write(p[:room])
		return n, fmt.Errorf("it wrote more than %d bytes", h.Max)
	}
	return h.kept.Write(p)
}

// Bytes is what was kept.
func (h *Head) Bytes() []byte { return h.kept.Bytes() }
