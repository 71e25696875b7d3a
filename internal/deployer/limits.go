package deployer

import "time"

// How long what this machine does itself may take. These are last resorts, as fleet's are.
const (
	openDeadline = 15 * time.Minute // fetching a flake and its inputs
	pushSilence  = 10 * time.Minute // for which a host's store may owe nix an answer
	fetchSilence = 2 * time.Hour    // the same where it may fetch paths first, which it does in silence
)
