package resolve

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseConfig(t *testing.T) {
	c, err := parseConfig([]byte(`host web
user ops
hostname Web.Example
port 2222
addressfamily inet6
connecttimeout 3
serveraliveinterval 0
serveralivecountmax 5
identitiesonly yes
identityfile ~/.ssh/a
identityfile /with space/b
userknownhostsfile /a b /c ~/d
globalknownhostsfile none
stricthostkeychecking true
proxyjump none
proxycommand nc %h %p
ciphers aes256-ctr,nonsense
somethingnew with words
`))
	must(t, err)
	for _, cmp := range []struct{ got, want any }{
		{c.User, "ops"}, {c.Addr(), "web.example:2222"}, {c.Family, "tcp6"}, {c.Timeout, 3 * time.Second},
		{c.Alive, defaultAliveInterval}, {c.AliveCount, 5}, {c.IdentitiesOnly, true},
		{c.IdentityFiles, []string{"~/.ssh/a", "/with space/b"}}, {c.KnownHosts, []string{"/a b", "/c", "~/d"}},
		{c.GlobalHosts, []string(nil)}, {c.Policy, "yes"}, {c.ProxyJump, ""}, {c.ProxyCmd, "nc %h %p"},
	} {
		if !reflect.DeepEqual(cmp.got, cmp.want) {
			t.Errorf("got %#v, want %#v", cmp.got, cmp.want)
		}
	}
	for value, want := range map[string]string{"false": "no", "off": "no", "no": "no", "ask": "ask", "accept-new": "accept-new", "yes": "yes", "new": "yes"} {
		if got := policy(value); got != want {
			t.Errorf("StrictHostKeyChecking %s: %s", value, got)
		}
	}
	for text, want := range map[string]string{
		"":                                "no hostname",
		"hostname x\n":                    "no user",
		"hostname x\nuser y\nport 0\n":    "port",
		"hostname x\nuser y\nport many\n": "port",
		"connecttimeout -1\n":             "connecttimeout",
	} {
		if _, err := parseConfig([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("hostname x\nuser y\nport 22\nuserknownhostsfile /a b /c\nidentityfile ~/x\n"))
	f.Add([]byte("hostname\nuser\nport 99999999999999999999\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		c, err := parseConfig(out)
		if err != nil {
			return
		}
		if c.Hostname == "" || c.User == "" || c.Port < 1 || c.Port > 65535 || c.Timeout <= 0 || c.Alive <= 0 || c.AliveCount < 0 || c.Tries < 0 {
			t.Errorf("%q: %+v", out, c)
		}
		switch c.Policy {
		case "yes", "ask", "accept-new", "no":
		default:
			t.Errorf("%q: policy %q", out, c.Policy)
		}
		e := newExpander(c)
		_ = e.files(c.IdentityFiles)
		_ = e.percent(c.ProxyCmd)
	})
}

func TestExpand(t *testing.T) {
	e := newExpander(&Config{Original: "web", Hostname: "10.0.0.1", Port: 2222, User: "ops", ProxyJump: "j"})
	e.home = "/home/me"
	e.tokens['d'] = e.home
	e.getenv = func(name string) (string, bool) {
		v, ok := map[string]string{"DIR": "/keys/50%"}[name]
		return v, ok
	}
	for in, want := range map[string]string{
		"~/.ssh/%n": "/home/me/.ssh/web", "~": "/home/me", "%d/%h_%p_%r%%": "/home/me/10.0.0.1_2222_ops%",
		"${UNSET}/x": "${UNSET}/x", "${DIR}/x": "/keys/50%/x", "a${": "a${", "100%": "100%", "%Z": "%Z", "%k%j": "webj", "~no-such-user-here/x": "~no-such-user-here/x",
	} {
		if got := e.path(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := e.percent("nc %h %p # %% %n"); got != "nc 10.0.0.1 2222 # % web" {
		t.Errorf("got %s", got)
	}
}

func TestHomeIsThatOfTheAccountAsInSSH(t *testing.T) {
	t.Setenv("HOME", "/elsewhere")
	c, err := Resolver{}.Resolve(t.Context(), Destination{Host: "h", Before: []string{"-F", "none"}, Options: []string{
		"IdentityFile=~/x", "CertificateFile=%d/x", "RevokedHostKeys=~/x", "UserKnownHostsFile=~/x", // ssh -G expands the last one itself
	}})
	must(t, err)
	for _, list := range [][]string{c.IdentityFiles, c.CertFiles, {c.Revoked}} {
		if !reflect.DeepEqual(list, c.KnownHosts) {
			t.Errorf("%q, want %q as ssh has it", list, c.KnownHosts)
		}
	}
}

func TestParseHop(t *testing.T) {
	for in, want := range map[string]Destination{
		"j": {Host: "j"}, "u@j:22": {Host: "j", Port: 22, User: "u"}, "ssh://u@j:2": {Host: "j", Port: 2, User: "u"},
		"[::1]:22": {Host: "::1", Port: 22}, "u@[fe80::1]": {Host: "fe80::1", User: "u"}, "a@b@j": {Host: "j", User: "a@b"},
	} {
		got, err := ParseHop(in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "@j", "-oX@j", "j:0", "j:x", "-j", "a b"} {
		if got, err := ParseHop(in); err == nil {
			t.Errorf("%s: %+v", in, got)
		}
	}
}

func TestAJumpHostInheritsTheConfigurationFileOnly(t *testing.T) {
	if got := Inherited([]string{"-o", "A=b", "-F", "/x y", "-v"}); !reflect.DeepEqual(got, []string{"-F", "/x y"}) {
		t.Errorf("inherited %q", got)
	}
}

func TestNamesOfSSHConfigArePlain(t *testing.T) {
	for config, good := range map[string]bool{
		"hostname web": true, "hostname fe80::1%eth0": true, "hostname a,b": false, "hostname *": false, "hostname a b": false, "hostname a$(b)": false,
		"hostname web\nhostkeyalias db": true, "hostname web\nhostkeyalias [db]:22": true, "hostname web\nhostkeyalias a,b": false,
		"hostname web\nhostkeyalias @revoked": false, "hostname web\nhostkeyalias [db]:22,x": false,
	} {
		if _, err := parseConfig([]byte("user me\n" + config + "\n")); (err == nil) != good {
			t.Errorf("%q: %v", config, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
