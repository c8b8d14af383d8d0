package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/apk"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/goreleaser/nfpm/v2/ipk"
)

// packer makes the packages of one staged directory.
type packer struct {
	*description
	// Stage is the directory with the package's files as they are to lie on the
	// device. Of what packs, more is put there.
	Stage string
	// Scratch is a directory for what is needed on the way.
	Scratch string
	// Arch is what opkg calls the architecture.
	Arch string
	// Time of everything inside, so that the same sources give the same package.
	Time time.Time
}

// ipk makes the package for opkg and returns it with its file name.
func (p *packer) ipk() (string, []byte, error) {
	if err := p.addKeep(); err != nil {
		return "", nil, err
	}
	info, err := p.info(p.ipkScripts())
	if err != nil {
		return "", nil, err
	}
	info.IPK.Arch = p.Arch
	info.IPK.Fields = map[string]string{
		"Require-User":    p.User,
		"SourceDateEpoch": fmt.Sprint(p.Time.Unix()),
	}
	info.Scripts.PostInstall, info.Scripts.PreRemove = p.script("postinst"), p.script("prerm")
	var out bytes.Buffer
	if err := ipk.Default.Package(info, &out); err != nil {
		return "", nil, fmt.Errorf("%s: packing the .ipk: %w", p.Name, err)
	}
	finished, err := finishIPK(out.Bytes())
	if err != nil {
		return "", nil, fmt.Errorf("%s: finishing the .ipk: %w", p.Name, err)
	}
	return fmt.Sprintf("%s_%s-%s_%s.ipk", p.Name, p.Version, p.Release, p.Arch), finished, nil
}

// apk makes the package for apk and returns it with its file name. It is of apk's
// second format, which OpenWrt's apk-tools 3 installs as well.
func (p *packer) apk() (string, []byte, error) {
	if err := p.addKeep(); err != nil {
		return "", nil, err
	}
	if err := p.addLists(); err != nil {
		return "", nil, err
	}
	info, err := p.info(p.apkScripts())
	if err != nil {
		return "", nil, err
	}
	info.APK.Arch = p.Arch
	if p.Arch == "all" {
		info.APK.Arch = "noarch"
	}
	info.Scripts.PostInstall, info.Scripts.PreRemove = p.script("post-install"), p.script("pre-deinstall")
	info.APK.Scripts.PostUpgrade = p.script("post-upgrade")
	var out bytes.Buffer
	if err := apk.Default.Package(info, &out); err != nil {
		return "", nil, fmt.Errorf("%s: packing the .apk: %w", p.Name, err)
	}
	finished, err := finishAPK(out.Bytes())
	if err != nil {
		return "", nil, fmt.Errorf("%s: finishing the .apk: %w", p.Name, err)
	}
	return fmt.Sprintf("%s-%s-%s.apk", p.Name, p.Version, p.Release), finished, nil
}

func (p *packer) script(name string) string { return filepath.Join(p.Scratch, "scripts", name) }

// info is what both kinds have in common. It writes the scripts.
func (p *packer) info(scripts map[string]string) (*nfpm.Info, error) {
	if err := writeScripts(filepath.Join(p.Scratch, "scripts"), scripts, p.Time); err != nil {
		return nil, err
	}
	contents, err := p.contents()
	if err != nil {
		return nil, err
	}
	return nfpm.WithDefaults(&nfpm.Info{
		Name: p.Name, Arch: p.Arch, Platform: "linux",
		Version: p.Version, VersionSchema: "none", Release: p.Release,
		Section: p.Section, License: p.License, Maintainer: p.Maintainer, Homepage: p.Homepage,
		// On one line: to apk, a second one would be something else.
		Description: strings.Join(strings.Fields(p.Description), " "),
		MTime:       p.Time,
		Overridables: nfpm.Overridables{
			Depends:  p.Depends,
			Contents: contents,
		},
	}), nil
}

// contents are the staged files, with the owner that they have on the device.
func (p *packer) contents() (files.Contents, error) {
	var all files.Contents
	err := filepath.WalkDir(p.Stage, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a regular file", path)
		}
		c := &files.Content{
			Source: path, Destination: strings.TrimPrefix(path, p.Stage), Type: files.TypeFile,
			FileInfo: &files.ContentFileInfo{
				Owner: "root", Group: "root", Mode: info.Mode().Perm(), MTime: p.Time, Size: info.Size(),
			},
		}
		if p.isConffile(c.Destination) {
			c.Type = files.TypeConfigNoReplace
		}
		all = append(all, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: listing files: %w", p.Name, err)
	}
	return all, nil
}

// addKeep names what sysupgrade keeps and is no file of the package.
func (p *packer) addKeep() error {
	keep := slices.DeleteFunc(slices.Clone(p.Conffiles), func(path string) bool {
		_, err := os.Stat(filepath.Join(p.Stage, path))
		return err == nil && !strings.HasSuffix(path, "/")
	})
	if len(keep) == 0 {
		return nil
	}
	return p.add("/lib/upgrade/keep.d/"+p.Name, strings.Join(keep, "\n")+"\n")
}

// addLists adds what OpenWrt's functions and sysupgrade look for where apk is the
// package manager, since what they want is not in apk's own database.
func (p *packer) addLists() error {
	lists := "/lib/apk/packages/" + p.Name
	if p.User != "" {
		if err := p.add(lists+".rusers", p.User+"\n"); err != nil {
			return err
		}
	}
	contents, err := p.contents()
	if err != nil {
		return err
	}
	var names, static []string
	for _, c := range contents {
		names = append(names, c.Destination)
		if !p.isConffile(c.Destination) {
			continue
		}
		text, err := os.ReadFile(c.Source)
		if err != nil {
			return fmt.Errorf("%s: reading a conffile: %w", p.Name, err)
		}
		static = append(static, fmt.Sprintf("%s %x", c.Destination, sha256.Sum256(text)))
	}
	slices.Sort(names)
	if err := p.add(lists+".list", strings.Join(names, "\n")+"\n"); err != nil || len(p.Conffiles) == 0 {
		return err
	}
	if err := p.add(lists+".conffiles", strings.Join(p.Conffiles, "\n")+"\n"); err != nil {
		return err
	}
	return p.add(lists+".conffiles_static", strings.Join(static, "\n")+"\n")
}

// add puts one more file into the stage.
func (p *packer) add(path, text string) error {
	path = filepath.Join(p.Stage, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("%s: adding a file: %w", p.Name, err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("%s: adding a file: %w", p.Name, err)
	}
	return nil
}
