package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"flakeops/activate/wire"
	"flakeops/tests/flakes"
)

// What comes over the link is not what it should be: from the host's shell,
// from the agent, and from the deployer.

func TestLoginShellThatPrints(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.snapshot()
	for _, c := range []struct {
		name string
		bash string // added before everything else in ~/.bashrc
		code int
		says []string
	}{
		{"a greeting", `echo 'Welcome to web!'`, 8, []string{"Welcome to web!", "~/.bashrc", "for terminals only"}},
		{"half a line", `printf 'running\t/nix/store/'`, 8, []string{"for terminals only"}},
		{"an escape", `printf '\033[2J'`, 8, []string{`\x1b[2J`, "for terminals only"}},
		{"a million lines", `yes welcome | head -n 1000000`, 8, []string{"welcome", "for terminals only"}},
		{"without an end", `cat /dev/zero`, 8, []string{"for terminals only"}},
		{"to stderr only", `echo 'Welcome to web!' >&2`, 0, []string{"deployed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			web.sh("cat >/root/.bashrc <<'END'\n" + c.bash + "\nEND\n")
			p := f.at(t).start("deploy", "path:"+f.dir).usesLess(200 << 20)
			r := p.wait().exits(c.code).says(c.says...).says("web")
			isOrderly(r)
			if c.code == 0 {
				web.runs(f.system("web"))
				return
			}
			web.is(before)
			web.hasNoTraces()
		})
	}
}

// speaker has web reached as ops, who becomes root by a program that can say
// something else in the place of the agent. In script $verb is the agent's, and
// what is not handled there goes its usual way.
func (f *fleet) speaker(script string) {
	f.t.Helper()
	f.hosts["web"].sh(`cat >/usr/local/bin/speaker <<'END'
#!/bin/bash
# sh -c ANNOUNCE START AGENT agent VERB
verb=
if [ "$6" = agent ]; then verb=$7; fi
genuine() { sudo -H -- "$@"; }
opened() { echo "$4" >&2; } # the deployer sends nothing before
` + script + `
exec sudo -H -- "$@"
END
chmod +x /usr/local/bin/speaker`)
	f.setting("web", "targetUser", "ops")
	f.setting("web", "privilegeEscalationCommand", []string{"/usr/local/bin/speaker"})
	f.setting("web", "activationTimeout", 2)
	f.setting("web", "confirmTimeout", 2)
}

func TestAgentThatSpeaksGarbage(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	for _, c := range []struct {
		name   string
		script string
		says   []string
	}{
		{"text", `opened "$@"; echo 'Hello, I am your agent.'; exit`, []string{"Hello, I am your agent"}},
		{"no line's end", `opened "$@"; exec tr '\0' x </dev/zero`, []string{"line longer than 65536 bytes"}},
		{"JSON without a line's end", `opened "$@"; printf '{"seq":1,"kind":"output","message":"'; exec tr '\0' x </dev/zero`, []string{"line longer than 65536 bytes"}},
		{"an unknown event", `opened "$@"; echo '{"seq":1,"kind":"party"}'; exit`, []string{`unknown kind of event "party"`}},
		{"numbers that are none", `opened "$@"; echo '{"seq":-1,"kind":"finished","outcome":"deployed"}'; exit`, []string{"carries number -1"}},
		{"deep", `opened "$@"; head -c 60000 /dev/zero | tr '\0' '['; echo; exit`, []string{"not an event"}},
		{"a success nobody confirmed", `opened "$@"; echo '{"seq":1,"kind":"finished","outcome":"deployed"}'; exit`, []string{"the host says deployed, but this deployer never confirmed"}},
		{"an end of any name", `opened "$@"; echo '{"seq":1,"kind":"finished","outcome":"splendid"}'; exit`, []string{`outcome "splendid"`}},
		{"the last number", `opened "$@"; echo '{"seq":9223372036854775807,"kind":"output","message":"x"}'; exit`, []string{"event number 9223372036854775807"}},
		{"output without an end", `opened "$@"; yes "$(head -c 4000 /dev/zero | tr '\0' x)" | awk '{printf "{\"seq\":%d,\"kind\":\"output\",\"message\":\"%s\"}\n", NR, $0}'; exit`,
			[]string{"the host sent more than", "lines of what the host said are left out"}},
		{"endless lines", `opened "$@"; exec yes '{}'`, []string{"unknown kind of event"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.at(t).speaksInstead(c.script, c.says...)
		})
	}
}

