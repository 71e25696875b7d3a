// Package message is what the deployer and the agent say to each other about
// keys: one framed message to the host and one line back.
//
// The frame, all integers big-endian:
//
//	"flakeops-keys 1\n"
//	4 bytes: length of the header
//	the header: JSON, without any value
//	the values, one after the other, in the order of the header
//	32 bytes: SHA-256 of everything before
//
// A message is used only when all of it has arrived and its digests hold, so
// one that was cut short or garbled on its way is the same as none.
package message

import (
	"crypto/sha256"
	"io/fs"
	"path"
)

// Version is that of the frame, the header and the reply.
const Version = 1

// Limits of a message. The decoder checks each before it allocates anything.
const (
	MaxKeys  = 1000     // keys of one host
	MaxValue = 16 << 20 // bytes of one value
	MaxTotal = 64 << 20 // bytes of all values together
)

// Mode says what the host is to do.
type Mode string

// The modes of a message.
const (
	// Pre adds and changes keys before an activation. A user or group that
	// does not exist yet is allowed: until a Full message its key keeps the
	// owner that it has, or belongs to root when it is written. Nothing is
	// removed, and what uses the keys is restarted by the next Full message.
	Pre Mode = "pre"
	// Full makes the host's keys those of the message: owners must exist, keys
	// that an earlier message installed and that are not in this one are
	// removed, and the units that use what changed are restarted, those of an
	// earlier message too whose restart did not come or failed.
	Full Mode = "full"
	// Check compares and changes nothing. Values do not travel.
	Check Mode = "check"
)

// Message is all that a host is told.
type Message struct {
	Mode Mode
	Keys []Key
}

// Key is one file on the host. Name is unique in a message, as the units of a
// key are named after it.
type Key struct {
	Name         string
	Dir          string // absolute and clean
	User         string // name or number
	Group        string // name or number
	Mode         fs.FileMode
	Persistent   bool     // the directory may be on a disk
	RestartUnits []string // restarted when the key changed; Full only
	Value        Secret
	// Digest is Value's, and is computed when the message is encoded. In a
	// Check message it may be nil, which leaves the content out of the
	// comparison; when that is decoded there is a digest but no value.
	Digest *Digest
}

// Digest identifies a value.
type Digest struct {
	Size   int64 // bytes
	SHA256 [sha256.Size]byte
}

// DigestOf computes the digest of a value.
func DigestOf(value []byte) *Digest {
	return &Digest{Size: int64(len(value)), SHA256: sha256.Sum256(value)}
}

// Path is where the key is on the host.
func (k Key) Path() string { return path.Join(k.Dir, k.Name) }

// State is how a key on the host compares with the one in the message.
type State string

// The states of a key.
const (
	Present   State = "present"   // content, owner and mode are as declared
	Missing   State = "missing"   // there is none
	Different State = "different" // content, owner, mode or kind of file differ
)

// Reply is what the host answers, in one line of JSON. It never holds a value
// or a digest. Keys are named by Key.Name.
type Reply struct {
	Version   int              `json:"version"`
	Changed   []string         `json:"changed,omitempty"`   // written, deferred ones included
	Unchanged []string         `json:"unchanged,omitempty"` // not touched
	Removed   []string         `json:"removed,omitempty"`   // paths of keys that are no longer declared
	Deferred  []string         `json:"deferred,omitempty"`  // root's for now: their owner does not exist yet
	States    map[string]State `json:"states,omitempty"`    // Check only
	Restarted []string         `json:"restarted,omitempty"` // units whose restart was asked for
	// Busy says that Error is about who is changing the host.
	Busy bool `json:"busy,omitempty"`
	// Error says why the host did not do what it was told. With Changed or
	// Removed empty, its keys are what they were before; else the keys are
	// installed, and only what comes after failed.
	Error string `json:"error,omitempty"`
}
