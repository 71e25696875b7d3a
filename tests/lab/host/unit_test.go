package host

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flakeops/internal/run"
)

func TestSubnetsDoNotOverlap(t *testing.T) {
	seen := make(map[string]string)
	for _, s := range []slot{firstSlot, firstSlot + 1, lastSlot} {
		subnet := netip.MustParsePrefix(s.subnet())
		for n := range maxHosts + 1 {
			for _, text := range []string{s.near(n), s.far(n)} {
				address, err := netip.ParseAddr(text)
				if err != nil {
					t.Fatal(err)
				}
				if !subnet.Contains(address) {
					t.Errorf("%s is not in %s", address, subnet)
				}
				net := netip.PrefixFrom(address, 30).Masked()
				if address == net.Addr() || !net.Contains(address.Next()) {
					t.Errorf("%s is no host's address in %s", address, net)
				}
				if by := seen[text]; by != "" {
					t.Errorf("%s is used twice: %s", text, by)
				}
				seen[text] = s.link()
			}
		}
	}
}

func TestNamesOfLinksAreShort(t *testing.T) {
	const limit = 15 // IFNAMSIZ without the end
	if link := (lastSlot + 1).link(); len(link) > limit {
		t.Errorf("%s has more than %d characters", link, limit)
	}
	m := newMachine(lastSlot, "", "", machineDef{Index: maxHosts})
	if link := m.link(); len(link) > limit {
		t.Errorf("%s has more than %d characters", link, limit)
	}
}

func TestHostNames(t *testing.T) {
	for _, name := range []string{"a", "web", "web-1", strings.Repeat("a", 32)} {
		if !hostName.MatchString(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{
		"", "-", "-a", "a-", "A", "a.b", "a b", "../a", "a/b", "1a", "a\n", "a:b", "*", strings.Repeat("a", 33),
	} {
		if hostName.MatchString(name) {
			t.Errorf("%q is taken", name)
		}
	}
}

// TestClientConfig asks ssh itself what it makes of the file.
func TestClientConfig(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "100% of 'it'")
	c, err := newClient(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.add("web", "10.213.1.6", []string{"ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 BBBB"}); err != nil {
		t.Fatal(err)
	}
	if err := c.add("db", "10.213.1.10", nil); err != nil {
		t.Fatal(err)
	}
	for _, called := range []string{"web", "10.213.1.6"} {
		out, err := run.Output(t.Context(), run.Local{}, run.Command{Argv: []string{"ssh", "-F", c.config(), "-G", called}})
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(out), "\n")
		for _, want := range []string{
			"hostname 10.213.1.6", "user root", "port 22", "stricthostkeychecking true", "identitiesonly yes",
			"globalknownhostsfile /dev/null",
		} {
			if !slices.Contains(lines, want) {
				t.Errorf("for %s, ssh has no %q:\n%s", called, want, out)
			}
		}
	}
	known, err := os.ReadFile(c.knownHosts())
	if err != nil {
		t.Fatal(err)
	}
	const want = "web,10.213.1.6 ecdsa-sha2-nistp256 BBBB\nweb,10.213.1.6 ssh-ed25519 AAAA\n"
	if string(known) != want {
		t.Errorf("known hosts are %q, want %q", known, want)
	}
	again, err := openClient(dir)
	if err != nil || again != c {
		t.Errorf("the client is %+v, and found as %+v, %v", c, again, err)
	}
}

func TestImages(t *testing.T) {
	dirs := make(map[string]bool)
	for _, suite := range Suites() {
		m, err := findImage(suite)
		if err != nil {
			t.Fatal(err)
		}
		again, err := findImage(suite)
		if err != nil || again != m {
			t.Errorf("%s is %+v, then %+v, %v", suite, m, again, err)
		}
		dirs[m.Dir] = true
	}
	if len(dirs) != len(Suites()) {
		t.Errorf("suites share images: %v", dirs)
	}
	if _, err := findImage("woody"); err == nil || !strings.Contains(err.Error(), "bookworm") {
		t.Errorf("an unknown suite: %v", err)
	}
}

func TestImageMissing(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	m, err := findImage("sid")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.use(); err == nil || !strings.Contains(err.Error(), "tests/lab setup") {
		t.Errorf("using an image that is not there: %v", err)
	}
}

// TestOlderImages removes images of other recipes, but none that is in use.
func TestOlderImages(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	m, err := findImage("sid")
	if err != nil {
		t.Fatal(err)
	}
	used := image{Suite: "sid", Dir: filepath.Join(filepath.Dir(m.Dir), "sid-used")}
	old := image{Suite: "sid", Dir: filepath.Join(filepath.Dir(m.Dir), "sid-old")}
	other := image{Suite: "trixie", Dir: filepath.Join(filepath.Dir(m.Dir), "trixie-old")}
	for _, i := range []image{m, used, old, other} {
		if err := os.MkdirAll(i.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		lock, err := i.use()
		if err != nil {
			t.Fatal(err)
		}
		if i != used {
			if err := lock.Close(); err != nil {
				t.Fatal(err)
			}
		} else {
			defer lock.Close()
		}
	}
	if err := m.removeOlder(); err != nil {
		t.Fatal(err)
	}
	for i, want := range map[image]bool{m: true, used: true, old: false, other: true} {
		if i.exists() != want {
			t.Errorf("%s exists: %v, want %v", i.Dir, i.exists(), want)
		}
	}
}

func TestPackages(t *testing.T) {
	missing, err := missingPackages(t.Context())
	if err != nil || len(missing) > 0 {
		t.Errorf("after Ensure, %v is missing, %v", missing, err)
	}
}

func TestPathsAreEscaped(t *testing.T) {
	if got := bindPath(`/a:b\c`); got != `/a\:b\\c` {
		t.Errorf("bindPath: %s", got)
	}
	if got := overlayPath(`/a:b,c\d`); got != `/a\:b\,c\\d` {
		t.Errorf("overlayPath: %s", got)
	}
}

func TestLabInRun(t *testing.T) {
	if _, err := New(t.Context(), "/run/lab"); err == nil || !strings.Contains(err.Error(), "/run") {
		t.Errorf("a lab in /run: %v", err)
	}
}
