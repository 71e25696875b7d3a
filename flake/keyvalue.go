package flake

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"flakeops/internal/settings"
)

// The checks below are those of the NixOS module, for nodes without it. What
// passes is safe as part of a path and as a word of a unit file.

var (
	keyName  = regexp.MustCompile(`\A[A-Za-z0-9_][A-Za-z0-9_.:@+-]*\z`)
	keyDir   = regexp.MustCompile(`\A(/[A-Za-z0-9_.:@+-]+)+\z`)
	keyOwner = regexp.MustCompile(`\A[A-Za-z0-9_][A-Za-z0-9_.-]*\$?\z`)
	unitName = regexp.MustCompile(`\A[A-Za-z0-9:_.@\\-]+\.(service|socket|target|timer|path|mount|automount|swap|slice|scope|device)\z`)
	octal    = regexp.MustCompile(`\A0?[0-7]{3}\z`)
)

const (
	maxKeyName    = 200 // bytes
	maxKeyUnit    = 240 // bytes of a unit's name without its suffix
	maxUnitName   = 255 // bytes
	escapedPlus   = `\x2b`
	keyUnitSuffix = "-key"
)

func checkKeyName(s string) error {
	switch {
	case !keyName.MatchString(s):
		return errors.New("which cannot be a file's: " +
			"a name has letters, digits and _.:@+- only, and begins with a letter, a digit or _")
	case len(s) > maxKeyName:
		return fmt.Errorf("which has %d bytes: at most %d are allowed", len(s), maxKeyName)
	case len(strings.ReplaceAll(s, "+", escapedPlus)+keyUnitSuffix) > maxKeyUnit:
		return errors.New("which is too long for a unit's name, where a + takes four bytes: shorten it")
	}
	return nil
}

func checkDestDir(s string) error {
	if !keyDir.MatchString(s) || path.Clean(s) != s {
		return errors.New("which must be an absolute path of letters, digits and _.:@+-, " +
			"without . and .. and a slash at its end")
	}
	return nil
}

func checkOwner(s string) error {
	if !keyOwner.MatchString(s) {
		return errors.New("which is neither a name nor a number")
	}
	return nil
}

func checkUnit(s string) error {
	if !unitName.MatchString(s) || strings.HasPrefix(s, "-") || len(s) > maxUnitName {
		return errors.New("which is not a unit's full name: write, for example, nginx.service")
	}
	return nil
}

func readPhase(to *settings.Phase, v gjson.Result) error {
	return readString((*string)(to), v, func(s string) error {
		if p := settings.Phase(s); p != settings.PreActivation && p != settings.PostActivation {
			return fmt.Errorf("which must be %s or %s", settings.PreActivation, settings.PostActivation)
		}
		return nil
	})
}

func readMode(to *fs.FileMode, v gjson.Result) error {
	var s string
	err := readString(&s, v, func(s string) error {
		if !octal.MatchString(s) {
			return errors.New("which must be octal, such as 0400, and at most 0777")
		}
		return nil
	})
	if err != nil {
		return err
	}
	mode, err := strconv.ParseUint(s, 8, 9)
	if err != nil {
		return err
	}
	*to = fs.FileMode(mode)
	return nil
}

func readKeyFile(to *string, v gjson.Result) error {
	if v.Type == gjson.Null {
		*to = ""
		return nil
	}
	return readString(to, v, func(s string) error {
		switch {
		case s == "":
			return errors.New("which is empty: name a file")
		case strings.ContainsRune(s, 0):
			return errors.New("which cannot be a file's name")
		}
		return nil
	})
}

// readKeyCommand never shows the command: its arguments may hold a token.
func readKeyCommand(to *[]string, v gjson.Result) error {
	if v.Type == gjson.Null {
		*to = nil
		return nil
	}
	if !v.IsArray() {
		return fmt.Errorf("is %s, it must be a list of strings", spokenType(v))
	}
	var argv []string
	for i, e := range v.Array() {
		if e.Type != gjson.String {
			return fmt.Errorf("(element %d) is %s, it must be a string", i+1, spokenType(e))
		}
		if strings.ContainsRune(e.String(), 0) {
			return fmt.Errorf("(element %d) holds a byte that no argument can have", i+1)
		}
		argv = append(argv, e.String())
	}
	if len(argv) == 0 || argv[0] == "" {
		return errors.New("names no program")
	}
	*to = argv
	return nil
}
