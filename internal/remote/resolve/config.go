package resolve

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"flakeops/internal/run"
	"flakeops/internal/sshname"
)

// What applies where ssh_config says nothing.
const (
	defaultConnectTimeout = 10 * time.Second
	defaultAliveInterval  = 15 * time.Second
	defaultAliveCount     = 3
)

// Config is what `ssh -G` answers, as far as it matters here.
type Config struct {
	Original   string // host as it was given: %n
	Hostname   string
	Port       int
	User       string
	ProxyJump  string // empty for none
	ProxyCmd   string // empty for none
	UseFdpass  bool
	Family     string // tcp, tcp4 or tcp6
	BindAddr   string
	Timeout    time.Duration
	Alive      time.Duration
	AliveCount int

	IdentityFiles  []string
	CertFiles      []string
	IdentityAgent  string
	IdentitiesOnly bool
	PubkeyAuth     bool
	PasswordAuth   bool
	KbdAuth        bool
	Batch          bool
	Tries          int      // NumberOfPasswordPrompts
	Preferred      []string // PreferredAuthentications

	Policy        string // StrictHostKeyChecking: yes, ask, accept-new or no
	KnownHosts    []string
	GlobalHosts   []string
	Revoked       string
	HostKeyAlias  string
	CheckHostIP   bool
	HashHosts     bool
	KnownCommand  bool
	NoLocalChecks bool // NoHostAuthenticationForLocalhost

	HostKeyAlgs []string
	Kex         []string
	Ciphers     []string
	MACs        []string
	PubkeyAlgs  []string
}

// Addr is the address that is dialled.
func (c *Config) Addr() string { return net.JoinHostPort(c.Hostname, strconv.Itoa(c.Port)) }

// Login is an ssh command line that goes the same way.
func (c *Config) Login(options ...string) string {
	argv := []string{"ssh", "-l", c.User}
	if c.Port != 22 {
		argv = append(argv, "-p", strconv.Itoa(c.Port))
	}
	for _, o := range options {
		argv = append(argv, "-o", o)
	}
	return run.Quote(append(argv, c.Original))
}

