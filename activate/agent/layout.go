package agent

import "path/filepath"

// layout says where things are on a host. Its root is empty there; tests put a
// directory in front.
type layout struct{ root string }

// What lives in /run is gone after a reboot, as are the deployments it
// describes: the boot loader has decided by then.

func (l layout) runDir() string              { return l.root + "/run/flakeops" }
func (l layout) lock() string                { return filepath.Join(l.runDir(), "lock") }
func (l layout) left() string                { return filepath.Join(l.runDir(), "left") }
func (l layout) deployment(id string) string { return filepath.Join(l.runDir(), id) }
func (l layout) request(id string) string    { return filepath.Join(l.deployment(id), "request.json") }
func (l layout) state(id string) string      { return filepath.Join(l.deployment(id), "state.json") }
func (l layout) events(id string) string     { return filepath.Join(l.deployment(id), "events.jsonl") }
func (l layout) socket(id string) string     { return filepath.Join(l.deployment(id), "socket") }

// switchLock is what switch-to-configuration holds, whoever runs it.
func (l layout) switchLock() string { return l.root + "/run/nixos/switch-to-configuration.lock" }

func (l layout) stateDir() string { return l.root + "/var/lib/flakeops" }
func (l layout) records() string  { return filepath.Join(l.stateDir(), "deployments.jsonl") }

func (l layout) roots() string         { return l.root + "/nix/var/nix/gcroots/flakeops" }
func (l layout) currentSystem() string { return l.root + "/run/current-system" }

// What a systemd that starts anew finds, where the boot keeps /run.
func (l layout) bootUnit(id string) string {
	return filepath.Join(l.root+"/run/systemd/system", guardUnit(id))
}
func (l layout) bootWants(id string) string {
	return filepath.Join(l.root+"/run/systemd/system/multi-user.target.wants", guardUnit(id))
}
