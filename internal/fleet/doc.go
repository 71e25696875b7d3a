// Package fleet is the engine: it takes the nodes of a flake to their hosts.
//
// A Node is a handful of values, each computed when it is first asked for and
// remembered: its settings and system, the system built, its host, the host's
// facts, its keys. A verb is a short function that asks for what it needs, and is
// done with each node by Run.Each, which returns when all are through: that is the
// barrier. Streaming follows by itself:
//
//	evaluate --+--> reach (dial, facts) --+
//	           |                          +--> push --> | --> activate
//	           +--> build (gathered) -----+          barrier
//
// A host is dialled while other nodes are evaluated, a build starts when its node
// is evaluated, and a push when its build ends. No host is activated before every
// node that is to be is pushed. The first failure holds all other nodes at their
// next step; with KeepGoing a failed node only drops out itself.
//
// What happens is told as it does, in Events; what they are called is the
// listener's business.
package fleet
