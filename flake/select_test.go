package flake

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestPick(t *testing.T) {
	names := []string{"a.b", "db1", "db2", "gl*b", "glob", "left,right", "slash/name", "web1", "web2"}
	tags := map[string][]string{"db1": {"east"}, "web1": {"east", "http"}, "web2": {"http"}}
	for _, c := range []struct {
		node        string
		on, exclude []string
		want        string // joined by space, or the beginning of an error
	}{
		{want: strings.Join(names, " ")},
		{node: "web1", want: "web1"},
		{node: "gl*b", want: "gl*b"},
		{node: "we*", want: "error: no node matches \"we*\": the nodes are a.b, db1"},
		{node: "web1", exclude: []string{"web*"}, want: "error: no node is left"},
		{on: []string{"web*"}, want: "web1 web2"},
		{on: []string{"web2,web1", "db1"}, want: "db1 web1 web2"},
		{on: []string{"gl*b"}, want: "gl*b"},
		{on: []string{"glo*"}, want: "glob"},
		{on: []string{`gl\*b`}, want: "gl*b"},
		{on: []string{"left,right"}, want: "left,right"},
		{on: []string{"sl*me"}, want: "slash/name"},
		{on: []string{"db[2-9]"}, want: "db2"},
		{on: []string{"@http"}, want: "web1 web2"},
		{on: []string{"@east, a.b"}, want: "a.b db1 web1"},
		{on: []string{"*"}, exclude: []string{"@east", "gl*", "l*", "sl*"}, want: "a.b db2 web2"},
		{exclude: []string{"web*,db*"}, want: "a.b gl*b glob left,right slash/name"},
		{on: []string{"web3"}, want: "error: no node matches web3: did you mean web1? the nodes are a.b, db1"},
		{on: []string{"web1", "nope*"}, want: "error: no node matches \"nope*\""},
		{on: []string{"web1"}, exclude: []string{"nope"}, want: "error: no node matches nope"},
		{on: []string{"@htpt"}, want: "error: no node has the tag htpt: did you mean http? the tags are east, http"},
		{on: []string{"@web1"}, want: "error: no node has the tag web1"},
		{on: []string{""}, want: "error: no node matches \"\": the nodes are a.b, db1"},
		{on: []string{" , "}, want: "error: no node matches \" , \": the nodes are"},
		{on: []string{"web1,", ""}, want: "error: no node matches \"\""},
		{exclude: []string{""}, want: "error: no node matches \"\""},
		{on: []string{",web1,,"}, want: "web1"},
		{on: []string{"we["}, want: "error: pattern \"we[\" is not complete"},
	} {
		got, err := pick(c.node, selectors(c.on, names), selectors(c.exclude, names), names, tags)
		if want, bad := strings.CutPrefix(c.want, "error: "); bad {
			var se *SelectError
			if !errors.As(err, &se) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%+v: %q, %v", c, got, err)
			}
			continue
		}
		want := strings.Fields(c.want)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

func TestSelectRefusesNodeAndOn(t *testing.T) {
	_, _, err := (&Flake{}).Select(t.Context(), Selection{Node: "a", On: []string{"b"}})
	if err == nil || !strings.Contains(err.Error(), "use one of the two") {
		t.Error(err)
	}
}

func TestNoMatchListIsShort(t *testing.T) {
	var names []string
	for r := range 26 {
		names = append(names, "node-"+string(rune('a'+r)))
	}
	err := noMatch("zzz", names, nil)
	if !strings.HasSuffix(err.Error(), "node-i, node-j, and 16 more") {
		t.Error(err)
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"web", "wbe", 1}, {"same", "same", 0}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func FuzzPick(f *testing.F) {
	f.Add("a*,@x", "b")
	f.Add("[", "@")
	f.Add("\\", ",,")
	f.Fuzz(func(t *testing.T, on, exclude string) {
		names := []string{"a", "b", "c"}
		got, err := pick("", selectors([]string{on}, names), selectors([]string{exclude}, names), names, map[string][]string{"c": {"x"}})
		if (err == nil) != (len(got) > 0) {
			t.Fatalf("%q, %v", got, err)
		}
		for _, n := range got {
			if !slices.Contains(names, n) {
				t.Errorf("selected %q", n)
			}
		}
	})
}
