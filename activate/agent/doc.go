// Package agent is what runs as root on a host during a deployment. It needs
// nothing from the deployer once it has started, so a deployer that dies, or
// loses its link, cannot leave the host half way.
//
// The verbs, of which the deployer calls the first two:
//
//	start        read a Request, start "run ID" as a transient unit, follow it
//	attach       follow a deployment by its ID; confirm it or abort it
//	run ID       the unit's main process: the state machine below, from its
//	             beginning or from the stage on record
//	recover ID   the unit's ExecStopPost: resume what run left unfinished
//	guard ID     a timer's: the same, when the unit is gone
//
// systemd starts run again until the deployment has an end, so it does not matter
// which of these is killed, nor how often.
//
// The state machine, with the stage that is on record before each step:
//
//	started       take the lock, set the guard; root old, new and the agent; write
//	              the record
//	activating    NEW/bin/switch-to-configuration test
//	              failed, too slow or aborted -> rolling back
//	waiting       until the token comes: accepted or too late is decided here,
//	              once, under a mutex; not confirmed -> rolling back
//	committing    profile := NEW; NEW/bin/switch-to-configuration boot
//	              failed, or somebody has activated another system -> rolling back
//	rolling back  profile and boot loader := OLD when they were touched;
//	              OLD/bin/switch-to-configuration test when it was activating,
//	              unless what runs is somebody else's; failed -> stranded, where
//	              OLD is what boots
//	stranded      until somebody gets in, who decides; nobody -> reboot into OLD
//	finished      outcome to the event log and the record; roots removed
//
// OLD is always the path that ran when the lock was taken, never "the
// generation below". To resume means to go back before committing, and to do the
// commit again from there on. What the record on disk tells the end of is over.
package agent
