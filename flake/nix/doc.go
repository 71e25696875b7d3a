// Package nix calls the nix programs of this machine, and reads what they write: their
// options, the log in which they tell what happens, and their errors, shortened to what
// went wrong.
package nix
