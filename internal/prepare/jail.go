package prepare

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
)

// makeJail makes the /etc that the node sees in its jail, with places for what the init
// script has mounted below it. Nothing is removed that a node which runs may have
// mounted: that would take it away.
func (j *Job) makeJail(stateDir string) error {
	// ujail mounts passwd, group and, with glibc, nsswitch.conf by itself where there is
	// a user, and cannot make places in what is read-only.
	dirs := []string{"etc/ssl/certs"}
	if strings.HasPrefix(stateDir, "/etc/") {
		dirs = append(dirs, stateDir[1:])
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(j.path(dir), 0o755); err != nil {
			return err
		}
	}
	for _, place := range []string{"passwd", "group", "nsswitch.conf"} {
		f, err := os.OpenFile(j.path("etc/"+place), os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		_ = f.Close()
	}
	// A copy: a file that is mounted stays the old one once another takes its place, as
	// `sed -i` and editors do it.
	hosts, _ := os.ReadFile(j.Root + "/etc/hosts")
	if err := j.put("etc/hosts", string(hosts)); err != nil {
		return err
	}
	if err := j.resolver(); err != nil {
		return err
	}
	return filepath.WalkDir(j.path("etc"), func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return j.chown(path)
	})
}

// resolver makes the node ask the name servers that the machine asks: those that netifd
// writes anew with each lease, in a directory that is mounted; or what dnsmasq wrote,
// which says that it is the one, and behind it those of the uplinks, which the node asks
// as soon as dnsmasq is stopped.
func (j *Job) resolver() error {
	link, target := j.path("etc/resolv.conf"), j.path("resolv.conf")
	if to, err := os.Readlink(link); err != nil || to != target {
		if err := j.link(target, "etc/resolv.conf"); err != nil {
			return err
		}
	}
	leases := j.Root + "/tmp/resolv.conf.d"
	if err := os.MkdirAll(leases, 0o755); err != nil {
		return err
	}
	present := j.Root + "/etc/resolv.conf"
	resolved, err := filepath.EvalSymlinks(present)
	if err != nil { // there may be no lease yet
		if resolved, err = os.Readlink(present); err != nil {
			return nil
		}
	}
	if strings.HasPrefix(resolved, leases+"/") {
		return j.link(resolved, "resolv.conf")
	}
	text, err := os.ReadFile(resolved)
	if err != nil {
		return nil
	}
	return j.put("resolv.conf", string(text)+nameServers(leases+"/resolv.conf.auto"))
}

// nameServers returns the lines of a resolv.conf that name servers.
func nameServers(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var kept strings.Builder
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "nameserver") {
			kept.WriteString(lines.Text() + "\n")
		}
	}
	return kept.String()
}

// link puts a symbolic link in the place of a file of Run, if it is not there.
func (j *Job) link(target, name string) error {
	if to, err := os.Readlink(j.path(name)); err == nil && to == target {
		return nil
	}
	temporary := j.path(".link")
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, j.path(name))
}
