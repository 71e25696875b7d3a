// Package architecture holds the tests that keep the project's shape: who may
// import whom, what lies where, and how long a file may grow.
package architecture
