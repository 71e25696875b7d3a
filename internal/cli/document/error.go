package document

import (
	"flakeops/internal/fault"
	"flakeops/internal/ui"
)

// failed is the answer of a verb that failed as a whole.
type failed struct {
	Version  int    `json:"version"`
	Error    string `json:"error"`
	ExitCode int    `json:"exitCode"`
}

// WriteError answers for a verb that failed as a whole, with a code.
func WriteError(u *ui.UI, err error, code int) error {
	return u.JSON(failed{Version, fault.Text(err), code})
}
