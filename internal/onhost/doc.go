// Package onhost is how what runs as root on a host keeps its files: in directories
// that only root can change, each replaced as a whole and durably.
package onhost
