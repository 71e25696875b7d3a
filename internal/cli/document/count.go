package document

import "fmt"

// Count says how many there are of what, and how: "2 keys changed".
func Count(n int, what, how string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s %s", n, what, how)
}
