// Command feed turns directories of packages into a signed package feed that any web
// server can serve: opkg (OpenWrt 24.10) and apk (25.12) install from it. It also
// makes the keys.
//
//	feed keys -dir DIRECTORY
//	feed check -dir DIRECTORY
//	feed make -dir FEED -keys DIRECTORY [-url URL] [-root CHECKOUT]
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	err := run(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "feed:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say what to do: feed keys -dir DIRECTORY, feed check -dir DIRECTORY, or feed make -dir FEED -keys DIRECTORY")
	}
	flags := flag.NewFlagSet("feed "+args[0], flag.ContinueOnError)
	dir := flags.String("dir", "", "for keys, where to write them, and for check, where they are; for make, the feed, which has a directory of packages for each architecture")
	root := flags.String("root", ".", "the checkout")
	keys := flags.String("keys", "", "directory of the keys")
	address := flags.String("url", "", "where the feed will be published; its page shows its own address without it")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *dir == "" || flags.NArg() > 0 {
		return fmt.Errorf("feed %s: -dir has to name a directory, and nothing else is expected", args[0])
	}
	switch args[0] {
	case "keys":
		return makeKeys(*dir, *root)
	case "check":
		_, err := loadKeys(*dir, *root)
		return err
	case "make":
		return makeFeed(*dir, *root, *keys, *address)
	}
	return fmt.Errorf("%q is not known: keys, check or make", args[0])
}

// makeFeed writes the indexes of every architecture's packages, the public keys, the
// licences and the page that says how to install.
func makeFeed(dir, root, keyDir, address string) error {
	keys, err := loadKeys(keyDir, root)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the feed: %w", err)
	}
	var arches []architecture
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		arch, err := indexArchitecture(filepath.Join(dir, e.Name()), keys)
		if err != nil {
			return err
		}
		arches = append(arches, *arch)
	}
	if len(arches) == 0 {
		return fmt.Errorf("%s has no directory with packages: run make feed", dir)
	}
	for name, text := range map[string][]byte{opkgKeyName: keys.opkg.public(), apkKeyName: keys.apk.public()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("writing a public key: %w", err)
		}
	}
	// The packages hold neither: flash is small.
	for from, to := range map[string]string{"LICENSE": "LICENSE", "docs/third-party.txt": "third-party.txt"} {
		text, err := os.ReadFile(filepath.Join(root, from))
		if err != nil {
			return fmt.Errorf("reading a licence: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o644); err != nil {
			return fmt.Errorf("writing a licence: %w", err)
		}
	}
	return writePages(dir, address, arches, keys)
}

// architecture is one directory of the feed.
type architecture struct {
	Name, Version string
	// Download and Installed are sizes of the daemon's .ipk, in bytes.
	Download, Installed int64
}

// indexArchitecture writes the indexes for opkg and for apk into a directory.
func indexArchitecture(dir string, keys *keyPair) (*architecture, error) {
	arch := &architecture{Name: filepath.Base(dir)}
	ipks, apks, err := packagesIn(dir)
	if err != nil {
		return nil, err
	}
	if err := indexOpkg(dir, ipks, keys.opkg, arch); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := indexAPK(dir, apks, keys.apk); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if arch.Version == "" {
		return nil, fmt.Errorf("%s has no package %s", dir, daemonName)
	}
	return arch, nil
}

// daemonName is the package whose version and size the page shows.
const daemonName = "umbrella"

// packagesIn returns the names of the packages in a directory, sorted. There are as
// many .ipk as .apk.
func packagesIn(dir string) (ipks, apks []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("reading packages: %w", err)
	}
	for _, e := range entries {
		switch {
		case strings.HasSuffix(e.Name(), ".ipk"):
			ipks = append(ipks, e.Name())
		case strings.HasSuffix(e.Name(), ".apk"):
			apks = append(apks, e.Name())
		}
	}
	if len(ipks) == 0 || len(ipks) != len(apks) {
		return nil, nil, fmt.Errorf("%s has %d .ipk and %d .apk, of which there have to be as many", dir, len(ipks), len(apks))
	}
	slices.Sort(ipks)
	slices.Sort(apks)
	return ipks, apks, nil
}
