package trust

import (
	"crypto/ed25519"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"flakeops/internal/sshname"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// What is noted of a host speaks of that host alone.
func FuzzANotedHostIsThatHostOnly(f *testing.F) {
	for _, name := range []string{
		"web", "a,b", "0,", "0", "10.0.0.1", "fe80::1%eth0", "::1", "::ffff:192.0.2.1", "Web_1.Example.org.", "*", "w?b", "!web", "|1|a|b",
		"@revoked", "#web", "[web]:22", "[web]", "a b", "web.", ".web", "web,*", "1:2", "a%b", "grün", "-web", "\x00",
	} {
		f.Add(name, uint16(22))
		f.Add(name, uint16(2222))
	}
	k := newKey(f)
	f.Fuzz(func(t *testing.T, name string, port uint16) {
		if port == 0 || !sshname.Host(name) && !sshname.Plain(name) {
			t.Skip()
		}
		name = strings.ToLower(name) // as config has it
		p := strconv.Itoa(int(port))
		for _, hashed := range []bool{false, true} {
			file := filepath.Join(t.TempDir(), "known_hosts")
			must(t, addKnownHost(file, net.JoinHostPort(name, p), k, hashed))
			for _, reader := range readers(t, file, net.JoinHostPort(name, p)) {
				if err := reader(net.JoinHostPort(name, p), k); err != nil {
					t.Errorf("%q at %s: %v, by %q", name, p, err, text(t, file))
				}
				for _, other := range []string{"other", name + "x", "x" + name, strings.TrimRight(name, ".,") + ".x", "x." + name, name[:len(name)-1]} {
					if other == "" || other == name {
						continue
					}
					if err := reader(net.JoinHostPort(other, p), k); !isUnknown(err) {
						t.Errorf("%q is taken for %q: %v, by %q", other, name, err, text(t, file))
					}
				}
				if err := reader(net.JoinHostPort(name, "4711"), k); port != 4711 && !isUnknown(err) {
					t.Errorf("%q at another port: %v, by %q", name, err, text(t, file))
				}
			}
		}
	})
}

// readers are the library's and this package's own way to read the file.
func readers(t *testing.T, file, address string) []func(string, ssh.PublicKey) error {
	t.Helper()
	callback, err := xknownhosts.New(file)
	must(t, err)
	ours, err := loadKnownHosts([]string{file}, xknownhosts.Normalize(address))
	must(t, err)
	return []func(string, ssh.PublicKey) error{
		func(a string, key ssh.PublicKey) error { return callback(a, &net.TCPAddr{IP: net.IPv4zero}, key) },
		func(a string, key ssh.PublicKey) error {
			if v := ours.check(a, key); !v.known {
				return &xknownhosts.KeyError{}
			}
			return nil
		},
	}
}

func isUnknown(err error) bool {
	var ke *xknownhosts.KeyError
	return errors.As(err, &ke) && len(ke.Want) == 0
}

func TestAKeyIsNotedInARegularFileOnly(t *testing.T) {
	if err := addKnownHost("/dev/null", "web:22", newKey(t), false); err == nil {
		t.Error("noted a key in /dev/null")
	}
}

func newKey(t testing.TB) ssh.PublicKey {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(nil)
	must(t, err)
	key, err := ssh.NewPublicKey(pub)
	must(t, err)
	return key
}

func text(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	return string(b)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
