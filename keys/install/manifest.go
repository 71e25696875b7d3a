package install

import (
	"fmt"
	"path/filepath"
	"slices"
)

// manifest is what flakeops installed on this host: no values, no digests.
type manifest struct {
	Version int      `json:"version"`
	Keys    []string `json:"keys"`           // paths, sorted
	Dirs    []string `json:"dirs,omitempty"` // directories that were made for them, sorted
}

const stateVersion = 1

func (i *installer) manifestFile() string { return filepath.Join(i.stateDir(), "keys.json") }

func (i *installer) readManifest() (manifest, error) {
	m := manifest{Version: stateVersion}
	if _, err := readState(i.manifestFile(), &m); err != nil {
		return manifest{}, err
	}
	if m.Version != stateVersion {
		return manifest{}, fmt.Errorf("%s has version %d, not %d: deploy with the version of flakeops that wrote it", i.manifestFile(), m.Version, stateVersion)
	}
	for _, p := range slices.Concat(m.Keys, m.Dirs) {
		if !filepath.IsAbs(p) || filepath.Clean(p) != p || p == "/" {
			return manifest{}, fmt.Errorf("%s is damaged: %q is no path of a key", i.manifestFile(), p)
		}
	}
	return m, nil
}

func (m manifest) equal(o manifest) bool {
	return slices.Equal(m.Keys, o.Keys) && slices.Equal(m.Dirs, o.Dirs)
}

// sorted is a copy of list, in order and without doubles.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
