package e2e

import (
	"fmt"
	"testing"
)

// loginShells are those that Debian has, but the one that the lab's users have.
func loginShells() []string {
	return []string{
		"/bin/bsd-csh", "/bin/tcsh", "/usr/bin/fish", "/bin/zsh", "/bin/ksh93", "/bin/mksh", "/bin/yash",
		"/usr/bin/elvish", "/bin/dash",
	}
}

// chatter makes every shell complain and take its time when it starts, as
// startup files do that were written for terminals.
const chatter = `for home in /root /home/ops; do
	for rc in .cshrc .tcshrc .zshenv .bashrc; do
		printf 'stty -echo\nmesg n\nbiff y\nsleep 1\n' >$home/$rc
	done
	mkdir -p $home/.config/fish
	printf 'stty -echo\nmesg n\nsleep 1\n' >$home/.config/fish/config.fish
	chown -R ${home##*/}: $home
done`

// Whatever the login shell is, of root and of the user who becomes root.
func TestEveryLoginShell(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	web.sh(chatter)
	for n, shell := range loginShells() {
		t.Run(shell, func(t *testing.T) {
			f := f.at(t)
			web := &machine{t: t, Host: web.Host}
			web.sh("usermod --shell " + shell + " root; usermod --shell " + shell + " ops")
			system := f.version("web", fmt.Sprint("shell-", n))
			users := []string{"root", "ops"}
			if n%2 == 1 {
				users = []string{"ops", "root"}
			}
			f.setting("web", "targetUser", users[0])
			f.run("push", "path:"+f.dir).exits(0).says("pushed")
			f.setting("web", "targetUser", users[1])
			f.deploy().exits(0).says("deployed")
			web.runs(system)
		})
	}
}

// A shell that cannot run what it is given is named, and not what comes after it.
func TestLoginShellThatRunsNothing(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.snapshot()
	must(t, writeIn(web, "/usr/local/bin/menu", "#!/bin/sh\necho 'no such choice' >&2\nexit 1\n"))
	web.sh("chmod 755 /usr/local/bin/menu")
	for _, user := range []string{"ops", "root"} {
		web.sh("usermod --shell /usr/local/bin/menu " + user)
		f.setting("web", "targetUser", user)
		f.deploy().exits(8).says("web", "the login shell of "+user, "exec /bin/sh", "no such choice").keepsQuiet("sudo", "pushing")
		web.sh("usermod --shell /bin/bash " + user)
	}
	web.is(before)
	web.hasNoTraces()
}
