// Package memory keeps the process within the memory of a small machine: it
// finds out how much there is, sets the Go runtime's limits by that, and says
// when there is too little left for anyone else to join.
package memory

import (
	"bufio"
	"bytes"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// Area is memory that has an end: the machine's, or that of a cgroup.
type Area struct {
	// Total is its size in bytes; 0 if there is none, or it is not known.
	Total uint64
	// Available can still be had without taking it from somebody, in bytes.
	Available uint64
}

// System reads what the kernel tells of this process's memory.
type System struct {
	// Files is the file system from its root on: os.DirFS("/"). Nothing but
	// /proc and what cgroups are mounted at is read.
	Files fs.FS
}

// Machine is the memory of the machine, by /proc/meminfo (MemTotal and
// MemAvailable). It is the zero Area on a system that has no such file.
func (s System) Machine() Area {
	text, err := fs.ReadFile(s.Files, "proc/meminfo")
	if err != nil {
		return Area{}
	}
	kib := table(text)
	return Area{Total: kib["MemTotal:"] << 10, Available: kib["MemAvailable:"] << 10}
}

// Cgroup is the narrowest cgroup that this process is in: Total is the lowest
// limit on the way from its own cgroup up to the root, and Available what the
// fullest of them has left. It is the zero Area if none has a limit.
//
// Files that cannot be read count as no limit: a jail may hide some of them.
func (s System) Cgroup() Area {
	var narrowest Area
	for _, h := range s.hierarchies() {
		for dir := h.dir; ; dir = path.Dir(dir) {
			if a := s.area(dir, h.files); a.Total > 0 {
				if narrowest.Total == 0 {
					narrowest = a
				}
				narrowest.Total = min(narrowest.Total, a.Total)
				narrowest.Available = min(narrowest.Available, a.Available)
			}
			if dir == h.top {
				break
			}
		}
	}
	return narrowest
}

// controller names the files of a cgroup, in which the two versions differ.
type controller struct{ limit, usage, idle string }

func version1() controller {
	return controller{limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", idle: "total_inactive_file"}
}

func version2() controller {
	return controller{limit: "memory.max", usage: "memory.current", idle: "inactive_file"}
}

// area reads one cgroup.
func (s System) area(dir string, c controller) Area {
	limit, ok := s.number(path.Join(dir, c.limit))
	// Version 1 says "no limit" by the largest number that is whole pages.
	if !ok || limit == 0 || limit > math.MaxInt64/2 {
		return Area{}
	}
	usage, ok := s.number(path.Join(dir, c.usage))
	if !ok {
		return Area{Total: limit, Available: limit}
	}
	// Pages of files that have not been used lately are the first to be given
	// up. Those in use are not counted: our own program is among them.
	if stat, err := fs.ReadFile(s.Files, path.Join(dir, "memory.stat")); err == nil {
		usage -= min(usage, table(stat)[c.idle])
	}
	return Area{Total: limit, Available: limit - min(limit, usage)}
}

// hierarchy is a mounted tree of cgroups, and where in it this process is.
type hierarchy struct {
	files    controller
	top, dir string // paths in System.Files
}

// hierarchies that limit memory. A machine has one of version 2, or one of
// version 1, or one of each of which only one has the memory controller.
func (s System) hierarchies() []hierarchy {
	own, err := fs.ReadFile(s.Files, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	mounts, err := fs.ReadFile(s.Files, "proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var v1, v2 string // this process's cgroup in each
	for line := range strings.Lines(string(own)) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		switch {
		case len(part) < 3:
		case part[0] == "0" && part[1] == "":
			v2 = part[2]
		case lists(part[1], "memory"):
			v1 = part[2]
		}
	}
	var all []hierarchy
	for line := range strings.Lines(string(mounts)) {
		// 35 31 0:32 ROOT MOUNTPOINT OPTIONS [more …] - TYPE SOURCE OPTIONS
		mount, kind, _ := strings.Cut(line, " - ")
		m, k := strings.Fields(mount), strings.Fields(kind)
		if len(m) < 6 || len(k) < 3 {
			continue
		}
		root, point := unescape(m[3]), unescape(m[4])
		switch {
		case k[0] == "cgroup2" && v2 != "":
			all = append(all, locate(version2(), root, point, v2))
		case k[0] == "cgroup" && v1 != "" && lists(k[2], "memory"):
			all = append(all, locate(version1(), root, point, v1))
		}
	}
	return all
}

// locate finds a cgroup below a mount point at which the tree is to be seen
// from root on.
func locate(c controller, root, point, cgroup string) hierarchy {
	top := path.Clean(strings.TrimPrefix(point, "/"))
	h := hierarchy{files: c, top: top, dir: top}
	below, ok := strings.CutPrefix(cgroup, strings.TrimSuffix(root, "/"))
	// What lies outside of what is mounted, as a container may see its own
	// cgroup, is limited by the mount's top, if by anything that can be seen.
	if ok && strings.HasPrefix(below, "/") && !strings.Contains(below, "/..") {
		h.dir = path.Join(top, below)
	}
	return h
}

func (s System) number(name string) (uint64, bool) {
	text, err := fs.ReadFile(s.Files, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil // "max" is no number
}

// table reads lines that begin with a name and a number.
func table(text []byte) map[string]uint64 {
	t := map[string]uint64{}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) >= 2 {
			if n, err := strconv.ParseUint(f[1], 10, 64); err == nil {
				t[f[0]] = n
			}
		}
	}
	return t
}

// lists tells that a word is in a list with commas.
func lists(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// unescape undoes how mountinfo writes blanks, tabs, line ends and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
