// Package keys brings secrets to hosts and nowhere else. On the deployer it
// reads them from their sources into memory, all of a node's or none, and sends
// them as one message to the agent on the host, which package install is.
//
// A value is a Secret from its source to the host's stdin: it is in no argv, no
// environment, no file and no error text.
package keys

import (
	"flakeops/internal/settings"
	"flakeops/keys/message"
)

// Secret is a key's value, which prints as "[secret]".
type Secret = message.Secret

// NewSecret wraps value, which it does not copy.
func NewSecret(value []byte) Secret { return message.NewSecret(value) }

// Value is a key that was read.
type Value struct {
	Key    settings.Key
	Secret Secret
}
