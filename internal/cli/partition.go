package cli

import (
	"errors"
	"strconv"
	"strings"
)

// partition is one of several parts of the selected nodes, of which each is in
// exactly one. The zero value is all of them.
type partition struct {
	part, of int // the part-th of so many, counted from 1
}

var errPartition = errors.New("takes K/N, such as 1/4 for the first of four parts: K is from 1 to N")

// UnmarshalText reads K/N.
func (p *partition) UnmarshalText(text []byte) error {
	k, n, ok := strings.Cut(string(text), "/")
	if !ok {
		return errPartition
	}
	var err error
	if p.part, err = strconv.Atoi(k); err != nil {
		return errPartition
	}
	if p.of, err = strconv.Atoi(n); err != nil || p.part < 1 || p.part > p.of {
		return errPartition
	}
	return nil
}

// pick returns the part's names. The parts' sizes differ by one at most, and a
// part is empty when there are more parts than names.
func (p partition) pick(names []string) []string {
	if p.of == 0 {
		return names
	}
	var mine []string
	for i := p.part - 1; i < len(names); i += p.of {
		mine = append(mine, names[i])
	}
	return mine
}
