package sshargs

import (
	"fmt"
	"strings"
)

// withValue are the flags of ssh(1) that take a value (OpenSSH 10; older
// versions know a subset).
const withValue = "BbcDEeFIiJLlmOoPpQRSWw"

// Option is one flag of an ssh command line, with its value if it takes one.
type Option struct {
	Flag  byte
	Value string
}

// Args is an ssh command line, taken apart.
type Args struct {
	Host    string // [user@]host as given; empty when there is none
	Options []Option
	Command string // words joined by a blank, as ssh does; empty means a shell
}

// Parse reads args as ssh(1) does: flags may stand before and after the
// host, the first word that is neither begins the command.
func Parse(args []string) (Args, error) {
	var a Args
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "--":
			args = args[1:]
			if a.Host == "" && len(args) > 0 {
				a.Host, args = args[0], args[1:]
				if len(args) > 0 && strings.HasPrefix(args[0], "-") {
					continue // flags after the host, as in ssh itself
				}
			}
			a.Command = strings.Join(args, " ")
			return a, nil
		case len(arg) > 1 && arg[0] == '-':
			rest, err := a.flags(arg[1:], args[1:])
			if err != nil {
				return Args{}, err
			}
			args = rest
		case a.Host == "":
			a.Host, args = arg, args[1:]
		default:
			a.Command = strings.Join(args, " ")
			return a, nil
		}
	}
	return a, nil
}

// flags reads one word of flags and returns the words that are left.
func (a *Args) flags(word string, rest []string) ([]string, error) {
	for i := 0; i < len(word); i++ {
		f := word[i]
		if strings.IndexByte(withValue, f) < 0 {
			a.Options = append(a.Options, Option{Flag: f})
			continue
		}
		if value := word[i+1:]; value != "" {
			a.Options = append(a.Options, Option{f, value})
			return rest, nil
		}
		if len(rest) == 0 {
			return nil, fmt.Errorf("ssh option -%c lacks its value", f)
		}
		a.Options = append(a.Options, Option{f, rest[0]})
		return rest[1:], nil
	}
	return rest, nil
}

// Last gives the value of the last -flag, and whether there was one.
func (a Args) Last(flag byte) (value string, ok bool) {
	for _, o := range a.Options {
		if o.Flag == flag {
			value, ok = o.Value, true
		}
	}
	return value, ok
}

// Option gives the value of the first `-o name=value`; the first wins in ssh.
func (a Args) Option(name string) (value string, ok bool) {
	for _, o := range a.Options {
		if o.Flag != 'o' {
			continue
		}
		key, value := cutOption(o.Value)
		if strings.EqualFold(key, name) {
			return value, true
		}
	}
	return "", false
}

// cutOption splits "Name=value" or "Name value".
func cutOption(s string) (name, value string) {
	s = strings.TrimSpace(s)
	i := strings.IndexAny(s, " \t=")
	if i < 0 {
		return s, ""
	}
	value = strings.TrimLeft(s[i:], " \t")
	value = strings.TrimLeft(strings.TrimPrefix(value, "="), " \t")
	return s[:i], value
}
