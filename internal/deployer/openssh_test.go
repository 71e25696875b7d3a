package deployer

import (
	"strings"
	"testing"

	"flakeops/internal/settings"
)

func TestOpenSSH(t *testing.T) {
	host, port := "192.0.2.7", 2222
	s := settings.Settings{TargetHost: &host, TargetPort: &port, TargetUser: "ops", SSHOptions: []string{"ProxyJump=gate"}}
	argv, err := openSSH("web", s, "-F '/my config'")
	if got := strings.Join(argv, "|"); err != nil || got != "ssh|-F|/my config|-o|ProxyJump=gate|-p|2222|-l|ops|--|192.0.2.7" {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []string{"-oProxyCommand=reboot", "a b", ""} {
		if argv, err := openSSH("web", settings.Settings{TargetHost: &bad}, ""); err == nil {
			t.Errorf("%q: %q", bad, argv)
		}
	}
}
