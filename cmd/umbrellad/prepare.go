package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"umbrella/internal/prepare"
	"umbrella/internal/usage"
)

// prepareFlags are those of the command prepare.
type prepareFlags struct {
	root, owner, again, probe string
}

func (p *prepareFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&p.root, "root", "", "")
	flags.StringVar(&p.owner, "owner", "umbrella", "")
	flags.StringVar(&p.again, "again", "", "")
	flags.StringVar(&p.probe, "probe", "", "")
}

// runPrepare prepares the start of the node for the init script of OpenWrt, which
// evaluates what it prints.
func runPrepare(in *invocation) int {
	p := in.prepare
	if p.probe != "" {
		if err := prepare.Probe(p.probe); err != nil {
			fmt.Fprintln(in.out, err)
			return usage.Failure
		}
		return usage.OK
	}
	owner, err := findOwner(p.owner)
	if err != nil {
		prepare.Say(in.out, "err", err.Error())
		return usage.Failure
	}
	job := &prepare.Job{
		Root: p.root, Owner: owner, Again: prepare.Step(p.again), Node: prepare.Bus{}, Out: in.out,
		Probe: func(dir string) error { return probeAs(owner, dir) },
	}
	return job.Do()
}

func findOwner(name string) (prepare.Owner, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return prepare.Owner{}, fmt.Errorf("there is no user %s, which the package makes: install it again", name)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return prepare.Owner{Name: name, UID: uid, GID: gid}, errors.Join(err1, err2)
}

// probeAs has another process, which is the owner's, look whether it can use a
// directory: root may write where others may not, such as to what a file system keeps
// for it when it is full.
func probeAs(owner prepare.Owner, dir string) error {
	cmd := exec.Command("/proc/self/exe", "prepare", "-probe", dir)
	cmd.Dir, cmd.Env = "/", []string{}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(owner.UID), Gid: uint32(owner.GID)}}
	}
	out, err := cmd.Output()
	if text := strings.TrimSpace(string(out)); err != nil && text != "" {
		return errors.New(text)
	}
	return err
}
