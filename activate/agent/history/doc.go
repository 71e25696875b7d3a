// Package history is what a host keeps of its deployments: the events of each while it
// runs, and the record of every start and every end.
package history
