package bootloader

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFiles is more than a boot loader has any use for.
const maxFiles = 20_000

// Files is a digest of the names, sizes and times of all files that a boot loader
// could read. While it stays the same, so does what would boot, whatever boot
// loader it is. It is empty where it could not be made.
func Files(root string) string {
	sum, count := sha256.New(), 0
	for _, dir := range []string{filepath.Join(root, "boot"), filepath.Join(root, "efi")} {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if count++; err != nil || count > maxFiles {
				return errors.Join(err, errFile)
			}
			fi, err := d.Info()
			if err != nil || d.IsDir() {
				return err
			}
			target, _ := os.Readlink(name) // empty for what is no link
			fmt.Fprintf(sum, "%q %v %d %d %q\n", name, fi.Mode(), fi.Size(), fi.ModTime().UnixNano(), target)
			return nil
		})
		if _, missing := os.Lstat(dir); err != nil && !errors.Is(missing, fs.ErrNotExist) {
			return ""
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
