package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of a lab's directory.
const (
	clientName = "client"     // directory with what an SSH client needs
	hostsName  = "hosts.file" // /etc/hosts of all hosts
	logName    = "supervisor.log"
)

// client is the side of SSH that connects: a directory with a key, a
// configuration and the known hosts, that can be shown to a host as it is.
type client struct {
	dir    string
	public string // key, as authorized_keys wants it
}

func (c client) key() string        { return filepath.Join(c.dir, "id_ed25519") }
func (c client) config() string     { return filepath.Join(c.dir, "ssh_config") }
func (c client) knownHosts() string { return filepath.Join(c.dir, "known_hosts") }

// newClient makes a key, and a configuration without hosts.
func newClient(dir string) (client, error) {
	pair, err := newEd25519()
	if err != nil {
		return client{}, err
	}
	c := client{dir: dir, public: pair.Public}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return client{}, err
	}
	for path, text := range map[string]string{
		c.key():          string(pair.Private),
		c.key() + ".pub": pair.Public + "\n",
		c.config():       "",
		c.knownHosts():   "",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return client{}, err
		}
	}
	return c, nil
}

// openClient finds a client that is there already.
func openClient(dir string) (client, error) {
	c := client{dir: dir}
	public, err := os.ReadFile(c.key() + ".pub")
	if err != nil {
		return client{}, fmt.Errorf("reading the lab's key: %w", err)
	}
	c.public = strings.TrimSpace(string(public))
	return c, nil
}

// add makes a host known, before it has a chance to answer.
func (c client) add(name, address string, keys []string) error {
	var known strings.Builder
	for _, key := range slices.Sorted(slices.Values(keys)) {
		fmt.Fprintf(&known, "%s,%s %s\n", name, address, key)
	}
	block := fmt.Sprintf(`Host %s %s
	HostName %s
	Port 22
	User root
	IdentityFile %s
	IdentitiesOnly yes
	UserKnownHostsFile %s
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking yes
	UpdateHostKeys no

`, name, address, address, configPath(c.key()), configPath(c.knownHosts()))
	if err := appendTo(c.knownHosts(), known.String()); err != nil {
		return err
	}
	return appendTo(c.config(), block)
}

// configPath writes a path so that ssh_config takes it as it is.
func configPath(path string) string {
	return `"` + strings.ReplaceAll(path, "%", "%%") + `"`
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
