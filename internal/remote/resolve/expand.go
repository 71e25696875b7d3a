package resolve

import (
	"crypto/sha1"
	"encoding/hex"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// expander fills in what `ssh -G` leaves as it stands in ssh_config: tokens
// such as %h, a leading ~, and ${VARIABLES}. ssh_config(5), TOKENS.
type expander struct {
	tokens map[byte]string
	home   string
	getenv func(string) (string, bool)
}

// newExpander collects the tokens of one Destination.
func newExpander(c *Config) *expander {
	// ssh takes the home of the account, whatever HOME says.
	local, home, uid := "", "", strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		local, home = u.Username, u.HomeDir
	}
	if home == "" {
		home = os.Getenv("HOME")
	}
	host, _ := os.Hostname()
	short, _, _ := strings.Cut(host, ".")
	alias := c.HostKeyAlias
	if alias == "" {
		alias = c.Original
	}
	port := strconv.Itoa(c.Port)
	sum := sha1.Sum([]byte(host + c.Hostname + port + c.User + c.ProxyJump))
	return &expander{
		home:   home,
		getenv: os.LookupEnv,
		tokens: map[byte]string{
			'%': "%", 'h': c.Hostname, 'n': c.Original, 'p': port, 'r': c.User, 'j': c.ProxyJump,
			'd': home, 'u': local, 'i': uid, 'l': host, 'L': short, 'k': alias,
			'C': hex.EncodeToString(sum[:]), 'T': "NONE",
		},
	}
}

// percent replaces tokens. An unknown one stays as it is: some of the values
// that ssh -G prints are expanded already, and may hold a percent sign.
func (e *expander) percent(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+1 < len(s) {
			if v, ok := e.tokens[s[i+1]]; ok {
				b.WriteString(v)
				i++
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// path expands a file name: ~, ${VARIABLES} and tokens. A variable that is not
// set leaves its name in place, and so names a file that does not exist.
func (e *expander) path(s string) string {
	if s == "~" || strings.HasPrefix(s, "~/") {
		s = e.home + s[1:]
	} else if strings.HasPrefix(s, "~") {
		name, rest, _ := strings.Cut(s[1:], "/")
		if u, err := user.Lookup(name); err == nil {
			s = filepath.Join(u.HomeDir, rest)
		}
	}
	return e.percent(e.variables(s))
}

func (e *expander) variables(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, rest, closed := strings.Cut(after, "}")
		value, set := e.getenv(name)
		if !closed || !set {
			b.WriteString("${")
			s = after
			continue
		}
		b.WriteString(value)
		s = rest
	}
}

// files expands a list of file names.
func (e *expander) files(list []string) []string {
	out := make([]string, 0, len(list))
	for _, f := range list {
		if unlessNone(f) == "" {
			continue
		}
		out = append(out, e.path(f))
	}
	return out
}

// AgentSocket is where the agent listens: IdentityAgent, or SSH_AUTH_SOCK.
func (c *Config) AgentSocket() string {
	switch v := c.IdentityAgent; {
	case v == "" || v == "SSH_AUTH_SOCK":
		return os.Getenv("SSH_AUTH_SOCK")
	case strings.EqualFold(v, "none"):
		return ""
	case strings.HasPrefix(v, "$") && !strings.HasPrefix(v, "${"):
		return os.Getenv(v[1:])
	default:
		return newExpander(c).path(v)
	}
}
