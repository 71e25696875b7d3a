package resolve

import "flakeops/internal/fault"

// ConfigError is something in ssh_config, or in a node's settings, that cannot be followed.
type ConfigError struct {
	Reason string // the whole text
	Next   string // what to do about it
}

// Error says what cannot be followed.
func (e *ConfigError) Error() string { return e.Reason }

// Class is the kind of the error.
func (e *ConfigError) Class() fault.Class { return fault.Usage }

// Hint is what to do about it.
func (e *ConfigError) Hint() string { return e.Next }
