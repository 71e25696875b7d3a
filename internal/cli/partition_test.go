package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPartitionsShareTheNodes(t *testing.T) {
	for size := range 12 {
		var names []string
		for i := range size {
			names = append(names, fmt.Sprintf("n%02d", i))
		}
		for of := 1; of < 6; of++ {
			var all []string
			for part := 1; part <= of; part++ {
				var p partition
				if err := p.UnmarshalText([]byte(fmt.Sprintf("%d/%d", part, of))); err != nil {
					t.Fatal(err)
				}
				mine := p.pick(names)
				if len(mine) < size/of || len(mine) > size/of+1 {
					t.Errorf("part %d/%d of %d nodes has %d", part, of, size, len(mine))
				}
				all = append(all, mine...)
			}
			slices.Sort(all)
			if !slices.Equal(all, names) {
				t.Errorf("%d parts of %q are %q", of, names, all)
			}
		}
		if got := (partition{}).pick(names); !slices.Equal(got, names) {
			t.Errorf("without a partition: %q", got)
		}
	}
}

func TestPartitionErrors(t *testing.T) {
	for _, text := range []string{"", "1", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/4/2", "1/", "/4", " 1/4"} {
		_, _, err := parse(t, "build", "--partition="+text)
		if err == nil || !strings.Contains(err.Error(), "--partition") || !strings.Contains(err.Error(), "K/N") {
			t.Errorf("%q: %v", text, err)
		}
	}
	g, _, err := parse(t, "build", "--partition", "2/4")
	if want := (partition{2, 4}); err != nil || g.Build.Partition != want {
		t.Errorf("%+v, %v", g.Build.Partition, err)
	}
}
