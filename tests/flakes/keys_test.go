package flakes_test

import (
	"fmt"
	"strings"
	"testing"

	"flakeops/tests/flakes"
	"flakeops/tests/lab/host"
)

// The units of keys, and services that need keys, follow the keys' files.
func TestKeyUnits(t *testing.T) {
	keys := map[string]map[string]any{
		"db":    {"text": "x", "user": "app"},
		"a+b@c": {"keyFile": "/nowhere"},
	}
	more := map[string]map[string]any{"late": {"text": "x", "uploadAt": "post-activation"}}
	for name, key := range keys {
		more[name] = key
	}
	for _, suite := range host.Suites() {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, suite, map[string]flakes.Node{
				"keyed": {Keys: keys, Needs: []string{"db", "a+b@c"}, Users: []string{"app"}, Groups: []string{"staff-of-app"}},
				"fewer": {Keys: keys, Needs: []string{"db"}},
				"more":  {Keys: more, Needs: []string{"db", "a+b@c"}},
				"plain": {},
			})
			b.directoryOfKeys()
			b.accounts()
			b.keysArrive()
			b.keyChanges()
			b.keyUnitChanges()
			b.moreKeys()
			b.keysGo()
		})
	}
}

const (
	dbKey  = "db-key.service"
	oddKey = `'a\x2bb@c-key.service'`
)

func (b *box) directoryOfKeys() {
	b.t.Helper()
	if got := b.sh("stat -f -c %T /run/keys; stat -c '%a %U %G' /run/keys"); got != "ramfs\n750 root keys" {
		b.t.Errorf("/run/keys is %q", got)
	}
}

func (b *box) accounts() {
	b.t.Helper()
	b.sh("! getent passwd app && ! getent group staff-of-app")
	b.reach("keyed", "switch")
	b.sh("id -gn app | grep -x app && getent group staff-of-app")
	b.reach("keyed", "switch") // they are there
}

// put writes a key as it is sent: a new file takes the place of the old one.
func (b *box) put(name, value string) {
	b.t.Helper()
	b.sh(fmt.Sprintf("umask 077; printf %%s %s >/run/keys/.new; mv -fT /run/keys/.new '/run/keys/%s'", value, name))
}

// await waits until a shell condition holds.
func (b *box) await(condition string) {
	b.t.Helper()
	b.sh("for i in $(seq 200); do if " + condition + "; then exit 0; fi; sleep 0.05; done\n" +
		"systemctl status --no-pager -n 5 '*-key.*' fleet-keyed.service; exit 1")
}

// active is a shell condition: all units are. One call for several would be
// content with any.
func (b *box) active(units ...string) string {
	return "systemctl is-active --quiet " + strings.Join(units, " && systemctl is-active --quiet ")
}

func (b *box) invocation(unit string) string {
	b.t.Helper()
	return b.sh("systemctl show --value --property=InvocationID " + unit)
}

// keysArrive brings the keys one by one to a host that runs, and to one that
// was booted without any.
func (b *box) keysArrive() {
	b.t.Helper()
	idle := "systemctl is-active " + dbKey + " " + oddKey + " fleet-keyed.service keys.target | sort -u"
	for _, boot := range []bool{false, true} {
		if boot {
			if err := b.host.Reboot(b.t.Context()); err != nil {
				b.t.Fatal(err)
			}
		}
		b.await("[ $(systemctl is-system-running) = running ]")
		b.await(`[ -z "$(systemctl list-jobs --no-legend)" ]`)
		if got := b.sh(idle); got != "inactive" {
			b.t.Errorf("without keys: %q", got)
		}
		b.put("db", "one")
		b.await(b.active(dbKey))
		b.sh("! " + b.active("fleet-keyed.service"))
		b.put("a+b@c", "two")
		b.await(b.active(oddKey, "fleet-keyed.service"))
		b.sh("sha256sum /run/keys/db /run/keys/a+b@c | diff - /run/fleet/keyed")
		b.sh("systemctl start keys.target")
	}
}

// keyChanges replaces a key more often in a row than systemd allows by default.
func (b *box) keyChanges() {
	b.t.Helper()
	before := b.invocation("fleet-keyed.service")
	for i := range 8 {
		old := b.invocation(dbKey)
		b.put("db", fmt.Sprint("value", i))
		b.await("[ $(systemctl show --value --property=InvocationID " + dbKey + ") != " + old + " ] && " + b.active(dbKey))
	}
	if after := b.invocation("fleet-keyed.service"); after != before {
		b.t.Error("the service was restarted, which is for restartUnits to say")
	}
	b.sh("rm /run/keys/db")
	b.await("! " + b.active(dbKey))
	b.put("db", "again")
	b.await(b.active(dbKey))
}

// keyUnitChanges goes to a system where a key's unit is another, and back.
// Restarting it would restart what needs the key, which is there all the time.
func (b *box) keyUnitChanges() {
	b.t.Helper()
	watch := b.invocation(oddKey)
	for _, node := range []string{"fewer", "keyed"} {
		if out := b.reach(node, "switch"); strings.Contains(out, "b@c-key.service") || b.invocation(oddKey) != watch {
			b.t.Errorf("the key's unit was restarted: %q", out)
		}
		b.await(b.active("fleet-keyed.service"))
	}
	b.sh("systemctl start keys.target")
}

// moreKeys goes to a system with a key that is sent afterwards.
func (b *box) moreKeys() {
	b.t.Helper()
	before, watch := b.invocation("fleet-keyed.service"), b.invocation(dbKey)
	out := b.reach("more", "switch")
	if !strings.Contains(out, "keys.target") || strings.Contains(out, dbKey) {
		b.t.Errorf("switch said %q", out)
	}
	if b.invocation("fleet-keyed.service") != before || b.invocation(dbKey) != watch {
		b.t.Error("another key restarted services")
	}
	b.sh("! " + b.active("keys.target") + " && ! systemctl start keys.target")
	b.put("late", "x")
	b.await(b.active("late-key.service"))
	b.sh("systemctl start keys.target")
	b.await("[ $(systemctl is-system-running) = running ]")
}

func (b *box) keysGo() {
	b.t.Helper()
	b.reach("plain", "switch")
	b.sh("! " + b.active(dbKey) + ` && [ -z "$(ls -d /etc/systemd/system/*-key.* /etc/systemd/system/keys.target 2>/dev/null)" ]`)
	b.await("[ $(systemctl is-system-running) = running ]")
}
