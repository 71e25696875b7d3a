// Package activate is a deployment as the deployer sees it: it reads a host's
// facts, hands a system to the agent there, follows the agent's events over
// connections that may break, and confirms over one opened after activation.
//
// Run does, in this order:
//
//	start the agent over the connection that pushed the system
//	while there is no last event:
//	    no stream, or one silent for stallAfter: dial anew, attach from the next number
//	    "waiting for confirm": dial anew until the deadline; the first fresh
//	        connection that delivers the token confirms
//	    the operator gives up: ask for an abort, go on following
//
// The host decides every outcome. What the deployer cannot learn in time it
// reports as unknown, never as a guess.
package activate
