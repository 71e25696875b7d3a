package flake

import (
	"github.com/rs/zerolog"

	"flakeops/internal/run"
)

// Nix calls the nix programs of this machine. The zero value is ready to use.
type Nix struct {
	Runner run.Runner     // nil means run.Local{}
	Flags  []string       // options for nix, passed through to every call they are valid for
	Log    zerolog.Logger // diagnostics; the zero value writes nothing
}
