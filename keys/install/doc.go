// Package install puts keys in their place on a host, as root: all of a
// message or nothing of it, and never through a link that somebody planted.
//
//	read the message whole and verify it         nothing is touched before
//	take the lock; give up if somebody is changing the host
//	finish what an earlier call left
//	resolve owners, open directories, compare    nothing is written before
//	journal "writing": the names to come
//	write every new value under a temporary name: owner, mode, then content
//	journal "committing"
//	link each old file to a second name          so that it can come back
//	rename every new file to its place, the removed ones out of it
//	drop the old files; write the manifest and which keys changed; drop the journal
//	restart what uses the changed keys, this message's and earlier ones'
//
// A step that fails before the last renaming is done has all before it taken
// back, under the journal's state "undoing". A process that dies leaves the
// journal, and the next call goes on from it: what was being written is dropped,
// what was being committed is completed, what was being undone is undone.
//
// Directories are opened component by component, and each has to be one that
// only root can replace. Then nobody else can change what a name in them means
// between two steps.
package install
