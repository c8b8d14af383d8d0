// Command gen writes confusables.bin, the characters that look like others (UTS #39),
// from the module github.com/mtibben/confusables, which carries Unicode's data. Lines of
// text, compressed with DEFLATE: all characters with one prototype, a tab, the prototype.
package main

import (
	"bytes"
	"compress/flate"
	"log"
	"maps"
	"os"
	"slices"
	"unicode"

	"github.com/mtibben/confusables"
	"golang.org/x/text/unicode/norm"
)

func main() {
	lines := map[string][]rune{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		// A compatibility form is replaced before the table is asked.
		if r >= 0xd800 && r <= 0xdfff || norm.NFKD.String(string(r)) != string(r) {
			continue
		}
		// What looks like a compatibility form looks like what that stands for.
		p := string(r)
		for before := ""; p != before; {
			before, p = p, norm.NFKD.String(confusables.Skeleton(p))
		}
		if p != string(r) {
			lines[p] = append(lines[p], r)
		}
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range slices.Sorted(maps.Keys(lines)) {
		if _, err := w.Write([]byte(string(lines[p]) + "\t" + p + "\n")); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("confusables.bin", b.Bytes(), 0o600); err != nil {
		log.Fatal(err)
	}
}
