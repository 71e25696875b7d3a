package e2e

import (
	"testing"

	"flakeops/tests/flakes"
)

// A push that fails on the host says what the host said, and not what nix makes
// of an ssh that ended.
func TestPushThatFailsOnTheHostSaysWhatTheHostSaid(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm 96M"})
	web := f.hosts["web"]
	before := web.snapshot()
	must(t, writeIn(web, "/usr/local/bin/up", "#!/bin/sh\ncase $* in *--serve*) echo 'not today' >&2; exit 1 ;; esac\nexec sudo -H -- \"$@\"\n"))
	web.sh("chmod 755 /usr/local/bin/up; rm /usr/bin/nix-store; ln -s /usr/bin/nix /root/nix-store")
	for _, c := range []struct {
		name, user, script string
		code               int
		says               []string
	}{
		{"gone meanwhile", "root", "exec /nowhere/nix-store", 4, []string{"nix-store on the host: exit status 127", "not found"}},
		{"not allowed", "root", "echo 'error: permission denied' >&2; exit 1", 4, []string{"nix-store on the host: exit status 1: error: permission denied"}},
		{"killed", "root", "kill -KILL $$", 4, []string{"nix-store on the host: killed by signal: KILL"}},
		{"sudo refuses", "ops", ":", 8, []string{"ops could not become root", "not today"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := f.at(t)
			f.setting("web", "targetUser", c.user)
			f.setting("web", "privilegeEscalationCommand", []string{"/usr/local/bin/up"})
			must(t, writeIn(web, "/usr/bin/nix-store", "#!/bin/sh\nif [ \"$1\" = --serve ]; then "+c.script+"; fi\nexec /root/nix-store \"$@\"\n"))
			web.sh("chmod 755 /usr/bin/nix-store")
			isOrderly(f.deploy().exits(c.code).says(append(c.says, "web")...).keepsQuiet(".invalid"))
		})
	}
	t.Run("full disk", func(t *testing.T) {
		f := f.at(t)
		f.setting("web", "targetUser", "root")
		f.set("web", func(n *flakes.Node) { n.Version, n.Payload, n.Paths = "2", 200<<20, 4 })
		f.deploy().exits(4).says("push failed", "nix-store on the host: exit status 1", "No space left on device").keepsQuiet(".invalid")
	})
	web.is(before)
}
