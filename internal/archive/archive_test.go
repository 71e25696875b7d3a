package archive

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func TestThereAndBack(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(filepath.Join(from, "d/empty"), 0o755))
	must(t, os.WriteFile(filepath.Join(from, "d/a b"), []byte("one"), 0o640))
	must(t, os.WriteFile(filepath.Join(from, "d/run"), []byte("#!"), 0o755))
	must(t, os.Chmod(filepath.Join(from, "d/run"), 0o755|fs.ModeSetuid))
	must(t, os.Symlink("a b", filepath.Join(from, "d/link")))
	must(t, os.Symlink("d", filepath.Join(from, "named")))
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	sent, err := Pack(w, filepath.Join(from, "named"), "x")
	must(t, err)
	must(t, w.Close())
	for heads := tar.NewReader(bytes.NewReader(b.Bytes())); ; {
		head, err := heads.Next()
		if err != nil {
			break
		}
		if head.Mode > 0o777 || head.Uid != 0 || head.Uname != "" {
			t.Errorf("%+v", head)
		}
	}
	for range 2 { // what is there is replaced
		got, err := Unpack(bytes.NewReader(b.Bytes()), open(t, to), "x")
		if err != nil || got != sent || got != (Count{Files: 3, Bytes: 5}) {
			t.Errorf("%+v, %+v, %v", sent, got, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(to, "x/link"))
	if err != nil || string(text) != "one" {
		t.Errorf("%q, %v", text, err)
	}
	for name, mode := range map[string]fs.FileMode{"x/a b": 0o640, "x/run": 0o755} {
		if info, err := os.Stat(filepath.Join(to, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if info, err := os.Stat(filepath.Join(to, "x/empty")); err != nil || !info.IsDir() {
		t.Errorf("%v", err)
	}
}

// A host may send what it likes.
func TestUnpackStaysWhereItIsTo(t *testing.T) {
	outside := t.TempDir()
	file := filepath.Join(outside, "file")
	for name, heads := range map[string][]tar.Header{
		"above":              {{Name: "x/../../file"}},
		"absolute":           {{Name: file}},
		"another":            {{Name: "y"}},
		"a longer name":      {{Name: "xy"}},
		"through a link":     {{Name: "x", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "x/file"}},
		"link for directory": {{Name: "x", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "x", Typeflag: tar.TypeDir}, {Name: "x/file"}},
		"hard link":          {{Name: "x", Typeflag: tar.TypeLink, Linkname: file}},
		"device":             {{Name: "x", Typeflag: tar.TypeBlock}},
		"pipe":               {{Name: "x", Typeflag: tar.TypeFifo}},
	} {
		must(t, os.WriteFile(file, []byte("mine"), 0o600))
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range heads {
			if h.Typeflag == 0 {
				h.Typeflag, h.Size, h.Mode = tar.TypeReg, 4, 0o4777
			}
			must(t, w.WriteHeader(&h))
			if h.Size > 0 {
				_, err := w.Write([]byte("evil"))
				must(t, err)
			}
		}
		must(t, w.Close())
		if _, err := Unpack(&b, open(t, t.TempDir()), "x"); err == nil {
			t.Errorf("%s: it is taken", name)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if _, err := Unpack(strings.NewReader("Welcome!\n"+strings.Repeat(" ", 1024)), open(t, t.TempDir()), "x"); err == nil || !strings.Contains(err.Error(), "no archive") {
		t.Errorf("%v", err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Name: "x", Typeflag: tar.TypeReg, Mode: 0o4777}))
	must(t, w.Close())
	into := t.TempDir()
	_, err := Unpack(&b, open(t, into), "x")
	must(t, err)
	if info, err := os.Stat(filepath.Join(into, "x")); err != nil || info.Mode()&fs.ModeSetuid != 0 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestPackRefusesWhatIsNoFile(t *testing.T) {
	if _, err := Pack(tar.NewWriter(&bytes.Buffer{}), "/dev/null", "x"); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("%v", err)
	}
	if _, err := Pack(tar.NewWriter(&bytes.Buffer{}), "/no/such", "x"); err == nil {
		t.Error("packed")
	}
}