func TestAgentThatSaysNothing(t *testing.T) {
	for name, script := range map[string]string{
		"and ends":  `opened "$@"; exit 0`,
		"and stays": `opened "$@"; exec sleep infinity`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": "bookworm"})
			f.speaksInstead(script, "no contact")
		})
	}
}

// speaksInstead deploys to web, where a script answers in the place of the
// agent, and asserts that the outcome is unknown, in bounded time and memory.
func (f *fleet) speaksInstead(script string, says ...string) {
	f.t.Helper()
	web := f.hosts["web"]
	before := web.snapshot()
	f.speaker(`if [ "$verb" ]; then ` + script + "; fi")
	f.setting("web", "activationTimeout", 1)
	f.setting("web", "confirmTimeout", 1)
	p := f.start("deploy", "path:"+f.dir).usesLess(200 << 20)
	r := p.wait().exits(6).says("web", "outcome of deployment", "unknown", "deployments.jsonl").says(says...)
	if strings.Contains(script, "awk") {
		r.stderr = r.stderr[max(0, len(r.stderr)-10<<10):] // a bounded part of the output is shown
	}
	isOrderly(r)
	// Nothing was started, so the host is as it was.
	web.is(before)
	web.hasNoTraces()
	eventually(f.t, "what the script has started ends", func() bool {
		return !web.holds(`cat $(find /proc -maxdepth 1 -name '[0-9]*' -user ops -printf '%p/comm ') /dev/null | grep -xE 'sleep|yes|tr|head|speaker'`)
	})
}

// A stream may break anywhere. The next one goes on where it ended.
func TestCutStreamsAreTakenUpAgain(t *testing.T) {
	for _, bytes := range []int{0, 1, 100, 250, 700} {
		t.Run(fmt.Sprintf("after %d bytes", bytes), func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": "bookworm"})
			f.speaker(fmt.Sprintf(`if [ "$verb" = start ]; then genuine "$@" | head -c %d; exit; fi`, bytes))
			f.setting("web", "confirmTimeout", 20)
			f.setting("web", "activationTimeout", 20)
			f.deploy().exits(0).says("deployed")
			f.hosts["web"].runs(f.system("web"))
		})
	}
}

// When no stream ever says anything whole, the host rolls back by itself.
func TestStreamsThatAreAllCutEndInARollback(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before := web.snapshot()
	f.speaker(`if [ "$verb" ]; then genuine "$@" | head -c 20; exit; fi`)
	f.setting("web", "activationTimeout", 15)
	f.version("web", "2")
	f.deploy().exits(6).says("web", "outcome of deployment", "unknown")
	web.settled()
	if got := web.lastOutcome(); got != wire.RolledBack {
		t.Errorf("outcome on record: %q", got)
	}
	web.is(before)
}

