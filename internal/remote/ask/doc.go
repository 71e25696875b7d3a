// Package ask is the operator, as connections see one: asked one question at a
// time, remembered, and not counted against a host's ConnectTimeout.
package ask
