package inspect

import (
	"encoding/json"
	"slices"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/nixname"
)

// Deployment is a deployment as its host has it on record.
type Deployment struct {
	wire.Record           // the newest; without an Outcome the deployment has no end on record
	Started     time.Time // by the host's clock, as is Record.Time
}

// journal gathers the deployments of one host.
type journal struct {
	all []Deployment // oldest first
	at  map[string]int
}

// take reads a line of the host's records. What is no record was cut short.
func (j *journal) take(line string) {
	var r wire.Record
	if json.Unmarshal([]byte(line), &r) != nil || !wire.ValidID(r.ID) || !nixname.IsStorePath(r.New) {
		return
	}
	if r.Old != "" && !nixname.IsStorePath(r.Old) {
		return
	}
	if i, known := j.at[r.ID]; known {
		j.all[i].Record = r
		return
	}
	if j.at == nil {
		j.at = map[string]int{}
	}
	j.at[r.ID] = len(j.all)
	j.all = append(j.all, Deployment{Record: r, Started: r.Time})
}

// newest is the newest deployment that fits, nil where none does.
func newest(all []Deployment, fits func(Deployment) bool) *Deployment {
	for _, d := range slices.Backward(all) {
		if fits(d) {
			return &d
		}
	}
	return nil
}
