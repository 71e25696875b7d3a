package trust

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"flakeops/internal/remote/resolve"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/cpu"
)

// defaultCiphers are the orders in which OpenSSH lists ciphers when nobody
// asked for another: that of versions up to 9.9, and that of later ones.
func defaultCiphers() [2]string {
	return [2]string{
		"chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
		"chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr",
	}
}

// ciphers are the configured ones that exist here. Where nobody chose an order
// and the processor has AES, AES-GCM goes first: it is several times as fast.
func ciphers(c *resolve.Config) ([]string, error) {
	list := c.Ciphers
	defaults := defaultCiphers()
	if slices.Contains(defaults[:], strings.Join(list, ",")) && hasAES() {
		list = ssh.SupportedAlgorithms().Ciphers
	}
	return supported("Ciphers", list, ssh.SupportedAlgorithms().Ciphers, ssh.InsecureAlgorithms().Ciphers)
}

func hasAES() bool {
	switch runtime.GOARCH {
	case "amd64":
		return cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ
	case "arm64":
		return cpu.ARM64.HasAES && cpu.ARM64.HasPMULL || runtime.GOOS == "darwin"
	}
	return false
}

func kex(c *resolve.Config) ([]string, error) {
	return supported("KexAlgorithms", c.Kex, ssh.SupportedAlgorithms().KeyExchanges, ssh.InsecureAlgorithms().KeyExchanges)
}

func macs(c *resolve.Config) ([]string, error) {
	return supported("MACs", c.MACs, ssh.SupportedAlgorithms().MACs, ssh.InsecureAlgorithms().MACs)
}

// hostKeyAlgorithms puts first what known_hosts can judge, so that a host whose
// ed25519 key is known is not asked for its rsa key: certificates if an
// authority is known, then the types of known keys, then the others.
// Certificates of unknown authorities are not asked for at all.
func hostKeyAlgorithms(c *resolve.Config, types []string, authority bool) ([]string, error) {
	all, err := supported("HostKeyAlgorithms", c.HostKeyAlgs, ssh.SupportedAlgorithms().HostKeys, ssh.InsecureAlgorithms().HostKeys)
	if err != nil {
		return nil, err
	}
	var certs, known, other []string
	for _, a := range all {
		switch {
		case strings.Contains(a, "-cert-v01@"):
			if authority {
				certs = append(certs, a)
			}
		case slices.Contains(types, a), strings.HasPrefix(a, "rsa-sha2-") && slices.Contains(types, ssh.KeyAlgoRSA):
			known = append(known, a)
		default:
			other = append(other, a)
		}
	}
	return append(append(certs, known...), other...), nil
}

// supported keeps of the configured algorithms those that exist here, in order.
func supported(option string, configured, good, weak []string) ([]string, error) {
	if len(configured) == 0 {
		return good, nil
	}
	var list []string
	for _, a := range configured {
		if slices.Contains(good, a) || slices.Contains(weak, a) {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil, &resolve.ConfigError{
			Reason: fmt.Sprintf("%s of ssh_config names nothing that is supported here (%s)", option, strings.Join(configured, ",")),
			Next:   fmt.Sprintf("%s may name %s", option, strings.Join(good, ",")),
		}
	}
	return list, nil
}

// ClientConfig has the algorithms of ssh_config, and Check.
func (h *Checker) ClientConfig() (cc *ssh.ClientConfig, err error) {
	c := h.Config
	cc = &ssh.ClientConfig{User: c.User, HostKeyCallback: h.Check}
	types, authority := h.kinds()
	if cc.HostKeyAlgorithms, err = hostKeyAlgorithms(c, types, authority); err != nil {
		return nil, err
	}
	if cc.Ciphers, err = ciphers(c); err != nil {
		return nil, err
	}
	if cc.KeyExchanges, err = kex(c); err != nil {
		return nil, err
	}
	cc.MACs, err = macs(c)
	return cc, err
}
