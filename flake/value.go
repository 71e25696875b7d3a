package flake

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"flakeops/internal/hostname"
)

// The readers below take one value over, or say what is wrong with it.

func readHost(to **string, v gjson.Result) error {
	if v.Type == gjson.Null {
		*to = nil
		return nil
	}
	var s string
	if err := readString(&s, v, hostname.Check); err != nil {
		return err
	}
	*to = &s
	return nil
}

func readUser(to *string, v gjson.Result) error {
	if v.Type == gjson.Null {
		*to = ""
		return nil
	}
	return readString(to, v, checkUser)
}

func readPort(to **int, v gjson.Result) error {
	if v.Type == gjson.Null {
		*to = nil
		return nil
	}
	port, err := whole(v, 1, math.MaxUint16)
	if err != nil {
		return err
	}
	*to = &port
	return nil
}

// MaxTimeout is the longest time a setting may allow, in seconds: 30 days, which
// is what the agent takes.
const MaxTimeout = 30 * 24 * 60 * 60

func readSeconds(to *int, v gjson.Result) error {
	s, err := whole(v, 1, MaxTimeout)
	if err != nil {
		return err
	}
	*to = s
	return nil
}

func readBool(to *bool, v gjson.Result) error {
	if !v.IsBool() {
		return fmt.Errorf("is %s, it must be true or false", spokenType(v))
	}
	*to = v.Bool()
	return nil
}

func readString(to *string, v gjson.Result, check func(string) error) error {
	if v.Type != gjson.String {
		return fmt.Errorf("is %s, it must be a string", spokenType(v))
	}
	if err := check(v.String()); err != nil {
		return fmt.Errorf("is %q, %w", v.String(), err)
	}
	*to = v.String()
	return nil
}

func readList(to *[]string, v gjson.Result, check func(string) error) error {
	if !v.IsArray() {
		return fmt.Errorf("is %s, it must be a list of strings", spokenType(v))
	}
	list := []string{}
	for i, e := range v.Array() {
		var s string
		if err := readString(&s, e, check); err != nil {
			return fmt.Errorf("(element %d) %w", i+1, err)
		}
		list = append(list, s)
	}
	*to = list
	return nil
}

// whole reads an integer in [low, high]; JSON itself knows only numbers.
func whole(v gjson.Result, low, high int) (int, error) {
	if v.Type != gjson.Number || v.Num != math.Trunc(v.Num) {
		return 0, fmt.Errorf("is %s, it must be a whole number", spokenType(v))
	}
	if v.Num < float64(low) || v.Num > float64(high) {
		return 0, fmt.Errorf("is %s, it must be from %d to %d", v.Raw, low, high)
	}
	return int(v.Num), nil
}

func checkUser(s string) error {
	switch {
	case s == "":
		return errors.New("which is empty: name a user, or use null for what ssh_config says")
	case strings.HasPrefix(s, "-"):
		return errors.New("which begins with a dash: ssh would take it for an option")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return errors.New("which holds white space: it must be one user name")
	}
	return nil
}

func checkLine(s string) error {
	if s == "" {
		return errors.New("which is empty")
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return errors.New("which holds control characters")
	}
	return nil
}

// checkTag refuses tags that no selector could name.
func checkTag(s string) error {
	if s == "" || strings.HasPrefix(s, "@") ||
		strings.ContainsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return errors.New("which cannot be selected: a tag has no white space and no comma, and @ only where it is used")
	}
	return nil
}

func spokenType(v gjson.Result) string {
	switch {
	case v.Type == gjson.Null:
		return "null"
	case v.IsBool():
		return v.Raw
	case v.Type == gjson.Number:
		return v.Raw
	case v.Type == gjson.String:
		return "a string"
	case v.IsArray():
		return "a list"
	}
	return "a set"
}
