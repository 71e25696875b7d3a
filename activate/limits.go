package activate

import (
	"time"

	"flakeops/activate/wire"
)

// slack is what a host may need beside its activations and its waits, as the
// agent has it for the unit.
const slack = time.Minute

// The phases in the order in which a deployment can come to them. It skips some,
// and never goes back.
const (
	rankStarting = iota
	rankActivating
	rankWaiting
	rankCommitting
	rankRollingBack
	rankStranded
)

// rankOf is a phase's place in the order; that of one it does not know is lowest.
func rankOf(phase string) int {
	for rank := rankActivating; rank <= rankStranded; rank++ {
		if phaseOf(rank) == phase {
			return rank
		}
	}
	return rankStarting
}

func phaseOf(rank int) string {
	return [...]string{"starting", wire.PhaseActivating, wire.PhaseWaiting, wire.PhaseCommitting,
		wire.PhaseRollingBack, wire.PhaseStranded}[rank]
}

// limit is how long a host that keeps its own limits may stay in a phase,
// whatever it says meanwhile.
func limit(req wire.Request, rank int) time.Duration {
	activation := time.Duration(req.ActivationTimeout) * time.Second
	confirm := time.Duration(req.ConfirmTimeout) * time.Second
	switch rank {
	case rankStarting, rankActivating: // it may have to bring an earlier deployment to its end
		return activation + 2*slack
	case rankWaiting, rankStranded:
		return confirm + slack
	case rankCommitting: // profile and boot loader
		return 2*activation + slack
	}
	// At worst profile and boot loader; profile, boot loader and running system, the
	// last two with three tries each.
	return (2+1+3+3)*activation + 2*slack
}

// patience is how long silence is borne: what the host may still need by its
// own limits, and some grace for the rollback.
func (f *follower) patience() time.Duration {
	activation := time.Duration(f.req.ActivationTimeout) * time.Second
	confirm := time.Duration(f.req.ConfirmTimeout) * time.Second
	rest := confirm + min(activation, maxGrace) + maxGrace/4
	if f.rank == rankWaiting {
		return rest
	}
	return activation + rest
}
