package openwrt

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// file is a file in a package.
type file struct {
	mode  fs.FileMode
	owner string
	text  []byte
}

// archive is what a gzipped tar holds, by the names that are in it, and the order
// of these.
type archive struct {
	files map[string]file
	order []string
}

// untar reads gzipped tars one after the other: an .apk is several.
func untar(t *testing.T, data []byte) archive {
	t.Helper()
	a := archive{files: map[string]file{}}
	gz, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return a
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := a.files[h.Name]; twice {
			t.Errorf("%s is there twice", h.Name)
		}
		a.order = append(a.order, h.Name)
		a.files[h.Name] = file{h.FileInfo().Mode(), h.Uname + ":" + h.Gname, text}
	}
}

// text of a file, which has to be there.
func (a archive) text(t *testing.T, name string) string {
	t.Helper()
	f, ok := a.files[name]
	if !ok {
		t.Fatalf("no %s; there are %q", name, a.order)
	}
	return string(f.text)
}

// below returns the files and directories of the device's file system, by their
// paths there. In the archive their names begin with prefix.
func (a archive) below(prefix string) map[string]file {
	files := map[string]file{}
	for name, f := range a.files {
		if path, ok := strings.CutPrefix(name, prefix); ok && !strings.HasPrefix(path, ".") {
			files["/"+path] = f
		}
	}
	return files
}

// fields reads "Name: value" lines with the separator as it is there.
func fields(t *testing.T, text, separator string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), separator)
		if !ok || value == "" {
			t.Errorf("%q is not a field with a value", line)
		}
		all[name] = append(all[name], value)
	}
	return all
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
