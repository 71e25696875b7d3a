// Package garbage takes old generations from a host, and what only they needed.
package garbage
