package flake

import (
	"net/url"
	"path"
	"path/filepath"

	"github.com/tidwall/gjson"
)

// localTree is the directory of this machine whose copy is the source of a
// resolved flake reference, and the one in it that holds flake.nix; both are ""
// when the reference names something else.
func localTree(ref gjson.Result) (root, dir string) {
	switch ref.Get("type").String() {
	case "path":
		root = ref.Get("path").String()
	case "git", "hg":
		u, err := url.Parse(ref.Get("url").String())
		if err != nil || u.Scheme != "file" && u.Scheme != "" || u.Host != "" {
			return "", ""
		}
		root = u.Path
	}
	if !path.IsAbs(root) {
		return "", ""
	}
	return filepath.Clean(root), filepath.Join(root, ref.Get("dir").String())
}
