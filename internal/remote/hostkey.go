package remote

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"flakeops/internal/remote/resolve"
	"flakeops/internal/run"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// hostKeys decides whether a host is the one it should be.
type hostKeys struct {
	ctx      context.Context
	dialer   *Dialer
	config   *resolve.Config
	node     string
	pause    func() func()
	known    *knownHosts
	address  string // what known_hosts has it under, as host:port
	plain    string // the same at port 22, good for any port; empty if that does not apply
	accepted []byte // key accepted on this connection: a rekey must not ask again
	refused  error  // what check returned, for the handshake wraps it away
}

func (d *Dialer) hostKeys(ctx context.Context, c *resolve.Config, node string, pause func() func()) (*hostKeys, error) {
	h := &hostKeys{ctx: ctx, dialer: d, config: c, node: node, pause: pause}
	switch {
	case strings.HasPrefix(c.HostKeyAlias, "[") && strings.Contains(c.HostKeyAlias, "]:"): // as it stands in known_hosts
		h.address = c.HostKeyAlias
	case c.HostKeyAlias != "":
		h.address = net.JoinHostPort(c.HostKeyAlias, "22")
	default:
		h.address = c.Addr()
		if c.Port != 22 {
			h.plain = net.JoinHostPort(c.Hostname, "22")
		}
	}
	if c.KnownCommand {
		d.Log.Warn().Str("node", node).Msg("KnownHostsCommand of ssh_config is not supported; only known_hosts files are read")
	}
	names := []string{h.name()}
	if h.plain != "" {
		names = append(names, xknownhosts.Normalize(h.plain))
	}
	var err error
	h.known, err = loadKnownHosts(append(append([]string{}, c.KnownHosts...), c.GlobalHosts...), names...)
	return h, err
}

// check is an ssh.HostKeyCallback.
func (h *hostKeys) check(_ string, remote net.Addr, key ssh.PublicKey) error {
	if h.accepted != nil && bytes.Equal(h.accepted, key.Marshal()) {
		return nil
	}
	h.refused = h.decide(remote, key)
	if h.refused == nil {
		h.accepted = key.Marshal()
	}
	return h.refused
}

func (h *hostKeys) decide(remote net.Addr, key ssh.PublicKey) error {
	if tcp, ok := remote.(*net.TCPAddr); ok && h.direct() {
		// An alias says which of many hosts a tunnel leads to.
		if h.config.NoLocalChecks && h.config.HostKeyAlias == "" && tcp.IP.IsLoopback() {
			return nil
		}
	}
	if err := h.checkRevoked(key); err != nil {
		return err
	}
	v := h.look(key)
	switch {
	case v.revoked != nil:
		return h.refuse(key, v.revoked, "is revoked", "")
	case v.other != nil:
		return h.refuse(key, v.other, "has changed",
			fmt.Sprintf("someone may be in the middle; if the host was installed anew, remove the old key with `ssh-keygen -R %s -f %s`",
				run.Quote([]string{h.name()}), run.Quote([]string{v.other.Filename})))
	case v.known:
		return h.checkAddress(remote, key)
	}
	if cert, ok := key.(*ssh.Certificate); ok {
		return h.refuse(cert.Key, nil, fmt.Sprintf("has a certificate that is not good (%v)", v.cert), "")
	}
	return h.unknown(key)
}

// direct says whether the address dialled is the host's own.
func (h *hostKeys) direct() bool { return h.config.ProxyJump == "" && h.config.ProxyCmd == "" }

func (h *hostKeys) look(key ssh.PublicKey) verdict {
	v := h.known.check(h.address, key)
	if h.plain == "" || v.known || v.revoked != nil || v.other != nil {
		return v
	}
	// As OpenSSH does, a key known for the host at port 22 is good at any port.
	if p := h.known.check(h.plain, key); p.known {
		return p
	}
	return v
}

// kinds lists what look would compare a key with: types of known keys, and
// whether there is an authority.
func (h *hostKeys) kinds() (types []string, authority bool) {
	types, authority = h.known.kinds(h.address)
	if len(types) > 0 || h.plain == "" {
		return types, authority
	}
	types, also := h.known.kinds(h.plain)
	return types, authority || also
}

// checkAddress is CheckHostIP: what is known of the address must agree.
func (h *hostKeys) checkAddress(remote net.Addr, key ssh.PublicKey) error {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok || !h.config.CheckHostIP || !h.direct() || h.config.HostKeyAlias != "" {
		return nil
	}
	ip := net.JoinHostPort(tcp.IP.String(), strconv.Itoa(tcp.Port))
	if v := h.known.check(ip, key); v.other != nil {
		return h.refuse(key, v.other, fmt.Sprintf("is not that of its address %s", tcp.IP),
			"correct known_hosts, or set CheckHostIP=no")
	}
	return nil
}

