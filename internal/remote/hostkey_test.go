package remote

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"flakeops/internal/remote/trust"
	"flakeops/internal/run"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// trusting is a host that lets k in, and a setup that knows how to reach it.
func trusting(t *testing.T, known func(*sshd) string, more ...string) (*sshd, *setup) {
	t.Helper()
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	return h, newSetup(t, known(h), h.host("h", append(more, "IdentityFile "+k.file)...))
}

func nothing(*sshd) string { return "" }

// accepted dials and runs something.
func accepted(t *testing.T, s *setup) {
	t.Helper()
	_, err := s.dial(t, "h").Run(testContext(t), run.Command{Argv: []string{"true"}})
	must(t, err)
}

// refused dials and returns why the host's key was refused.
func refused(t *testing.T, s *setup) *trust.HostKeyError {
	t.Helper()
	c, err := s.Dial(testContext(t), target("h"))
	if err == nil {
		_ = c.Close()
		t.Fatal("the host key was accepted")
	}
	var e *trust.HostKeyError
	if !errors.As(err, &e) {
		t.Fatalf("not a host key error: %v", err)
	}
	return e
}

func TestUnknownHostPolicyYes(t *testing.T) {
	h, s := trusting(t, nothing)
	e := refused(t, s)
	if e.File != "" || e.Fingerprint != h.key.fingerprint() || e.Host != fmt.Sprintf("[127.0.0.1]:%d", h.port) {
		t.Errorf("%#v", e)
	}
	contains(t, e.Error(), "host key of", "is unknown", "StrictHostKeyChecking is yes", h.key.fingerprint())
	contains(t, e.Hint(), fmt.Sprintf("`ssh -l %s -p %d -o StrictHostKeyChecking=ask -o BatchMode=no h`", login(t), h.port))
}

func TestUnknownHostPolicyAsk(t *testing.T) {
	h, s := trusting(t, nothing, "StrictHostKeyChecking ask")
	contains(t, refused(t, s).Error(), "there is no terminal")

	p := &prompter{}
	s.Operator.Prompt = p
	contains(t, refused(t, s).Error(), "was not accepted")
	if text := read(t, s.known); text != "" {
		t.Errorf("a refused key was noted: %s", text)
	}

	p.yes = true
	accepted(t, s)
	contains(t, p.questions()[1], h.key.fingerprint(), "web1")
	accepted(t, s)
	if n := len(p.questions()); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
	if text := read(t, s.known); text != h.known() {
		t.Errorf("known hosts: %s", text)
	}
}

// A confirm has seconds: it must not ask what the operator has answered already.
func TestAnAcceptedKeyThatCannotBeNotedIsAskedForOnce(t *testing.T) {
	k := newKey(t, "ed25519", "")
	a, b := startSSHD(t, []key{k}), startSSHD(t, []key{k})
	options := []string{"IdentityFile " + k.file, "StrictHostKeyChecking ask", "UserKnownHostsFile /dev/null", "HostKeyAlias web"}
	s := newSetup(t, "", a.host("h", options...), b.host("other", options...))
	p := &prompter{yes: true}
	s.Operator.Prompt = p
	accepted(t, s)
	accepted(t, s)
	if q := p.questions(); len(q) != 1 {
		t.Errorf("asked %q", q)
	}
	s.dial(t, "other")
	if q := p.questions(); len(q) != 2 || !strings.Contains(q[1], b.key.fingerprint()) {
		t.Errorf("another key under the same name: asked %q", q)
	}
}

func TestUnknownHostBatchModeIsNotAsked(t *testing.T) {
	_, s := trusting(t, nothing, "StrictHostKeyChecking ask", "BatchMode yes")
	p := &prompter{yes: true}
	s.Operator.Prompt = p
	// BatchMode may turn ask into yes in ssh itself; either way nobody is asked.
	refused(t, s)
	if len(p.questions()) != 0 {
		t.Errorf("asked: %q", p.questions())
	}
}

func TestUnknownHostPolicyAcceptNew(t *testing.T) {
	h, s := trusting(t, nothing, "StrictHostKeyChecking accept-new")
	accepted(t, s)
	if text := read(t, s.known); text != h.known() {
		t.Errorf("known hosts: %s", text)
	}
}

