// Command manual writes what package usage says of the command line, as a manual page, a
// document and a completion for bash: docs/umbrellad.8, docs/commands.md and
// docs/umbrellad.bash. They are in the release tarball and the container image; a router's
// flash is spared them.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	docs := flag.String("docs", "docs", "the directory to write to")
	flag.Parse()
	for name, text := range files() {
		if err := os.WriteFile(filepath.Join(*docs, name), []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "manual:", err)
			os.Exit(1)
		}
	}
}

// files are the texts by the names of their files.
func files() map[string]string {
	return map[string]string{"umbrellad.8": page(), "commands.md": document(), "umbrellad.bash": completion()}
}
