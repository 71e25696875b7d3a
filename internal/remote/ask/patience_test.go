package ask

import (
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	ctx, p, done := WithPatience(t.Context(), 50*time.Millisecond)
	defer done()
	resume := p.Pause()
	inner := p.Pause()
	select {
	case <-ctx.Done():
		t.Fatal("ended while paused")
	case <-time.After(150 * time.Millisecond):
	}
	inner()
	inner() // once is enough
	resume()
	<-ctx.Done()
}
