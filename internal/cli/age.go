package cli

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// age is how long ago something was, as people say it.
type age time.Duration

const day = 24 * time.Hour

// units are those that an age has, by their letters.
func units() map[byte]time.Duration {
	return map[byte]time.Duration{'h': time.Hour, 'd': day, 'w': 7 * day, 'y': 365 * day}
}

var errAge = errors.New("takes a whole number with h, d, w or y for hours, days, weeks or years, such as 30d")

// UnmarshalText reads 30d.
func (a *age) UnmarshalText(text []byte) error {
	last := len(text) - 1
	if last < 1 {
		return errAge
	}
	unit, ok := units()[text[last]]
	n, err := strconv.ParseUint(string(text[:last]), 10, 64)
	if !ok || err != nil || n > uint64(math.MaxInt64/unit) {
		return errAge
	}
	*a = age(time.Duration(n) * unit)
	return nil
}

// String is the age in the largest of hours and days that it is whole in.
func (a age) String() string {
	d := time.Duration(a)
	if d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	return strconv.Itoa(int(d/time.Hour)) + "h"
}
