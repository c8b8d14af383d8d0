package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha1" //nolint:gosec // apk knows a package of its second format by no other
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The fields of a package in an index, as apk numbers them (apk-tools, src/apk_adb.h).
const (
	pkgName          = 0x01
	pkgVersion       = 0x02
	pkgHash          = 0x03
	pkgDescription   = 0x04
	pkgArch          = 0x05
	pkgLicense       = 0x06
	pkgMaintainer    = 0x08
	pkgURL           = 0x09
	pkgInstalledSize = 0x0c
	pkgFileSize      = 0x0d
	pkgDepends       = 0x0f
)

// The packages are the second of an index' fields; its schema is "indx".
const (
	indexPackages = 0x02
	indexSchema   = 0x78646e69
)

// indexAPK writes packages.adb, which apk reads.
func indexAPK(dir string, names []string, key *apkKey) error {
	var packages []apkInfo
	for _, name := range names {
		pkg, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("reading a package: %w", err)
		}
		info, err := readAPK(pkg)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		// apk makes the name of the file of the two.
		if want := info.get("pkgname") + "-" + info.get("pkgver") + ".apk"; name != want {
			return fmt.Errorf("%s has to be called %s", name, want)
		}
		packages = append(packages, *info)
	}
	slices.SortFunc(packages, func(a, b apkInfo) int { return cmp.Compare(a.get("pkgname"), b.get("pkgname")) })

	db := newADB()
	var list []value
	for _, p := range packages {
		v, err := p.write(db)
		if err != nil {
			return fmt.Errorf("%s: %w", p.get("pkgname"), err)
		}
		list = append(list, v)
	}
	root := db.object(map[int]value{indexPackages: db.array(list)})
	text, err := db.file(indexSchema, root, key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "packages.adb"), text, 0o644); err != nil {
		return fmt.Errorf("writing the index: %w", err)
	}
	return nil
}

// apkInfo is what an .apk says of itself.
type apkInfo struct {
	// fields of .PKGINFO, which may be there several times.
	fields map[string][]string
	// hash is the SHA-1 of the control part, which has the SHA-256 of the data.
	hash [sha1.Size]byte
	size int
}

func (p *apkInfo) get(name string) string { return strings.Join(p.fields[name], " ") }

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9._+-]*$`)

// write writes the package into an index.
func (p *apkInfo) write(db *adb) (value, error) {
	fields := map[int]value{pkgHash: db.blob(p.hash[:]), pkgFileSize: db.number(uint64(p.size))}
	// In an order, so that the same package gives the same bytes.
	for _, f := range []struct {
		at   int
		name string
	}{
		{pkgName, "pkgname"}, {pkgVersion, "pkgver"}, {pkgDescription, "pkgdesc"}, {pkgArch, "arch"},
		{pkgLicense, "license"}, {pkgMaintainer, "maintainer"}, {pkgURL, "url"},
	} {
		fields[f.at] = db.blob([]byte(p.get(f.name)))
	}
	size, err := strconv.ParseUint(p.get("size"), 10, 64)
	if err != nil {
		return null, fmt.Errorf("size: %w", err)
	}
	fields[pkgInstalledSize] = db.number(size)
	var depends []value
	names := slices.Clone(p.fields["depend"])
	slices.Sort(names)
	for _, name := range names {
		if !plainName.MatchString(name) {
			return null, fmt.Errorf("the dependency %q is not a name alone, and others cannot be written", name)
		}
		depends = append(depends, db.object(map[int]value{1: db.blob([]byte(name))}))
	}
	fields[pkgDepends] = db.array(depends)
	return db.object(fields), nil
}

// readAPK reads an .apk of apk's second format: a gzip file with the control part,
// and one with the data.
func readAPK(pkg []byte) (*apkInfo, error) {
	rest := bufio.NewReader(bytes.NewReader(pkg))
	gz, err := gzip.NewReader(rest)
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	gz.Multistream(false)
	if _, err := io.Copy(io.Discard, gz); err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	data, err := io.ReadAll(rest)
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	control := pkg[:len(pkg)-len(data)]
	text, err := member(control, ".PKGINFO")
	if err != nil {
		return nil, err
	}
	info := &apkInfo{fields: map[string][]string{}, hash: sha1.Sum(control), size: len(pkg)}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), " = "); found && !strings.HasPrefix(name, "#") {
			info.fields[name] = append(info.fields[name], value)
		}
	}
	return info, nil
}
