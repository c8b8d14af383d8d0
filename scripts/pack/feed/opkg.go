package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// indexOpkg writes Packages, Packages.gz and Packages.sig, which opkg reads. It notes in
// arch what the page shows.
func indexOpkg(dir string, files []string, key *opkgKey, arch *architecture) error {
	var index bytes.Buffer
	for _, file := range files {
		pkg, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return fmt.Errorf("reading a package: %w", err)
		}
		control, err := ipkControl(pkg)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		name, rest, err := cutField(control, "Package")
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		fmt.Fprintf(&index, "Package: %s\n%s\nFilename: %s\nSize: %d\nSHA256sum: %x\n\n",
			name, strings.TrimSpace(rest), file, len(pkg), sha256.Sum256(pkg))
		if name != daemonName {
			continue
		}
		size, _, err := cutField(control, "Installed-Size")
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if arch.Version, _, err = cutField(control, "Version"); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if arch.Installed, err = strconv.ParseInt(size, 10, 64); err != nil {
			return fmt.Errorf("%s: Installed-Size: %w", file, err)
		}
		arch.Download = int64(len(pkg))
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("packing the index: %w", err)
	}
	_, err = w.Write(index.Bytes())
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("packing the index: %w", err)
	}
	for name, text := range map[string][]byte{
		"Packages": index.Bytes(), "Packages.gz": packed.Bytes(), "Packages.sig": key.sign(index.Bytes()),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("writing the index: %w", err)
		}
	}
	return nil
}

// cutField returns the value of a field of one line, and the control file without it.
func cutField(control, name string) (field, rest string, err error) {
	for line := range strings.Lines(control) {
		if value, found := strings.CutPrefix(line, name+": "); found {
			return strings.TrimSpace(value), strings.Replace(control, line, "", 1), nil
		}
	}
	return "", "", fmt.Errorf("there is no %s", name)
}

// ipkControl returns the file control of an .ipk.
func ipkControl(pkg []byte) (string, error) {
	archive, err := member(pkg, "./control.tar.gz")
	if err != nil {
		return "", err
	}
	control, err := member(archive, "./control")
	return string(control), err
}

// member returns a file of a gzipped tar.
func member(archive []byte, name string) ([]byte, error) {
	gz, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	r := tar.NewReader(gz)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("there is no %s in it", name)
		}
		if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		if h.Name != name {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", name, err)
		}
		return text, nil
	}
}
