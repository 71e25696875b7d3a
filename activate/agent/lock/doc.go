// Package lock keeps apart who changes a host: two deployments, and a deployment and
// switch-to-configuration that somebody runs by hand.
package lock
