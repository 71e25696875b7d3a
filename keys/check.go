package keys

import (
	"errors"
	"fmt"

	"flakeops/internal/settings"
	"flakeops/keys/message"
)

// check refuses a key that the host would refuse too, and one without a source. What
// is wrong with settings is told where the flake is evaluated.
func check(k settings.Key) error {
	if !k.HasText && k.File == "" && len(k.Command) == 0 {
		return fmt.Errorf("deployment.keys.%s has no source", k.Attr)
	}
	if err := onHost(k, Secret{}).Check(); err != nil {
		return fmt.Errorf("deployment.keys.%s: %w", k.Attr, err)
	}
	return nil
}

// onHost is the key as the host is told of it.
func onHost(k settings.Key, value Secret) message.Key {
	return message.Key{Name: k.Name, Dir: k.DestDir, User: k.User, Group: k.Group, Mode: k.Mode,
		Persistent: k.AllowPersistent, RestartUnits: k.RestartUnits, Value: value}
}

// checkValue refuses what cannot be a secret.
func checkValue(value []byte) error {
	switch {
	case len(value) > message.MaxValue:
		return errTooLarge
	case blank(value):
		return errEmpty
	}
	return nil
}

var (
	errEmpty    = errors.New("it is empty, which no secret is")
	errTooLarge = fmt.Errorf("it is larger than %d MiB", message.MaxValue>>20)
)

// blank says whether there is nothing but white space: what a pipe is left with
// when the program before it failed.
func blank(value []byte) bool {
	for _, c := range value {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}
