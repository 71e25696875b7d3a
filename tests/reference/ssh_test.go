package reference

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What of ssh_config is read is told by the rooms that follow it, and what the guide
// says is not honoured is not read, but to say so.
func TestSSHConfigIsToldAsItIsRead(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(root, "internal/remote/resolve/config.go"))
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for _, line := range regexp.MustCompile(`(?m)^\tcase (".*"):$`).FindAllStringSubmatch(string(source), -1) {
		for _, key := range strings.Split(line[1], ", ") {
			read = append(read, strings.Trim(key, `"`))
		}
	}
	docs, err := filepath.Glob(filepath.Join(root, "internal/remote/*/doc.go"))
	if err != nil || len(read) < 30 {
		t.Fatalf("%v: only %q are read", err, read)
	}
	told := ""
	for _, doc := range append(docs, filepath.Join(root, "internal/remote/doc.go")) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		told += strings.ToLower(string(text))
	}
	older := []string{"challengeresponseauthentication", "pubkeyacceptedkeytypes"}                // names of what is told
	notOptions := []string{"hostname", "port", "user", "ask", "accept-new", "no", "off", "false"} // the host, and values
	for _, key := range read {
		if !strings.Contains(told, key) && !slices.Contains(older, key) && !slices.Contains(notOptions, key) {
			t.Errorf("no room under internal/remote tells of %s, which is read", key)
		}
	}

	_, list, _ := strings.Cut(pages(t)["docs/guide.md"], "Not honoured:\n\n")
	list, _, _ = strings.Cut(list, "\n\n")
	options := regexp.MustCompile("`([A-Z][A-Za-z0-9]+)`").FindAllStringSubmatch(list, -1)
	if len(options) < 15 {
		t.Fatalf("the guide names %q only", options)
	}
	said := []string{"knownhostscommand", "revokedhostkeys", "proxyusefdpass"} // read, to say that it does not hold
	for _, m := range options {
		if key := strings.ToLower(m[1]); slices.Contains(read, key) && !slices.Contains(said, key) {
			t.Errorf("the guide says that %s is not honoured, and it is read", m[1])
		}
	}
}