func TestUnknownHostPolicyNo(t *testing.T) {
	for _, policy := range []string{"no", "off"} {
		h, s := trusting(t, func(*sshd) string { return "# no newline at the end" }, "StrictHostKeyChecking "+policy)
		accepted(t, s)
		if text := read(t, s.known); text != "# no newline at the end\n"+h.known() {
			t.Errorf("known hosts: %q", text)
		}
	}
}

func TestUnknownHostIsNotedHashed(t *testing.T) {
	_, s := trusting(t, nothing, "StrictHostKeyChecking accept-new", "HashKnownHosts yes")
	accepted(t, s)
	text := read(t, s.known)
	if !strings.HasPrefix(text, "|1|") || strings.Contains(text, "127.0.0.1") {
		t.Errorf("known hosts: %s", text)
	}
	write(t, s.config, strings.ReplaceAll(read(t, s.config), "accept-new", "yes"))
	accepted(t, s)
}

func TestParallelConnectionsNoteAKeyOnce(t *testing.T) {
	h, s := trusting(t, nothing, "StrictHostKeyChecking accept-new")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			c, err := s.Dial(testContext(t), target("h"))
			if err != nil {
				t.Error(err)
				return
			}
			_ = c.Close()
		})
	}
	wg.Wait()
	if text := read(t, s.known); text != h.known() {
		t.Errorf("known hosts: %s", text)
	}
}

func TestChangedHostKeyIsRefusedByEveryPolicy(t *testing.T) {
	for _, policy := range []string{"yes", "ask", "accept-new", "no"} {
		other := newKey(t, "ed25519", "")
		before := ""
		h, s := trusting(t, func(h *sshd) string {
			before = fmt.Sprintf("# a comment\n\n[127.0.0.1]:%d %s\n", h.port, other.line())
			return before
		}, "StrictHostKeyChecking "+policy)
		p := &prompter{yes: true}
		s.Operator.Prompt = p
		e := refused(t, s)
		if e.File != s.known || e.Line != 3 || e.Fingerprint != h.key.fingerprint() || e.Type != ssh.KeyAlgoED25519 {
			t.Errorf("%s: %#v", policy, e)
		}
		contains(t, e.Error(), "has changed", s.known+":3")
		contains(t, e.Hint(), fmt.Sprintf("ssh-keygen -R '[127.0.0.1]:%d' -f %s", h.port, s.known))
		if len(p.questions()) != 0 || read(t, s.known) != before {
			t.Errorf("%s: asked %q, known hosts %s", policy, p.questions(), read(t, s.known))
		}
	}
}

func TestNothingIsSentToAHostWithAChangedKey(t *testing.T) {
	other := newKey(t, "ed25519", "")
	locked := newKey(t, "ed25519", "passphrase")
	h := startSSHD(t, []key{locked})
	s := newSetup(t, fmt.Sprintf("[127.0.0.1]:%d %s\n", h.port, other.line()), h.host("h", "IdentityFile "+locked.file))
	p := &prompter{secrets: []string{"passphrase"}}
	s.Operator.Prompt = p
	refused(t, s)
	if len(p.questions()) != 0 {
		t.Errorf("asked %q", p.questions())
	}
}

func TestHashedHost(t *testing.T) {
	_, s := trusting(t, func(h *sshd) string {
		return xknownhosts.HashHostname("elsewhere") + " " + newKey(t, "ed25519", "").line() + "\n" +
			xknownhosts.HashHostname(fmt.Sprintf("[127.0.0.1]:%d", h.port)) + " " + h.key.line() + "\n"
	})
	accepted(t, s)
}

func TestKeyKnownForStandardPort(t *testing.T) {
	_, s := trusting(t, func(h *sshd) string { return "127.0.0.1 " + h.key.line() + "\n" })
	accepted(t, s)
}

func TestHostKeyAlias(t *testing.T) {
	_, s := trusting(t, func(h *sshd) string { return "web.example " + h.key.line() + "\n" }, "HostKeyAlias Web.Example")
	accepted(t, s)
	_, s = trusting(t, func(h *sshd) string { return h.known() }, "HostKeyAlias web.example")
	if e := refused(t, s); e.Host != "web.example" {
		t.Errorf("%#v", e)
	}
}

