package trust

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// knownHosts is the content of several known_hosts files.
type knownHosts struct {
	names       []string
	db          *knownhosts.HostKeyDB
	origin      map[string]string // file that was read to the one it stands for
	authorities map[string]bool   // "file:line" of @cert-authority lines
}

// loadKnownHosts reads the files that exist, to look up names, which are of the
// form that known_hosts has: host or [host]:port. OpenSSH skips a line that it
// does not understand, ignores case in host names and lets wildcards match
// ports; the library does none of that. So a file that needs it is read by way
// of a copy that is put right.
func loadKnownHosts(files []string, names ...string) (*knownHosts, error) {
	k := &knownHosts{names: names, origin: make(map[string]string), authorities: make(map[string]bool)}
	var read []string
	var dir string
	defer func() {
		if dir != "" {
			_ = os.RemoveAll(dir)
		}
	}()
	for _, file := range files {
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("known hosts: %w", err)
		}
		clean, changed := k.clean(file, data)
		name := file
		if changed {
			if dir == "" {
				if dir, err = os.MkdirTemp("", "flakeops-known-hosts-"); err != nil {
					return nil, err
				}
			}
			name = filepath.Join(dir, fmt.Sprint(len(read)))
			if err := os.WriteFile(name, clean, 0o600); err != nil {
				return nil, err
			}
		}
		k.origin[name] = file
		read = append(read, name)
	}
	db, err := knownhosts.NewDB(read...)
	if err != nil {
		return nil, err
	}
	k.db = db
	return k, nil
}

// clean empties the lines that cannot be understood, lowers names' case and
// resolves wildcards.
func (k *knownHosts) clean(file string, data []byte) (clean []byte, changed bool) {
	lines := bytes.Split(data, []byte("\n"))
	for n, line := range lines {
		fields := strings.Fields(string(line))
		if len(fields) == 0 || fields[0][0] == '#' {
			continue
		}
		marker := ""
		if fields[0][0] == '@' {
			marker, fields = fields[0], fields[1:]
		}
		if !validKnownHost(marker, fields) {
			lines[n], changed = nil, true
			continue
		}
		if marker == "@cert-authority" {
			k.authorities[fmt.Sprintf("%s:%d", file, n+1)] = true
		}
		if plain := k.resolve(fields[0]); plain != fields[0] {
			lines[n] = []byte(strings.TrimSpace(strings.Join([]string{marker, plain, fields[1], fields[2]}, " ")))
			changed = true
		}
	}
	if !changed {
		return data, false
	}
	return bytes.Join(lines, []byte("\n")), true
}

// resolve adds to a list of patterns the names that its wildcards match.
func (k *knownHosts) resolve(patterns string) string {
	if patterns[0] == '|' {
		return patterns
	}
	var list []string
	for p := range strings.SplitSeq(strings.ToLower(patterns), ",") {
		list = append(list, p)
		bare := strings.TrimPrefix(p, "!")
		if !strings.ContainsAny(bare, "*?") {
			continue
		}
		for _, name := range k.names {
			if wildcard(bare, name) {
				list = append(list, p[:len(p)-len(bare)]+name)
			}
		}
	}
	return strings.Join(list, ",")
}

// wildcard matches * and ? as ssh_config(5), PATTERNS, has them.
func wildcard(pattern, s string) bool {
	star, mark := -1, 0 // the last * and what it has taken so far
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func validKnownHost(marker string, fields []string) bool {
	if len(fields) < 3 || marker != "" && marker != "@cert-authority" && marker != "@revoked" {
		return false
	}
	blob, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return false
	}
	key, err := ssh.ParsePublicKey(blob)
	if err != nil || key.Type() != fields[1] {
		return false
	}
	if host := fields[0]; host[0] == '|' {
		parts := strings.Split(host, "|")
		if len(parts) != 4 || parts[1] != "1" {
			return false
		}
		_, err1 := base64.StdEncoding.DecodeString(parts[2])
		_, err2 := base64.StdEncoding.DecodeString(parts[3])
		return err1 == nil && err2 == nil
	}
	for p := range strings.SplitSeq(fields[0], ",") {
		p = strings.TrimPrefix(p, "!")
		if p == "" {
			return false
		}
		if p[0] == '[' {
			if _, _, err := net.SplitHostPort(p); err != nil {
				return false
			}
		}
	}
	return true
}

// verdict is what the files say about a key.
type verdict struct {
	known   bool
	revoked *xknownhosts.KnownKey
	other   *xknownhosts.KnownKey // another key that they have for the host
	cert    error                 // why a certificate is not good
}

// check looks a key up. address is host:port.
func (k *knownHosts) check(address string, key ssh.PublicKey) verdict {
	err := k.db.HostKeyCallback()(address, &net.TCPAddr{IP: net.IPv4zero}, key)
	var revoked *xknownhosts.RevokedError
	var unlike *xknownhosts.KeyError
	switch {
	case err == nil:
		return verdict{known: true}
	case errors.As(err, &revoked):
		return verdict{revoked: k.original(revoked.Revoked)}
	case errors.As(err, &unlike):
		for _, want := range unlike.Want {
			o := k.original(want)
			// An authority's line says nothing about a plain key.
			if !k.authorities[fmt.Sprintf("%s:%d", o.Filename, o.Line)] {
				return verdict{other: o}
			}
		}
		return verdict{}
	}
	if cert, ok := key.(*ssh.Certificate); ok {
		// As OpenSSH does: a certificate that is no good is just a key.
		v := k.check(address, cert.Key)
		v.cert = err
		return v
	}
	return verdict{cert: err}
}

func (k *knownHosts) original(key xknownhosts.KnownKey) *xknownhosts.KnownKey {
	if o := k.origin[key.Filename]; o != "" {
		key.Filename = o
	}
	return &key
}

// kinds lists what is known of a host: key types, and whether an authority is.
func (k *knownHosts) kinds(address string) (types []string, authority bool) {
	for _, key := range k.db.HostKeys(address) {
		if key.Cert {
			authority = true
			continue
		}
		types = append(types, key.Type())
	}
	return types, authority
}
