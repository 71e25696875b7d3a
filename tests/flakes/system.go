package flakes

import (
	"embed"
	"io/fs"
)

//go:embed fleet/system/activate fleet/system/switch-to-configuration
var system embed.FS

// Scripts holds activate and switch-to-configuration, the two programs that a
// system without nixpkgs is made of. Their modes are lost: both are executable.
func Scripts() fs.FS {
	sub, err := fs.Sub(system, "fleet/system")
	if err != nil {
		panic(err) // only for a path that is not valid
	}
	return sub
}
