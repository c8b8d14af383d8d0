// Command pack makes installable OpenWrt packages of the daemon and of the LuCI
// app, without OpenWrt's SDK: .ipk for opkg (24.10 and before) and .apk for apk
// (25.12 and later).
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	arch := flag.String("arch", "", "architectures as OpenWrt names them, separated by blanks, or all")
	root := flag.String("root", ".", "the checkout")
	out := flag.String("out", "bin/packages", "directory for the packages; those of an architecture get one of its name in it")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "pack: %q is too much\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(*root, *out, *arch); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(root, out, arch string) (err error) {
	chosen, err := choose(arch)
	if err != nil {
		return err
	}
	if root, err = filepath.Abs(root); err != nil {
		return fmt.Errorf("finding the checkout: %w", err)
	}
	daemon, err := describe(root, "openwrt")
	if err != nil {
		return err
	}
	app, err := describe(root, "luci-app-umbrella")
	if err != nil {
		return err
	}
	// They are released together.
	app.Version, app.Release = daemon.Version, daemon.Release
	if err := errors.Join(daemon.check(), app.check()); err != nil {
		return err
	}
	translated, err := translations(root, app)
	if err != nil {
		return err
	}
	when, err := sourceTime(root)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "umbrella-pack-")
	if err != nil {
		return fmt.Errorf("making a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()

	for i, f := range chosen {
		binary := filepath.Join(scratch, strconv.Itoa(i), "umbrellad")
		if err := build(root, f, daemon.Version, binary); err != nil {
			return err
		}
		for _, name := range f.Names {
			dir := filepath.Join(out, name)
			job := job{dir: dir, scratch: filepath.Join(scratch, name), time: when}
			err := job.pack(daemon, name, func(stage string) error {
				return runMake(root, "openwrt", "stage", "DEST="+stage, "DAEMON="+binary)
			})
			if err != nil {
				return err
			}
			err = job.pack(app, app.Arch, func(stage string) error {
				return runMake(root, "luci-app-umbrella", "stage", "DEST="+stage)
			})
			if err != nil {
				return err
			}
			for _, t := range translated {
				if err := job.pack(t.description, app.Arch, t.stage); err != nil {
					return err
				}
			}
			if info, err := os.Stat(binary); err == nil {
				fmt.Printf("%9d bytes  umbrellad, installed, for %s\n", info.Size(), name)
			}
		}
	}
	return nil
}

// job packs for one architecture.
type job struct {
	dir, scratch string
	time         time.Time
}

// pack makes both kinds of package of what stage puts below a directory.
func (j job) pack(d *description, arch string, stage func(dir string) error) error {
	if err := os.MkdirAll(j.dir, 0o755); err != nil {
		return fmt.Errorf("making the directory of the packages: %w", err)
	}
	// A stage for each kind: an .apk holds files that an .ipk does not.
	for _, kind := range []string{"ipk", "apk"} {
		scratch := filepath.Join(j.scratch, d.Name, kind)
		p := &packer{description: d, Arch: arch, Time: j.time, Stage: filepath.Join(scratch, "stage"), Scratch: scratch}
		if err := os.MkdirAll(p.Stage, 0o755); err != nil {
			return fmt.Errorf("making a temporary directory: %w", err)
		}
		if err := stage(p.Stage); err != nil {
			return err
		}
		pack := p.ipk
		if kind == "apk" {
			pack = p.apk
		}
		name, data, err := pack()
		if err != nil {
			return err
		}
		path := filepath.Join(j.dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("writing the package: %w", err)
		}
		fmt.Printf("%9d bytes  %s\n", len(data), path)
	}
	return nil
}

// sourceTime is SOURCE_DATE_EPOCH, or the time of the last commit, or of the
// epoch where there are no commits.
func sourceTime(root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		cmd := exec.Command("git", "log", "-1", "--format=%ct")
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			return time.Unix(0, 0).UTC(), nil
		}
		text = string(bytes.TrimSpace(out))
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %q is not a number of seconds", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
