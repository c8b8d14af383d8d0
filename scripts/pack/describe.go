package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// description is what a package's Makefile says of it.
type description struct {
	Name, Section, Title, Description string
	// Version and Release, such as "1.2.0" and "r1".
	Version, Release    string
	License, Maintainer string
	// Homepage is the address of the project.
	Homepage string
	// Arch is "all" for a package that runs everywhere, else empty.
	Arch    string
	Depends []string
	// User that the package needs, as OpenWrt's USERID; empty if none.
	User string
	// Conffiles are kept when the package is upgraded: files, and directories
	// that end in '/'.
	Conffiles []string
	// PostInstall and PreRemove are what OpenWrt's own scripts are not enough for.
	PostInstall, PreRemove string
}

// Versions that both opkg and apk compare as they are meant (apk-package(5)).
var validVersion = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*(~[0-9a-f]+)?$`)

// describe reads the Makefile in dir, below root.
func describe(root, dir string) (*description, error) {
	info, err := os.MkdirTemp("", "umbrella-pack-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	defer os.RemoveAll(info)
	if err := runMake(root, dir, "describe", "INFO="+info); err != nil {
		return nil, err
	}
	var failed error
	get := func(name string) string {
		text, err := os.ReadFile(filepath.Join(info, name))
		if err != nil {
			failed = fmt.Errorf("reading what %s/Makefile says: %w", dir, err)
		}
		return strings.TrimSpace(string(text))
	}
	d := &description{
		Name: get("name"), Section: get("section"), Title: get("title"), Description: get("description"),
		Version: get("version"), License: get("license"),
		Maintainer: get("maintainer"), Homepage: get("url"),
		Arch: get("arch"), Depends: strings.Fields(get("depends")), User: get("userid"),
		Conffiles:   strings.Fields(get("conffiles")),
		PostInstall: get("postinst"), PreRemove: get("prerm"),
	}
	if release := get("release"); release != "" {
		d.Release = "r" + release
	}
	// What a release fills in.
	if maintainer := os.Getenv("MAINTAINER"); maintainer != "" {
		d.Maintainer = maintainer
	}
	if homepage := os.Getenv("HOMEPAGE"); homepage != "" {
		d.Homepage = homepage
	}
	return d, failed
}

// check says what is missing, or not as the package managers want it.
func (d *description) check() error {
	if !validVersion.MatchString(d.Version) {
		return fmt.Errorf("%s: version %q is not valid: use one such as 1.2.0 or 1.2.0_rc1", d.Name, d.Version)
	}
	if !regexp.MustCompile(`^r[0-9]+$`).MatchString(d.Release) {
		return fmt.Errorf("%s: release %q is not valid: a number", d.Name, strings.TrimPrefix(d.Release, "r"))
	}
	for name, value := range map[string]string{
		"section": d.Section, "title": d.Title, "license": d.License, "maintainer": d.Maintainer, "homepage": d.Homepage,
	} {
		if value == "" || strings.Contains(value, "\n") {
			return fmt.Errorf("%s: the %s has to be one line, and is %q", d.Name, name, value)
		}
	}
	return nil
}

// isConffile says whether a path is one of the files that are kept.
func (d *description) isConffile(path string) bool { return slices.Contains(d.Conffiles, path) }

// runMake runs a target of the Makefile in dir, with stand-ins for OpenWrt's
// build system.
func runMake(root, dir, target string, variables ...string) error {
	sdk := filepath.Join(root, "scripts/pack/sdk")
	args := append([]string{
		"--no-print-directory", "--silent", "-C", filepath.Join(root, dir), target,
		"TOPDIR=" + sdk, "PKG_BUILD_DIR=" + root, "INCLUDE_DIR=" + filepath.Join(sdk, "include"),
	}, variables...)
	cmd := exec.Command("make", args...)
	// What a make above this one would hand down.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "MAKE") || strings.HasPrefix(e, "MFLAGS=")
	})
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s/Makefile, target %s: %w\n%s", dir, target, err, out)
	}
	return nil
}
