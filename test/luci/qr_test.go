package luci_test

import (
	"os/exec"
	"strings"
	"testing"
)

// testdata/qr.txt holds texts and their codes ('#' for dark) at level M as
// qrencode draws them, an independent encoder, separated by empty lines.
func TestQRCodesAreThoseOfAnotherEncoder(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node to run the script")
	}
	const script = `
const fs = require('fs');
const qr = new Function('baseclass', fs.readFileSync(process.argv[1], 'utf8'))({ extend: (o) => o });
const grid = qr.encode(process.argv[2]);
process.stdout.write(grid === null ? 'null' : grid.map((row) => row.map((dark) => dark ? '#' : '.').join('')).join('\n'));
`
	encode := func(text string) string {
		out, err := exec.CommandContext(t.Context(), node, "-e", script, resources+"umbrella/qr.js", text).Output()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		return string(out)
	}
	cases := strings.Split(strings.TrimSpace(read(t, "testdata/qr.txt")), "\n\n")
	if len(cases) < 6 {
		t.Errorf("there are only %d codes", len(cases))
	}
	for _, c := range cases {
		text, want, _ := strings.Cut(c, "\n")
		if got := encode(text); got != want {
			t.Errorf("%q: the code is\n%s\nwant\n%s", text, got, want)
		}
	}
	if got := encode(strings.Repeat("x", 667)); got != "null" {
		t.Errorf("a text that is too long has the code\n%s", got)
	}
}
