package store

import "testing"

func TestBuildReason(t *testing.T) {
	const drv = "/nix/store/00000000000000000000000000000000-x.drv"
	for text, want := range map[string]string{
		"builder for '" + drv + "' failed with exit code 3": "its builder failed with exit code 3",
		"builder for '" + drv + "' failed with exit code 1;\n       last 2 log lines:\n       > a\n       For full logs, run 'nix log x'.": "its builder failed with exit code 1",
		"Cannot build '" + drv + "'.\n       Reason: builder failed with exit code 1.\n       Output paths:\n         /nix/store/x\n":      "builder failed with exit code 1",
		"Cannot build '" + drv + "'.\n       Reason: platform mismatch\n       Required system: 'a'\n       Current system: 'b'":           "platform mismatch Required system: 'a' Current system: 'b'",
		"hash mismatch in fixed-output derivation '" + drv + "':\n         specified: a\n            got:    b":                            "hash mismatch in fixed-output derivation '" + drv + "': specified: a got:    b",
	} {
		if got := buildReason(text, drv); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
