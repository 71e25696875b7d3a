package host

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

func TestClosure(t *testing.T) {
	const installed = "libc6:amd64\tlibc6\tinstalled\tno\toptional\t\t, libgcc-s1, not-there | crypt\n" +
		"libgcc-s1\tlibgcc-s1\tinstalled\tno\toptional\t\t, \n" +
		"xcrypt:amd64\txcrypt\tinstalled\tno\toptional\tcrypt (= 1)\t, \n" +
		"base\tbase\tinstalled\tyes\trequired\t\tawk, \n" +
		"gawk\tgawk\tinstalled\tno\toptional\tawk\t, \n" +
		"mawk\tmawk\tinstalled\tno\trequired\tawk\tlibc6 (>= 2.36), \n" +
		"ssh\tssh\tinstalled\tno\toptional\t\t, libc6:any (>= 2) | curl, git\n" +
		"git\tgit\tconfig-files\tno\toptional\t\t, \n" +
		"curl\tcurl\tinstalled\tno\toptional\t\t, \n"
	want := []string{"base", "libc6:amd64", "libgcc-s1", "mawk", "ssh", "xcrypt:amd64"}
	if got := closure(parseDebian(installed), []string{"ssh", "git", "unknown"}); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"stranger", "ip"} { // both are not to stay
		if err := os.Symlink("/nowhere", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := Programs(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sh", "awk", "cc", "go", "ip", "make", "mmdebstrap", "nix-store", "sshd", "ssh-keygen", "sudo", "systemd-nspawn"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s was brought: %v", name, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "stranger")); err == nil {
		t.Error("a program that nothing brings is there")
	}
}

// TestPathsOfPrograms holds what is called by its path, for which PATH does not
// count, against what setup brings.
func TestPathsOfPrograms(t *testing.T) {
	// These are on lab hosts, or in a system; and what is local is written by a test.
	elsewhere := []string{
		"init", "switch-to-configuration", "inotifywait", "bsd-csh", "tcsh", "fish", "zsh", "ksh93", "mksh", "yash", "elvish",
	}
	dir := t.TempDir()
	if err := Programs(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	called := regexp.MustCompile(`(?:^|[^A-Za-z0-9_./}-])(/(?:usr/)?s?bin/([A-Za-z0-9._+-]+))`)
	found := 0
	err := filepath.WalkDir("../../..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains([]string{".git", ".cache"}, entry.Name()) {
			return filepath.SkipDir
		}
		if err != nil || !entry.Type().IsRegular() || !slices.Contains([]string{".go", ".sh", ".nix", ""}, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || len(text) > 1<<20 { // a program that was built here
			return err
		}
		for _, match := range called.FindAllSubmatch(text, -1) {
			found++
			name := string(match[2])
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil && !slices.Contains(elsewhere, name) {
				t.Errorf("%s calls %s, which setup does not bring: add its package to packages(), or say here that it is on hosts only", path, match[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 20 {
		t.Errorf("only %d paths of programs were found", found)
	}
}
