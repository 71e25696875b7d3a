package document

import "flakeops/internal/archive"

// CopiedNote is how much was copied.
func CopiedNote(c archive.Count) string { return Count(c.Files, "file", size(c.Bytes)) }
