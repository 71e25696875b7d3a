package flake

import (
	"net/url"
	"strings"

	"github.com/tidwall/gjson"
)

// inputs gives the locked URL of each direct input.
func inputs(locked []LockedInput) map[string]string {
	in := map[string]string{}
	for _, l := range locked {
		if l.Direct {
			in[l.Name] = l.URL
		}
	}
	return in
}

// maxSteps bounds the walk through a lock file whose paths go round in circles.
const maxSteps = 1000

// follow resolves an input to its node: a key, or the path of inputs to walk
// from the root. It gives up, with "", when steps are used up.
func follow(nodes map[string]gjson.Result, root string, ref gjson.Result, steps *int) string {
	if !ref.IsArray() {
		return ref.String()
	}
	key := root
	for _, step := range ref.Array() {
		if *steps--; *steps < 0 {
			return ""
		}
		next, ok := objects(nodes[key].Get("inputs"))[step.String()]
		if !ok {
			return ""
		}
		if key = follow(nodes, root, next, steps); key == "" {
			return ""
		}
	}
	return key
}

// objects is an object's members; a plain map, as the names may hold the
// characters that gjson's path syntax gives a meaning.
func objects(r gjson.Result) map[string]gjson.Result {
	if !r.IsObject() {
		return nil
	}
	return r.Map()
}

// lockedURL writes a locked reference as a URL. Passwords are left out, as it
// is shown and recorded.
func lockedURL(l gjson.Result) string {
	kind, rev := l.Get("type").String(), l.Get("rev").String()
	switch kind {
	case "github", "gitlab", "sourcehut":
		return strings.Join([]string{kind + ":" + l.Get("owner").String(), l.Get("repo").String(), rev}, "/")
	case "path":
		return withQuery("path:"+l.Get("path").String(), "narHash", l.Get("narHash").String())
	case "git", "hg":
		return withQuery(kind+"+"+public(l.Get("url").String()), "rev", rev)
	case "indirect":
		return strings.TrimSuffix("flake:"+l.Get("id").String()+"/"+rev, "/")
	default: // tarball, file, and what comes
		u := public(l.Get("url").String())
		if u == "" {
			return kind
		}
		return withQuery(u, "narHash", l.Get("narHash").String())
	}
}

func withQuery(u, key, value string) string {
	if value == "" {
		return u
	}
	sep := "?"
	if strings.Contains(u, "?") {
		sep = "&"
	}
	return u + sep + key + "=" + url.QueryEscape(value)
}

// public removes user and password from a URL; a user alone is part of the
// address (git@host) and stays.
func public(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		if at := strings.LastIndexByte(s, '@'); at >= 0 {
			return s[at+1:]
		}
		return s
	}
	if u.User == nil {
		return s
	}
	if _, secret := u.User.Password(); secret || u.Scheme == "https" || u.Scheme == "http" {
		u.User = nil
	}
	return u.String()
}