// parseConfig reads the output of `ssh -G`. Keys it does not know are skipped:
// every version of ssh prints others.
func parseConfig(out []byte) (*Config, error) {
	c := &Config{
		Preferred: []string{"publickey", "keyboard-interactive", "password"},
		Port:      22, Family: "tcp", Policy: "ask", Tries: 3, PubkeyAuth: true,
		Timeout: defaultConnectTimeout, Alive: defaultAliveInterval, AliveCount: defaultAliveCount,
	}
	s := bufio.NewScanner(bytes.NewReader(out))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		key, value, _ := strings.Cut(s.Text(), " ")
		if err := c.set(strings.ToLower(key), strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("%s %q: %w", key, value, err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	switch {
	case c.Hostname == "":
		return nil, errors.New("no hostname in it")
	case c.User == "":
		return nil, errors.New("no user in it")
	case !sshname.Plain(c.Hostname):
		return nil, &ConfigError{fmt.Sprintf("hostname %q has a character that means something to a shell or in known_hosts", c.Hostname), "correct HostName of ssh_config"}
	case c.HostKeyAlias != "" && !plainAlias(c.HostKeyAlias):
		return nil, &ConfigError{fmt.Sprintf("hostkeyalias %q has a character that means something in known_hosts", c.HostKeyAlias), "correct HostKeyAlias of ssh_config"}
	}
	return c, nil
}

// plainAlias allows a name, and [name]:port as it stands in known_hosts.
func plainAlias(s string) bool {
	if inside, ok := strings.CutPrefix(s, "["); ok {
		name, port, found := strings.Cut(inside, "]:")
		_, err := number(port, 1, 65535)
		return found && err == nil && sshname.Plain(name)
	}
	return sshname.Plain(s)
}

func (c *Config) set(key, value string) (err error) {
	switch key {
	case "hostname":
		c.Hostname = strings.ToLower(value)
	case "port":
		c.Port, err = number(value, 1, 65535)
	case "user":
		c.User = value
	case "proxyjump":
		c.ProxyJump = unlessNone(value)
	case "proxycommand":
		c.ProxyCmd = unlessNone(value)
	case "proxyusefdpass":
		c.UseFdpass = yes(value)
	case "addressfamily":
		c.Family = map[string]string{"inet": "tcp4", "inet6": "tcp6"}[value]
		if c.Family == "" {
			c.Family = "tcp"
		}
	case "bindaddress":
		c.BindAddr = value
	case "connecttimeout":
		c.Timeout, err = seconds(value, defaultConnectTimeout)
	case "serveraliveinterval":
		c.Alive, err = seconds(value, defaultAliveInterval)
	case "serveralivecountmax":
		c.AliveCount, err = number(value, 0, 1<<20)
	default:
		if c.setAuth(key, value) || c.setTrust(key, value) {
			return nil
		}
		c.setAlgorithms(key, value)
	}
	return err
}

func (c *Config) setAuth(key, value string) bool {
	switch key {
	case "identityfile":
		c.IdentityFiles = append(c.IdentityFiles, value)
	case "certificatefile":
		c.CertFiles = append(c.CertFiles, value)
	case "identityagent":
		c.IdentityAgent = value
	case "identitiesonly":
		c.IdentitiesOnly = yes(value)
	case "pubkeyauthentication":
		c.PubkeyAuth = value != "no" && value != "false"
	case "passwordauthentication":
		c.PasswordAuth = yes(value)
	case "kbdinteractiveauthentication", "challengeresponseauthentication":
		c.KbdAuth = yes(value)
	case "batchmode":
		c.Batch = yes(value)
	case "preferredauthentications":
		c.Preferred = strings.Split(value, ",")
	case "numberofpasswordprompts":
		if n, err := number(value, 0, 100); err == nil {
			c.Tries = n
		}
	default:
		return false
	}
	return true
}

func (c *Config) setTrust(key, value string) bool {
	switch key {
	case "stricthostkeychecking":
		c.Policy = policy(value)
	case "userknownhostsfile":
		c.KnownHosts = paths(value)
	case "globalknownhostsfile":
		c.GlobalHosts = paths(value)
	case "revokedhostkeys":
		c.Revoked = unlessNone(value)
	case "hostkeyalias":
		c.HostKeyAlias = strings.ToLower(value)
	case "checkhostip":
		c.CheckHostIP = yes(value)
	case "hashknownhosts":
		c.HashHosts = yes(value)
	case "knownhostscommand":
		c.KnownCommand = unlessNone(value) != ""
	case "nohostauthenticationforlocalhost":
		c.NoLocalChecks = yes(value)
	default:
		return false
	}
	return true
}

func (c *Config) setAlgorithms(key, value string) {
	switch key {
	case "hostkeyalgorithms":
		c.HostKeyAlgs = strings.Split(value, ",")
	case "kexalgorithms":
		c.Kex = strings.Split(value, ",")
	case "ciphers":
		c.Ciphers = strings.Split(value, ",")
	case "macs":
		c.MACs = strings.Split(value, ",")
	case "pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes":
		c.PubkeyAlgs = strings.Split(value, ",")
	}
}

// policy gives the four policies one name each; what is unknown is the strictest.
func policy(value string) string {
	switch value {
	case "ask", "accept-new":
		return value
	case "no", "off", "false":
		return "no"
	}
	return "yes"
}

// paths splits a list of files. ssh -G does not quote them, so a blank may be
// part of a name: a word that cannot begin a path continues the one before.
func paths(value string) []string {
	var list []string
	for word := range strings.FieldsSeq(value) {
		if len(list) > 0 && strings.IndexByte("/~%$", word[0]) < 0 {
			list[len(list)-1] += " " + word
			continue
		}
		list = append(list, word)
	}
	if len(list) == 1 && list[0] == "none" {
		return nil
	}
	return list
}

func yes(value string) bool { return value == "yes" || value == "true" }

func unlessNone(value string) string {
	if strings.EqualFold(value, "none") {
		return ""
	}
	return value
}

func number(value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("not a number from %d to %d", least, most)
	}
	return n, nil
}

// seconds reads a time; none and 0 mean that nothing is configured.
func seconds(value string, otherwise time.Duration) (time.Duration, error) {
	if value == "none" {
		return otherwise, nil
	}
	n, err := number(value, 0, 1<<20)
	if n == 0 || err != nil {
		return otherwise, err
	}
	return time.Duration(n) * time.Second, nil
}
