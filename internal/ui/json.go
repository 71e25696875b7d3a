package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// JSON writes v to stdout as one indented document when results are one, and
// nothing otherwise.
func (u *UI) JSON(v any) error {
	if u.form != JSON {
		return nil
	}
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encoding results: %w", err)
	}
	if _, err := fmt.Fprint(u.stdout, cleanJSON(doc.Bytes())); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// cleanJSON cleans every line of every text in a document, so that one who
// decodes it may show what is in it. Of the rest nothing changes.
func cleanJSON(doc []byte) string {
	var b strings.Builder
	b.Grow(len(doc))
	for len(doc) > 0 {
		begin := bytes.IndexByte(doc, '"')
		if begin < 0 {
			break
		}
		end := begin + literal(doc[begin:])
		b.Write(doc[:begin])
		b.Write(cleanLiteral(doc[begin:end]))
		doc = doc[end:]
	}
	b.Write(doc)
	return b.String()
}

// literal is the length of the JSON string that s begins with.
func literal(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

func cleanLiteral(quoted []byte) []byte {
	var text string
	if isClean(string(quoted)) && !bytes.Contains(quoted, []byte{'\\'}) || json.Unmarshal(quoted, &text) != nil {
		return quoted
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = Clean(l)
	}
	var again bytes.Buffer
	enc := json.NewEncoder(&again)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(strings.Join(lines, "\n")); err != nil {
		return quoted
	}
	return bytes.TrimRight(again.Bytes(), "\n")
}
