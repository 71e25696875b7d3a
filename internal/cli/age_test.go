package cli

import (
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	for text, want := range map[string]time.Duration{"36h": 36 * time.Hour, "30d": 30 * day, "6w": 42 * day, "1y": 365 * day, "0d": 0} {
		var a age
		if err := a.UnmarshalText([]byte(text)); err != nil || time.Duration(a) != want {
			t.Errorf("%s: %v, %v", text, time.Duration(a), err)
		}
	}
	for _, text := range []string{"", "d", "30", "-1d", "+1d", "1.5d", "1m", "1 d", "300y", "9223372036854775807h", "99999999999999999999d"} {
		var a age
		if err := a.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, time.Duration(a))
		}
	}
	if got := age(42*day).String() + " " + age(36*time.Hour).String(); got != "42d 36h" {
		t.Error(got)
	}
}