func TestHostKeyAliasWithAPort(t *testing.T) {
	line := func(h *sshd) string { return "[web.example]:2222 " + h.key.line() + "\n" }
	_, s := trusting(t, line, "HostKeyAlias [web.example]:2222")
	accepted(t, s)
	h, s := trusting(t, nothing, "HostKeyAlias [web.example]:2222", "StrictHostKeyChecking accept-new")
	accepted(t, s)
	if text := read(t, s.known); text != line(h) {
		t.Errorf("known hosts: %s", text)
	}
}

func TestRevokedHostKey(t *testing.T) {
	_, s := trusting(t, func(h *sshd) string { return h.known() + "@revoked * " + h.key.line() + "\n" })
	e := refused(t, s)
	if e.File != s.known || e.Line != 2 {
		t.Errorf("%#v", e)
	}
	contains(t, e.Error(), "is revoked")
}

func TestRevokedHostKeysFile(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	list := t.TempDir() + "/revoked"
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "RevokedHostKeys "+list))
	contains(t, refused(t, s).Error(), "cannot be checked", "RevokedHostKeys")
	write(t, list, "# keys\n"+newKey(t, "ed25519", "").line()+"\n")
	accepted(t, s)
	write(t, list, "# keys\n"+h.key.line()+"\n")
	if e := refused(t, s); e.File != list || e.Line != 2 {
		t.Errorf("%#v", e)
	}
	write(t, list, "SSHKRL\n\x00")
	contains(t, refused(t, s).Error(), "binary revocation list")
}

func TestSeveralFilesAndLinesThatCannotBeRead(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	dir := t.TempDir()
	first, global := dir+"/first file", dir+"/global"
	write(t, first, "[127.0.0.1]:1 ssh-xmss@openssh.com AAAA\nnonsense\n[127.0.0.1]:2 1024 35 12345\n")
	write(t, global, "# global\n"+h.known())
	s := newSetup(t, "", h.host("h", "IdentityFile "+k.file,
		fmt.Sprintf("UserKnownHostsFile %q %s/missing", first, dir), "GlobalKnownHostsFile "+global))
	accepted(t, s)

	write(t, global, "# global\n\nnonsense\n"+strings.Replace(h.known(), h.key.line(), newKey(t, "ed25519", "").line(), 1))
	if e := refused(t, s); e.File != global || e.Line != 4 {
		t.Errorf("%#v", e)
	}
}

func TestHostNamesAreMatchedWithoutCase(t *testing.T) {
	_, s := trusting(t, func(h *sshd) string { return fmt.Sprintf("[LocalHost]:%d %s\n", h.port, h.key.line()) }, "HostName LOCALHOST")
	write(t, s.config, strings.ReplaceAll(read(t, s.config), " HostName 127.0.0.1\n", ""))
	accepted(t, s)
}

func TestKnownTypeIsPreferred(t *testing.T) {
	k := newKey(t, "ed25519", "")
	ed, ec, rs := newKey(t, "ed25519", ""), newKey(t, "ecdsa", ""), newKey(t, "rsa", "")
	h := startSSHD(t, []key{k}, "HostKey "+ed.file, "HostKey "+ec.file, "HostKey "+rs.file)
	for _, host := range []key{ed, ec, rs} {
		s := newSetup(t, fmt.Sprintf("[127.0.0.1]:%d %s\n", h.port, host.line()), h.host("h", "IdentityFile "+k.file))
		accepted(t, s)
	}
}

func TestKeyOfAnotherTypeIsAChangedKey(t *testing.T) {
	k, rs := newKey(t, "ed25519", ""), newKey(t, "rsa", "")
	h := startSSHD(t, []key{k})
	s := newSetup(t, fmt.Sprintf("[127.0.0.1]:%d %s\n", h.port, rs.line()), h.host("h", "IdentityFile "+k.file, "StrictHostKeyChecking accept-new"))
	contains(t, refused(t, s).Error(), "has changed")
}

