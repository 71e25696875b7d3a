// Package closure compares what two systems consist of: the store paths that
// each needs at run time, and the packages that those paths' names tell of.
package closure
