// Package document is what verbs answer with, on stdout: as JSON, whose fields are
// part of the interface, and as the text that says the same to people. A verb's
// answer is in the file of its name.
package document

// Version is the version field of every JSON answer.
const Version = 1