// unknown applies StrictHostKeyChecking.
func (h *hostKeys) unknown(key ssh.PublicKey) error {
	next := fmt.Sprintf("compare the fingerprint on the host itself, then connect once with `%s`",
		h.config.Login("StrictHostKeyChecking=ask", "BatchMode=no"))
	switch h.config.Policy {
	case "ask":
		if h.remembered(key) {
			return nil
		}
		resume := h.pause()
		ok, err := h.askOperator(key)
		resume()
		if err != nil {
			return h.refuse(key, nil, fmt.Sprintf("is unknown, and %v", err), next)
		}
		if !ok {
			return h.refuse(key, nil, "is unknown and was not accepted", next)
		}
		return nil
	case "accept-new", "no":
		h.add(key)
		return nil
	}
	return h.refuse(key, nil, "is unknown, and StrictHostKeyChecking is yes", next)
}

func (h *hostKeys) askOperator(key ssh.PublicKey) (bool, error) {
	if h.config.Batch {
		return false, fmt.Errorf("BatchMode forbids to ask")
	}
	return h.dialer.Operator.Confirm(h.ctx, fmt.Sprintf("%s: the host key of %s is unknown: %s %s. Is it the right one?",
		h.node, h.name(), key.Type(), ssh.FingerprintSHA256(key)), func() bool { return h.remembered(key) }, func() { h.add(key) })
}

// id is a key under the name that it is accepted for.
func (h *hostKeys) id(key ssh.PublicKey) string { return h.name() + " " + string(key.Marshal()) }

// remembered says whether this run has accepted the key before. It may not have
// been able to note it.
func (h *hostKeys) remembered(key ssh.PublicKey) bool {
	_, ok := h.dialer.hosts.Load(h.id(key))
	return ok
}

// add notes an accepted key, once. Not being able to is no reason to refuse the host.
func (h *hostKeys) add(key ssh.PublicKey) {
	if _, already := h.dialer.hosts.LoadOrStore(h.id(key), true); already {
		return
	}
	log := h.dialer.Log.Warn().Str("node", h.node).Str("host", h.name()).Str("key", ssh.FingerprintSHA256(key))
	if len(h.config.KnownHosts) == 0 {
		log.Msg("accepted an unknown host key; there is no UserKnownHostsFile to note it in")
		return
	}
	file := h.config.KnownHosts[0]
	if err := addKnownHost(file, h.address, key, h.config.HashHosts); err != nil {
		log.Err(err).Msg("accepted an unknown host key, but could not note it")
		return
	}
	log.Str("file", file).Msg("accepted an unknown host key")
}

// checkRevoked applies RevokedHostKeys: a list of keys, one a line. As with
// OpenSSH, a list that cannot be read refuses every host.
func (h *hostKeys) checkRevoked(key ssh.PublicKey) error {
	if h.config.Revoked == "" {
		return nil
	}
	data, err := os.ReadFile(h.config.Revoked)
	if err != nil {
		return h.refuse(key, nil, fmt.Sprintf("cannot be checked (RevokedHostKeys: %v)", err), "correct RevokedHostKeys in ssh_config")
	}
	if bytes.HasPrefix(data, []byte("SSHKRL\n")) {
		return h.refuse(key, nil, "cannot be checked (RevokedHostKeys is a binary revocation list, which is not supported)",
			"give RevokedHostKeys a list of public keys")
	}
	keys := []ssh.PublicKey{key}
	if cert, ok := key.(*ssh.Certificate); ok {
		keys = append(keys, cert.Key, cert.SignatureKey)
	}
	for n, line := range strings.Split(string(data), "\n") {
		revoked, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			continue
		}
		for _, k := range keys {
			if bytes.Equal(revoked.Marshal(), k.Marshal()) {
				return h.refuse(key, &xknownhosts.KnownKey{Filename: h.config.Revoked, Line: n + 1}, "is revoked", "")
			}
		}
	}
	return nil
}

// name is the host as known_hosts writes it.
func (h *hostKeys) name() string { return xknownhosts.Normalize(h.address) }

func (h *hostKeys) refuse(key ssh.PublicKey, against *xknownhosts.KnownKey, reason, next string) error {
	e := &HostKeyError{
		Node: h.node, Host: h.name(), Reason: reason, Next: next,
		Type: key.Type(), Fingerprint: ssh.FingerprintSHA256(key),
	}
	if against != nil {
		e.File, e.Line = against.Filename, against.Line
	}
	return e
}
