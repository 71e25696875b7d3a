package trust

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"flakeops/internal/remote/ask"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/run"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// Accepted remembers the unknown host keys that were accepted, so that none is
// asked about twice in one run. The zero value is empty.
type Accepted struct{ keys sync.Map }

// Checker decides whether a host is the one it should be.
type Checker struct {
	Config   *resolve.Config
	Node     string // for questions
	Operator *ask.Operator
	Accepted *Accepted
	Pause    func() (resume func()) // stops the clock of the connection
	Log      zerolog.Logger

	ctx      context.Context // of the handshake, whose callbacks are given none
	known    *knownHosts
	address  string // what known_hosts has it under, as host:port
	plain    string // the same at port 22, good for any port; empty if that does not apply
	accepted []byte // key accepted on this connection: a rekey must not ask again
	refused  error  // what Check returned, for the handshake wraps it away
}

// Load reads the known_hosts files. What is asked until the handshake is over is
// asked within ctx.
func (h *Checker) Load(ctx context.Context) (err error) {
	h.ctx = ctx
	c := h.Config
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
		h.Log.Warn().Msg("KnownHostsCommand of ssh_config is not supported; only known_hosts files are read")
	}
	names := []string{h.name()}
	if h.plain != "" {
		names = append(names, xknownhosts.Normalize(h.plain))
	}
	h.known, err = loadKnownHosts(append(append([]string{}, c.KnownHosts...), c.GlobalHosts...), names...)
	return err
}

// Check is an ssh.HostKeyCallback.
func (h *Checker) Check(_ string, remote net.Addr, key ssh.PublicKey) error {
	if h.accepted != nil && bytes.Equal(h.accepted, key.Marshal()) {
		return nil
	}
	h.refused = h.decide(remote, key)
	if h.refused == nil {
		h.accepted = key.Marshal()
	}
	return h.refused
}

// Refused is the *HostKeyError with which Check ended, if it did.
func (h *Checker) Refused() error { return h.refused }

// Passed says whether the host has shown a key that is good.
func (h *Checker) Passed() bool { return h.accepted != nil }

func (h *Checker) decide(remote net.Addr, key ssh.PublicKey) error {
	if tcp, ok := remote.(*net.TCPAddr); ok && h.direct() {
		// An alias says which of many hosts a tunnel leads to.
		if h.Config.NoLocalChecks && h.Config.HostKeyAlias == "" && tcp.IP.IsLoopback() {
			return nil
		}
	}
	if err := h.checkRevoked(key); err != nil {
		return err
	}
	v := h.lookup(key)
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
func (h *Checker) direct() bool { return h.Config.ProxyJump == "" && h.Config.ProxyCmd == "" }

func (h *Checker) lookup(key ssh.PublicKey) verdict {
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

// kinds lists what lookup would compare a key with: types of known keys, and
// whether there is an authority.
func (h *Checker) kinds() (types []string, authority bool) {
	types, authority = h.known.kinds(h.address)
	if len(types) > 0 || h.plain == "" {
		return types, authority
	}
	types, also := h.known.kinds(h.plain)
	return types, authority || also
}

// checkAddress is CheckHostIP: what is known of the address must agree.
func (h *Checker) checkAddress(remote net.Addr, key ssh.PublicKey) error {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok || !h.Config.CheckHostIP || !h.direct() || h.Config.HostKeyAlias != "" {
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
func (h *Checker) unknown(key ssh.PublicKey) error {
	next := fmt.Sprintf("compare the fingerprint on the host itself, then connect once with `%s`",
		h.Config.Login("StrictHostKeyChecking=ask", "BatchMode=no"))
	switch h.Config.Policy {
	case "ask":
		if h.remembered(key) {
			return nil
		}
		resume := h.Pause()
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

func (h *Checker) askOperator(key ssh.PublicKey) (bool, error) {
	if h.Config.Batch {
		return false, fmt.Errorf("BatchMode forbids to ask")
	}
	return h.Operator.Confirm(h.ctx, fmt.Sprintf("%s: the host key of %s is unknown: %s %s. Is it the right one?",
		h.Node, h.name(), key.Type(), ssh.FingerprintSHA256(key)), func() bool { return h.remembered(key) }, func() { h.add(key) })
}

// id is a key under the name that it is accepted for.
func (h *Checker) id(key ssh.PublicKey) string { return h.name() + " " + string(key.Marshal()) }

// remembered says whether this run has accepted the key before. It may not have
// been able to note it.
func (h *Checker) remembered(key ssh.PublicKey) bool {
	_, ok := h.Accepted.keys.Load(h.id(key))
	return ok
}

// add notes an accepted key, once. Not being able to is no reason to refuse the host.
func (h *Checker) add(key ssh.PublicKey) {
	if _, already := h.Accepted.keys.LoadOrStore(h.id(key), true); already {
		return
	}
	log := h.Log.Warn().Str("host", h.name()).Str("key", ssh.FingerprintSHA256(key))
	if len(h.Config.KnownHosts) == 0 {
		log.Msg("accepted an unknown host key; there is no UserKnownHostsFile to note it in")
		return
	}
	file := h.Config.KnownHosts[0]
	if err := addKnownHost(file, h.address, key, h.Config.HashHosts); err != nil {
		log.Err(err).Msg("accepted an unknown host key, but could not note it")
		return
	}
	log.Str("file", file).Msg("accepted an unknown host key")
}

// checkRevoked applies RevokedHostKeys: a list of keys, one a line. As with
// OpenSSH, a list that cannot be read refuses every host.
func (h *Checker) checkRevoked(key ssh.PublicKey) error {
	if h.Config.Revoked == "" {
		return nil
	}
	data, err := os.ReadFile(h.Config.Revoked)
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
				return h.refuse(key, &xknownhosts.KnownKey{Filename: h.Config.Revoked, Line: n + 1}, "is revoked", "")
			}
		}
	}
	return nil
}

// name is the host as known_hosts writes it.
func (h *Checker) name() string { return xknownhosts.Normalize(h.address) }

func (h *Checker) refuse(key ssh.PublicKey, against *xknownhosts.KnownKey, reason, next string) error {
	e := &HostKeyError{
		Host: h.name(), Reason: reason, Next: next,
		Type: key.Type(), Fingerprint: ssh.FingerprintSHA256(key),
	}
	if against != nil {
		e.File, e.Line = against.Filename, against.Line
	}
	return e
}
