package flake

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"flakeops/activate/wire"
	"flakeops/internal/sshname"
	"flakeops/keys/message"
)

// FuzzDefences holds what Go checks again to the table: what may become an argument
// of ssh, what the agent writes as root, and how long an agent waits. Each passes what
// the table passes and refuses what it refuses. A seed stands for hundreds of values,
// which one process of nix judges.
func FuzzDefences(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := drawn{rand.New(rand.NewPCG(seed, 1))}
		var cases []defended
		for range 150 {
			host, user, option := g.word("a.B-9_:@/%$; é[]", hosts()), g.word("a-Z_.$ '\\\té", users()), strings.TrimLeft(g.word("A=b \t\né%", options()), "-")
			cases = append(cases,
				defended{"targetHost", host, sshname.Host(host)},
				defended{"alternateHosts", []string{"ok", host}, sshname.Host(host)},
				defended{"targetUser", user, sshname.User(user)},
				defended{"sshOptions", []string{option}, sshname.Option(option)})
			seconds := g.seconds()
			cases = append(cases, defended{"confirmTimeout", seconds, seconds >= 1 && seconds <= wire.MaxTimeout})
			keys, set := g.keys()
			_, err := message.Message{Mode: message.Check, Keys: keys}.Reader()
			cases = append(cases, defended{"keys", set, err == nil})
		}
		var all []string
		passes := 0
		for _, c := range cases {
			text, err := json.Marshal(map[string]any{c.option: c.value})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(text))
		}
		for i, m := range judged(t, all) {
			wrong := problemsOf(m)
			if (wrong == nil) != cases[i].passes {
				t.Errorf("%s: the table: %v; the defence passes it: %v", all[i], wrong, cases[i].passes)
			}
			if cases[i].passes {
				passes++
			}
		}
		if passes < len(cases)/10 || passes > len(cases)*9/10 {
			t.Errorf("%d of %d pass, so little is compared", passes, len(cases))
		}
	})
}

// defended is a value of an option, and whether the defence passes it.
type defended struct {
	option string
	value  any
	passes bool
}

func hosts() []string {
	return []string{"web", "web.example.org.", "10.0.0.1", "10.0.0.300", "010.0.0.1", "1.2.3", "0", "fe80::1%eth0", "::", "1::2::3", ":::", "::ffff:192.0.2.1",
		"web:22", "a;b", "a$b", "-oProxyCommand=x", "", "[::1]", "a..b", ".", "a_b", strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("ab.", 84), strings.Repeat("abc.", 64)}
}

func users() []string {
	return []string{"root", "deploy", "", "-x", "a b", "a$b", "a;b", "münchen", "domain\\user", "a@b", "me$", "[x]"}
}

func options() []string {
	return []string{"ProxyJump=x", "", " ", "  ", "A=b\nC=d", "Port 22", "\x7f", "é"}
}

// drawn draws values that the rules tell apart: known ones, changed a little, or
// made of an alphabet that has what they look for.
type drawn struct{ *rand.Rand }

func (g drawn) of(list ...string) string { return list[g.IntN(len(list))] }

func (g drawn) word(alphabet string, known []string) string {
	letters := []rune(alphabet)
	word := []rune(g.of(known...))
	switch g.IntN(5) {
	case 0:
		word = nil
		for range g.IntN(8) {
			word = append(word, letters[g.IntN(len(letters))])
		}
	case 1:
		at := g.IntN(len(word) + 1)
		word = slices.Insert(word, at, letters[g.IntN(len(letters))])
	}
	return string(word)
}

func (g drawn) seconds() int {
	return []int{-1, 0, 1, 30, wire.MaxTimeout, wire.MaxTimeout + 1, 1 << 40, g.IntN(1000)}[g.IntN(8)]
}

// keys draws one to three keys as the host is told of them, and as deployment.keys.
// Most of their fields are sound, so that one that is not is seen.
func (g drawn) keys() ([]message.Key, map[string]any) {
	mostly := func(sound, alphabet string, known ...string) string {
		if g.IntN(8) > 0 {
			return sound
		}
		return g.word(alphabet, known)
	}
	var list []message.Key
	set := map[string]any{}
	for i := range 1 + g.IntN(3) {
		k := message.Key{
			Name: mostly(g.of("a", "b", "c", "d"), "a.-+@:_ /\né", "token", "", ".", "..", ".a", "a/b", strings.Repeat("a", 200), strings.Repeat("a", 201), strings.Repeat("+", 59), "a"+strings.Repeat("+", 58), "a"+strings.Repeat("+", 59)),
			Dir: mostly(g.of("/run/keys", "/run/keys", "/run/keys/a", "/run/keys/b/c", "/run"), "/a.-+@: %\n", "/run/keys", "/", "", "run", "/run/", "/run//x", "/run/./x", "/run/../etc", "/run/..", "/nix/store", "/nix/store/x", "/nix/storex",
				"/nix", strings.Repeat("/a", 1900), strings.Repeat("/a", 1901)),
			User:  mostly("root", "a-Z_.$: /\né", "app", "0", "machine$", "", "-x", "a:b", "$", strings.Repeat("u", 256), strings.Repeat("u", 257)),
			Group: "root",
			Mode:  0o400,
		}
		for range g.IntN(2) {
			k.RestartUnits = append(k.RestartUnits, mostly("a@b.service", "a-@.\\: /é", "nginx.service", "nginx", "-x.service", ".service", "a.mount", "a.services", "a\n.service", "\\x2d.device",
				strings.Repeat("a", 247)+".service", strings.Repeat("a", 248)+".service"))
		}
		list = append(list, k)
		set[fmt.Sprint("attr", i)] = map[string]any{"text": "x", "name": k.Name, "destDir": k.Dir, "user": k.User, "group": k.Group, "restartUnits": append([]string{}, k.RestartUnits...)}
	}
	return list, set
}
