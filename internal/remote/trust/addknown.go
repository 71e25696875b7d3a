package trust

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// addKnownHost appends one line to a known_hosts file, as ssh does: a line that
// another process adds at the same time stays.
func addKnownHost(file, address string, key ssh.PublicKey, hashed bool) error {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", file)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	line := knownhosts.Line([]string{address}, key)
	if hashed {
		name, rest, _ := strings.Cut(line, " ")
		line = xknownhosts.HashHostname(name) + " " + rest
	}
	return appendLine(f, line)
}

// appendLine writes line, after a newline if the file's last line lacks one.
func appendLine(f *os.File, line string) error {
	var text bytes.Buffer
	if end, err := f.Seek(0, io.SeekEnd); err != nil {
		return err
	} else if end > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			text.WriteByte('\n')
		}
	}
	text.WriteString(line + "\n")
	_, err := f.Write(text.Bytes())
	return err
}