// The agent believes nothing that it is sent.
func TestAgentRefusesMalformedDocuments(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before := web.snapshot()
	records := len(web.records())
	agent := web.sh("ls -d /nix/store/*-flakeops-*-linux")
	system := f.version("web", "2")
	flakes.Nix(t, f.dir, "build", "--no-link", "path:"+f.dir+"#"+flakes.SystemAttr("web"))

	good := map[string]any{
		"version": 1, "id": "01TEST", "node": "web", "goal": "switch", "system": before.Running, "agent": agent,
		"profile": "/nix/var/nix/profiles/system", "tokenHash": strings.Repeat("0", 64), "magicRollback": true,
		"autoRollback": true, "activationTimeout": 5, "confirmTimeout": 5, "operator": "me",
	}
	with := func(field string, value any) string {
		doc := map[string]any{field: value}
		for k, v := range good {
			if k != field {
				doc[k] = v
			}
		}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	whole := with("node", "web")
	for name, doc := range map[string]string{
		"nothing": "", "a line's end": "\n", "text": "hello", "a list": "[]", "a number": "42", "null": "null", "an empty set": "{}",
		"half of it":          whole[:len(whole)/2],
		"all but the end":     whole[:len(whole)-1],
		"twice":               whole + whole,
		"more after it":       whole + "\nrm -rf /",
		"bytes":               "\x00\xff\xfe",
		"deep":                strings.Repeat("[", 100000),
		"long":                with("node", strings.Repeat("x", 1<<20)),
		"another version":     with("version", 2),
		"a field it lacks":    with("shell", "rm -rf /"),
		"an ID that is one":   with("id", "../../../etc"),
		"an ID for a unit":    with("id", "x.service"),
		"an empty ID":         with("id", ""),
		"an ID with a hyphen": with("id", "--property=ExecStart=/bin/true"),
		"dry-activate":        with("goal", "dry-activate"),
		"an unknown goal":     with("goal", "sideways"),
		"a path":              with("system", "/etc"),
		"a path above":        with("system", "/nix/store/../../etc"),
		"what is not there":   with("system", system),
		"not a system":        with("system", agent),
		"an agent elsewhere":  with("agent", "/tmp/agent"),
		"a profile above":     with("profile", "/nix/var/../../etc/passwd"),
		"a relative profile":  with("profile", "profiles/system"),
		"no time":             with("activationTimeout", 0),
		"negative time":       with("confirmTimeout", -1),
		"endless time":        with("activationTimeout", 1<<62),
		"a long time":         with("activationTimeout", 1<<31-1),
		"time as text":        with("activationTimeout", "5"),
		"no token":            with("tokenHash", ""),
		"half a token":        with("tokenHash", "00"),
	} {
		for _, verb := range []string{"start", "attach"} {
			t.Run(verb+"/"+name, func(t *testing.T) {
				isRefused(t, web, agent, verb, doc)
			})
		}
	}
	for name, doc := range map[string]string{
		"unknown":         `{"version":1,"id":"01NEVER","from":1}`,
		"confirm":         `{"version":1,"id":"01NEVER","from":1,"token":"x"}`,
		"abort":           `{"version":1,"id":"01NEVER","from":1,"abort":true}`,
		"above":           `{"version":1,"id":"../lock","from":1}`,
		"negative":        `{"version":1,"id":"01NEVER","from":-1}`,
		"another version": `{"version":9,"id":"01NEVER","from":1}`,
	} {
		t.Run("attach to "+name, func(t *testing.T) { isRefused(t, web, agent, "attach", doc) })
	}
	t.Run("usage", func(t *testing.T) {
		for _, args := range []string{"", "run", "run ../x", "recover", "recover --help", "start now", "frobnicate", "run 01NEVER"} {
			if web.holds(agent + " agent " + args + " </dev/null") {
				t.Errorf("agent %s succeeded", args)
			}
		}
	})
	t.Run("not root", func(t *testing.T) {
		out := web.sh("sudo -u ops " + agent + " agent start </dev/null || :")
		if !strings.Contains(out, `"kind":"refused"`) || !strings.Contains(out, "check privilegeEscalationCommand") {
			t.Errorf("said %q", out)
		}
	})
	web.is(before)
	if n := len(web.records()); n != records {
		t.Errorf("%d records, want %d", n, records)
	}
	if out := web.sh("systemctl list-units --all --plain --no-legend 'flakeops-*'; ls /run/flakeops | grep -v '^lock$' | grep -v '^01[A-Z0-9]\\{24\\}$' || :"); out != "" {
		t.Errorf("left behind: %s", out)
	}
}

// isRefused asserts that the agent answers with one refused event, in time.
func isRefused(t *testing.T, m *machine, agent, verb, doc string) {
	t.Helper()
	must(t, writeIn(m, "/tmp/doc", doc))
	out := m.sh(fmt.Sprintf("timeout 30 %s agent %s </tmp/doc; code=$?; [ $code = 1 ] || echo exit $code; rm /tmp/doc", agent, verb))
	events := wire.NewDecoder(strings.NewReader(out + "\n"))
	e, err := events.Next()
	if err != nil || e.Kind != wire.Refused || e.Message == "" {
		t.Errorf("answered %.300q, want one refusal", out)
	}
	if _, err := events.Next(); err == nil {
		t.Errorf("answered more than a refusal: %.300q", out)
	}
}
