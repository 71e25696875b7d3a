package host

import (
	"fmt"
	"io/fs"

	"flakeops/tests/flakes"
)

// FactoryUnit is the service that a host runs before anybody deploys to it.
const FactoryUnit = "fleet-factory.service"

// factorySystem is a system that was not deployed but came with the host, made
// of the same two programs as those of the fleet.
func factorySystem() ([]file, error) {
	files := []file{
		{Path: "name", Mode: 0o644, Text: []byte("factory\n")},
		{Path: "version", Mode: 0o644, Text: []byte("factory\n")},
		{Path: "nixos-version", Mode: 0o644, Text: []byte("factory")},
		{Path: "system", Mode: 0o644, Text: []byte("x86_64-linux")},
		{Path: "etc/fleet/units", Mode: 0o644, Text: []byte(FactoryUnit + "\n")},
		{Path: "etc/systemd/system/" + FactoryUnit, Mode: 0o644, Text: []byte(`[Unit]
Description=What the host came with

[Service]
Type=exec
ExecStart=/bin/sleep infinity
`)},
	}
	for name, path := range map[string]string{
		"activate":                "activate",
		"switch-to-configuration": "bin/switch-to-configuration",
	} {
		text, err := fs.ReadFile(flakes.Scripts(), name)
		if err != nil {
			return nil, fmt.Errorf("reading the fleet's scripts: %w", err)
		}
		files = append(files, file{Path: path, Mode: 0o755, Text: text})
	}
	return files, nil
}
