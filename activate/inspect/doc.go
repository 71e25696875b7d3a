// Package inspect is what is read from a host for the operator's daily verbs: how it
// stands, whether it is well, its generations, its deployments, and what it is pinned
// to. Each is a function over a run.Runner that makes one round trip, in which a POSIX
// sh script of this package answers with one NAME<TAB>VALUE a line beside the host's
// facts. It needs nothing of flakeops on the host and changes nothing there.
//
// What comes back is the host's word: bounded, read strictly, and data to whoever
// shows it. What a host lacks is empty; what it says that no script of ours says is an
// error. What is to be thought of it is told by pure functions.
package inspect
