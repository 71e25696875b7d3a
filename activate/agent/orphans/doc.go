// Package orphans ends what an activation leaves behind in the background.
package orphans
