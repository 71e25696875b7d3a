package fleet

import "time"

// Event is one thing that happened in a run.
type Event struct {
	Time        time.Time
	Node        string // "" for a derivation that several nodes share
	Step        Step   // "" where the node ended
	Kind        Kind
	Done, Total int    // of Pushing's Progress: store paths
	Derivation  string // of Building: store path of what is built, or wrote a line
	Text        string // of Log and Output: a line; of Executing's Output: bytes as they came; of Activating's Progress: the agent's own word for where it is
	Stderr      bool   // of Executing's Output: it wrote that to stderr
	Result      Result // of Ended
}

// Kind says what an event tells.
type Kind string

// The kinds of events.
const (
	Began     Kind = "began"     // the node takes the step
	Progress  Kind = "progress"  // the step has got somewhere
	Log       Kind = "log"       // a line of a build's log
	Output    Kind = "output"    // a line that nix, an activation or the agent printed
	Completed Kind = "completed" // the step is done, and the next one waits for something
	Ended     Kind = "ended"     // the node ended
)

// Step is what a node is at.
type Step string

// The steps, about in the order in which a node takes them.
const (
	Evaluating    Step = "evaluate"
	Building      Step = "build"
	Connecting    Step = "connect"
	Asking        Step = "ask"
	ReadingKeys   Step = "read-keys"
	Comparing     Step = "compare"
	Pushing       Step = "push"
	BuildingThere Step = "build-on-host"
	DryActivating Step = "dry-activate"
	CheckingKeys  Step = "check-keys"
	SendingKeys   Step = "send-keys"
	Activating    Step = "activate"
	TakingBack    Step = "take-back"
	Rebooting     Step = "reboot"
	AwaitingBoot  Step = "await-boot"
	AwaitingUnits Step = "await-units"
	Executing     Step = "exec"
	Copying       Step = "copy"
	Collecting    Step = "collect-garbage"
)

// tell tells of a node.
func (n *Node) tell(e Event) {
	e.Node = n.Name
	n.run.tell(e)
}

func (n *Node) began(s Step) { n.tell(Event{Step: s, Kind: Began}) }

func (r *Run) tell(e Event) {
	e.Time = time.Now()
	r.Tell(e)
}
