package trust

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"flakeops/internal/remote/resolve"

	"golang.org/x/crypto/ssh"
)

func TestWildcard(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"*", "[a]:2", true}, {"?", "", false}, {"a*c", "abbc", true}, {"a*c", "abcd", false},
		{"[10.*]:*", "[10.0.0.1]:2222", true}, {"*.example", "[a.example]:22", false}, {"a**b", "ab", true}, {"ab?", "ab", false},
	} {
		if got := wildcard(tc.pattern, tc.s); got != tc.want {
			t.Errorf("%s %s: %v", tc.pattern, tc.s, got)
		}
	}
}

func TestCipherOrder(t *testing.T) {
	for _, list := range defaultCiphers() {
		got, err := ciphers(&resolve.Config{Ciphers: strings.Split(list, ",")})
		must(t, err)
		if hasAES() && got[0] != "aes128-gcm@openssh.com" || len(got) != 6 {
			t.Errorf("%q", got)
		}
	}
	got, err := ciphers(&resolve.Config{Ciphers: []string{"aes256-ctr", "unknown", "aes128-gcm@openssh.com"}})
	if err != nil || !reflect.DeepEqual(got, []string{"aes256-ctr", "aes128-gcm@openssh.com"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestHostKeyAlgorithmOrder(t *testing.T) {
	c := &resolve.Config{HostKeyAlgs: []string{"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "unknown"}}
	for _, tc := range []struct {
		types     []string
		authority bool
		want      string
	}{
		{nil, false, "ssh-ed25519 ecdsa-sha2-nistp256 rsa-sha2-512"},
		{[]string{"ssh-rsa"}, false, "rsa-sha2-512 ssh-ed25519 ecdsa-sha2-nistp256"},
		{[]string{"ecdsa-sha2-nistp256"}, true, "ssh-ed25519-cert-v01@openssh.com ecdsa-sha2-nistp256 ssh-ed25519 rsa-sha2-512"},
	} {
		got, err := hostKeyAlgorithms(c, tc.types, tc.authority)
		if err != nil || strings.Join(got, " ") != tc.want {
			t.Errorf("%v: %q, %v", tc.types, got, err)
		}
	}
}

// FuzzKnownHosts: no file keeps a host from being checked, and none makes an
// unrelated key known.
func FuzzKnownHosts(f *testing.F) {
	k := newKey(f)
	line := string(ssh.MarshalAuthorizedKey(k))
	f.Add("* ssh-ed25519 AAAA\n@cert-authority\n|1|a|b ssh-ed25519 AAAA\n")
	f.Add("[h]:1,!x,* " + line[:60] + "\n@revoked * x y\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, strings.Fields(line)[1]) {
			return
		}
		file := t.TempDir() + "/known_hosts"
		must(t, os.WriteFile(file, []byte(text), 0o600))
		db, err := loadKnownHosts([]string{file}, "h", "[h]:2222")
		must(t, err)
		if db.check("h:22", k).known || db.check("h:2222", k).known {
			t.Errorf("known by %q", text)
		}
	})
}