func TestHostCertificate(t *testing.T) {
	k, ca := newKey(t, "ed25519", ""), newKey(t, "ecdsa", "")
	for _, kind := range []string{"ed25519", "rsa"} {
		host := newKey(t, kind, "")
		certify(t, ca, host, ssh.HostCert, "127.0.0.1", "web.example")
		h := startSSHD(t, []key{k}, "HostKey "+host.file, "HostCertificate "+host.file+"-cert.pub")
		authority := "@cert-authority 127.0.0.*,[127.0.0.*]:*,*.example " + ca.line() + "\n"
		accepted(t, newSetup(t, authority, h.host("h", "IdentityFile "+k.file)))
		accepted(t, newSetup(t, authority, h.host("h", "IdentityFile "+k.file, "HostKeyAlias web.example")))

		// Not one of the certificate's names: the key alone is unknown.
		contains(t, refused(t, newSetup(t, authority, h.host("h", "IdentityFile "+k.file, "HostKeyAlias db.example"))).Error(),
			"certificate", "db.example")
		// A plain key that is known counts, certificate or not.
		accepted(t, newSetup(t, "db.example "+host.line()+"\n"+authority, h.host("h", "IdentityFile "+k.file, "HostKeyAlias db.example")))
		// Another authority.
		contains(t, refused(t, newSetup(t, "@cert-authority * "+newKey(t, "ed25519", "").line()+"\n",
			h.host("h", "IdentityFile "+k.file))).Error(), "certificate")
		// A revoked authority.
		refused(t, newSetup(t, authority+"@revoked * "+ca.line()+"\n", h.host("h", "IdentityFile "+k.file)))
		// A list of revoked keys that has the authority, or the key itself.
		for _, revoked := range []key{ca, host} {
			list := filepath.Join(t.TempDir(), "revoked")
			write(t, list, revoked.line()+"\n")
			contains(t, refused(t, newSetup(t, authority, h.host("h", "IdentityFile "+k.file, "RevokedHostKeys "+list))).Error(), "is revoked")
		}
	}
}

func TestAuthorityKnownForStandardPort(t *testing.T) {
	k, ca, host := newKey(t, "ed25519", ""), newKey(t, "ecdsa", ""), newKey(t, "ed25519", "")
	certify(t, ca, host, ssh.HostCert, "127.0.0.1")
	h := startSSHD(t, []key{k}, "HostKey "+host.file, "HostCertificate "+host.file+"-cert.pub")
	for _, names := range []string{"127.0.0.1", "web.example,127.0.0.1", "127.*"} {
		accepted(t, newSetup(t, "@cert-authority "+names+" "+ca.line()+"\n", h.host("h", "IdentityFile "+k.file)))
	}
}

func TestNoHostAuthenticationForLocalhost(t *testing.T) {
	_, s := trusting(t, nothing, "NoHostAuthenticationForLocalhost yes")
	accepted(t, s)
	// The near end of a tunnel: the alias tells which host is at the far one.
	_, s = trusting(t, nothing, "NoHostAuthenticationForLocalhost yes", "HostKeyAlias web.example")
	if e := refused(t, s); e.Host != "web.example" {
		t.Errorf("%#v", e)
	}
}

func TestPlainKeyUnderAnAuthorityIsUnknown(t *testing.T) {
	ca := newKey(t, "ed25519", "")
	h, s := trusting(t, func(*sshd) string { return "@cert-authority * " + ca.line() + "\n" }, "StrictHostKeyChecking accept-new")
	accepted(t, s)
	contains(t, read(t, s.known), h.known())
}

func TestCheckHostIP(t *testing.T) {
	other := newKey(t, "ed25519", "")
	_, s := trusting(t, func(h *sshd) string {
		return fmt.Sprintf("[localhost]:%d %s\n[127.0.0.1]:%d %s\n", h.port, h.key.line(), h.port, other.line())
	}, "AddressFamily inet")
	write(t, s.config, strings.ReplaceAll(read(t, s.config), " HostName 127.0.0.1\n", " HostName localhost\n"))
	accepted(t, s)
	write(t, s.config, "CheckHostIP yes\n"+read(t, s.config))
	contains(t, refused(t, s).Error(), "its address 127.0.0.1")

	// What is known under an alias has nothing to do with the address.
	_, s = trusting(t, func(h *sshd) string {
		return fmt.Sprintf("web.example %s\n[127.0.0.1]:%d %s\n", h.key.line(), h.port, other.line())
	}, "CheckHostIP yes", "HostKeyAlias web.example")
	accepted(t, s)
}

func TestKnownHostsFileThatCannotBeWritten(t *testing.T) {
	_, s := trusting(t, nothing, "StrictHostKeyChecking accept-new")
	write(t, s.config, strings.ReplaceAll(read(t, s.config), "UserKnownHostsFile "+s.known, "UserKnownHostsFile /dev/null"))
	accepted(t, s)
}

func read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	return string(b)
}
