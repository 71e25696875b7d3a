package fleet

import "time"

// How long each step may take. These are last resorts: nix, ssh and the agent
// have shorter limits of their own for a peer that does not answer. An
// activation's limits are the node's settings. Who works with the engine's parts goes by
// those that are exported.
const (
	EvaluateDeadline = 2 * time.Hour    // all nodes
	buildDeadline    = 24 * time.Hour   // one running nix, or one node on its host
	DialDeadline     = 5 * time.Minute  // a host with its alternates; a person may have to answer
	factsDeadline    = time.Minute      // one round trip
	pushDeadline     = 12 * time.Hour   // one host
	StoreDeadline    = 5 * time.Minute  // one small thing asked of the local store
	keysDeadline     = time.Hour        // one node's sources, which may ask a person; one host's message
	unitsDeadline    = 3 * time.Minute  // a host's units after a boot
	surveyDeadline   = 5 * time.Minute  // what one host, or the local store, says of two systems
	verifyDeadline   = 6 * time.Hour    // one host's whole store
	collectDeadline  = 3 * time.Hour    // one host's garbage collection
	dryDeadline      = 10 * time.Minute // one dry activation
)
