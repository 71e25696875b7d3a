// Package archive is files on their way to hosts and from them: tar, which every host
// has. What comes from a host is the host's word: nothing is written outside the directory
// that it is for, nor through a link, and only files, directories and links are.
package archive
