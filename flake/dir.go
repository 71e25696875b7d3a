package flake

import (
	"net/url"
	"path"
	"path/filepath"

	"github.com/tidwall/gjson"
)

// localDir is the directory of this machine that a resolved flake reference
// names, "" when it names something else.
func localDir(ref gjson.Result) string {
	var dir string
	switch ref.Get("type").String() {
	case "path":
		dir = ref.Get("path").String()
	case "git", "hg":
		u, err := url.Parse(ref.Get("url").String())
		if err != nil || u.Scheme != "file" && u.Scheme != "" || u.Host != "" {
			return ""
		}
		dir = u.Path
	}
	if !path.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, ref.Get("dir").String())
}
