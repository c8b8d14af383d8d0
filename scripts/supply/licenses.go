// Command supply prints the licences of everything that is in umbrellad: those of
// Umbrella itself, of the Go modules and npm packages that are compiled in, and of Go.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	root := flag.String("root", ".", "the checkout, with the web client's packages installed")
	flag.Parse()
	if err := run(os.Stdout, *root); err != nil {
		fmt.Fprintln(os.Stderr, "supply:", err)
		os.Exit(1)
	}
}

// component is something with a licence of its own.
type component struct {
	name string // with its version
	dir  string
}

func run(w io.Writer, root string) error {
	modules, err := goModules(root)
	if err != nil {
		return err
	}
	packages, err := npmPackages(root)
	if err != nil {
		return err
	}
	all := append(modules, packages...)
	// What is made of others' data has the licence of that data beside it.
	all = append(all, component{"Unicode's table of characters that look alike 13.0.0", filepath.Join(root, "internal/names")})
	return write(w, append(all, component{"Umbrella", root}))
}

// goModules are those of which something is compiled in, for any architecture.
func goModules(root string) ([]component, error) {
	seen := map[string]component{}
	for _, arch := range []string{"amd64", "arm64", "arm", "mipsle"} {
		cmd := exec.Command("go", "list", "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}`, "./cmd/umbrellad")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=", "GOWORK=off")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("listing the Go modules: %w", err)
		}
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); len(f) == 3 {
				seen[f[0]] = component{f[0] + " " + f[1], f[2]}
			}
		}
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("finding Go: %w", err)
	}
	seen["go"] = component{"Go's standard library", strings.TrimSpace(string(out))}
	var list []component
	for _, c := range seen {
		list = append(list, c)
	}
	return list, nil
}

// npmPackages are those that the web client is built of.
func npmPackages(root string) ([]component, error) {
	web := filepath.Join(root, "web")
	text, err := os.ReadFile(filepath.Join(web, "package.json"))
	if err != nil {
		return nil, err
	}
	var manifest struct{ Dependencies map[string]string }
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("web/package.json: %w", err)
	}
	var list []component
	for name, version := range manifest.Dependencies {
		list = append(list, component{"npm " + name + " " + version, filepath.Join(web, "node_modules", name)})
	}
	return list, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// write writes each text once, after the names of those that it is for.
func write(w io.Writer, list []component) error {
	type text struct {
		names []string
		body  string
	}
	texts := map[[sha256.Size]byte]*text{}
	for _, c := range list {
		entries, err := os.ReadDir(c.dir)
		if err != nil {
			return err
		}
		found := false
		for _, e := range entries {
			if e.IsDir() || !licenceFile.MatchString(e.Name()) {
				continue
			}
			b, err := os.ReadFile(filepath.Join(c.dir, e.Name()))
			if err != nil {
				return err
			}
			body := strings.TrimSpace(strings.ReplaceAll(string(b), "\r\n", "\n"))
			key := sha256.Sum256([]byte(body))
			if texts[key] == nil {
				texts[key] = &text{body: body}
			}
			texts[key].names = append(texts[key].names, c.name)
			found = true
		}
		if !found {
			// Some npm packages only name it (https://spdx.org/licenses/).
			body, err := named(c)
			if err != nil {
				return err
			}
			texts[sha256.Sum256([]byte(c.name))] = &text{[]string{c.name}, body}
		}
	}
	if len(texts) == 0 {
		return errors.New("nothing was found")
	}
	var sorted []*text
	for _, t := range texts {
		slices.Sort(t.names)
		sorted = append(sorted, t)
	}
	slices.SortFunc(sorted, func(a, b *text) int {
		return strings.Compare(strings.Join(a.names, "\n")+a.body, strings.Join(b.names, "\n")+b.body)
	})
	rule := strings.Repeat("=", 78)
	fmt.Fprintf(w, "umbrellad is made of these works, under these licences.\n")
	for _, t := range sorted {
		fmt.Fprintf(w, "\n%s\n%s\n%s\n\n%s\n", rule, strings.Join(t.names, "\n"), rule, t.body)
	}
	return nil
}

// named is what an npm package says of a licence whose text it does not have.
func named(c component) (string, error) {
	b, err := os.ReadFile(filepath.Join(c.dir, "package.json"))
	if err != nil {
		return "", fmt.Errorf("%s has no licence in %s", c.name, c.dir)
	}
	var manifest struct{ License string }
	if err := json.Unmarshal(b, &manifest); err != nil || manifest.License == "" {
		return "", fmt.Errorf("%s names no licence", c.name)
	}
	return "Licence (SPDX): " + manifest.License, nil
}
