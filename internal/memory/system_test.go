package memory

import (
	"io/fs"
	"maps"
	"os"
	"runtime"
	"testing"
	"testing/fstest"
)

// What kernels say, shortened to the lines that matter and some that must not.
const (
	// An access point with 128 MB.
	apMeminfo = `MemTotal:         121604 kB
MemFree:           30128 kB
MemAvailable:      41832 kB
Buffers:               0 kB
Cached:            19144 kB
SwapCached:            0 kB
HugePages_Total:       0
`
	apMounts = `14 12 0:13 / /proc rw,nosuid,nodev,noexec,noatime - proc proc rw
15 12 0:14 / /sys rw,nosuid,nodev,noexec,noatime - sysfs sysfs rw
16 15 0:15 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 rw,nsdelegate
17 12 0:16 / /tmp rw,nosuid,nodev,noatime - tmpfs tmpfs rw
`
	apCgroup = "0::/services/umbrella/instance1\n"
	v2Stat   = `anon 25395200
file 18350080
kernel 2949120
sock 12288
shmem 0
inactive_anon 25391104
active_anon 4096
inactive_file 10485760
active_file 7864320
`
	// systemd in its hybrid set-up: the memory controller is in version 1.
	hybridMounts = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:15 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:16 master:2 - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	hybridCgroup = `9:name=systemd:/system.slice/umbrella.service
4:memory:/system.slice/umbrella.service
2:cpuacct,cpu:/system.slice
0::/system.slice/umbrella.service
`
	v1Stat = `cache 4096
rss 20971520
inactive_file 4096
hierarchical_memory_limit 134217728
total_cache 12582912
total_inactive_file 8388608
total_active_file 4194304
`
	v1Unlimited = "9223372036854771712\n"
)

func files(of ...map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for _, o := range of {
		for name, text := range o {
			m[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return m
}

func TestSystem(t *testing.T) {
	ap := map[string]string{
		"proc/meminfo": apMeminfo, "proc/self/mountinfo": apMounts, "proc/self/cgroup": apCgroup,
		"sys/fs/cgroup/services/umbrella/instance1/memory.max":     "max\n",
		"sys/fs/cgroup/services/umbrella/instance1/memory.current": "46706688\n",
		"sys/fs/cgroup/services/umbrella/memory.max":               "max\n",
		"sys/fs/cgroup/services/memory.max":                        "max\n",
	}
	hybrid := map[string]string{
		"proc/self/mountinfo": hybridMounts, "proc/self/cgroup": hybridCgroup,
		"sys/fs/cgroup/memory/memory.limit_in_bytes":                                    v1Unlimited,
		"sys/fs/cgroup/memory/memory.usage_in_bytes":                                    "930000896\n",
		"sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes":                       v1Unlimited,
		"sys/fs/cgroup/memory/system.slice/umbrella.service/memory.limit_in_bytes":      "134217728\n",
		"sys/fs/cgroup/memory/system.slice/umbrella.service/memory.usage_in_bytes":      "41943040\n",
		"sys/fs/cgroup/memory/system.slice/umbrella.service/memory.stat":                v1Stat,
		"sys/fs/cgroup/memory/system.slice/umbrella.service/memory.kmem.limit_in_bytes": "1\n",
	}
	apMachine := Area{Total: 121604 << 10, Available: 41832 << 10}
	for name, test := range map[string]struct {
		files           fs.FS
		machine, cgroup Area
	}{
		"nothing is known": {files: files()},
		"an access point, no limit": {
			files: files(ap), machine: apMachine,
		},
		"a limit of its own": {
			files: files(ap, map[string]string{
				"sys/fs/cgroup/services/umbrella/instance1/memory.max":  "67108864\n",
				"sys/fs/cgroup/services/umbrella/instance1/memory.stat": v2Stat,
			}),
			machine: apMachine,
			// What is not in use lately counts as available.
			cgroup: Area{Total: 64 << 20, Available: 64<<20 - 46706688 + 10485760},
		},
		"a limit of all services, nearly full": {
			files: files(ap, map[string]string{
				"sys/fs/cgroup/services/umbrella/instance1/memory.max": "67108864\n",
				"sys/fs/cgroup/services/memory.max":                    "83886080\n",
				"sys/fs/cgroup/services/memory.current":                "83000000\n",
			}),
			machine: apMachine,
			cgroup:  Area{Total: 64 << 20, Available: 886080},
		},
		"over the limit": {
			files: files(ap, map[string]string{
				"sys/fs/cgroup/services/umbrella/instance1/memory.max": "33554432\n",
			}),
			machine: apMachine,
			cgroup:  Area{Total: 32 << 20},
		},
		"a container that sees its own cgroup as the root": {
			files: files(map[string]string{
				"proc/self/cgroup":             "0::/\n",
				"proc/self/mountinfo":          "612 611 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n",
				"sys/fs/cgroup/memory.max":     "134217728\n",
				"sys/fs/cgroup/memory.current": "34217728\n",
			}),
			cgroup: Area{Total: 128 << 20, Available: 100000000},
		},
		"a container that is told the path on the host": {
			files: files(map[string]string{
				"proc/self/cgroup":                           "4:memory:/docker/8f3a\n",
				"proc/self/mountinfo":                        "35 31 0:32 /docker/8f3a /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
				"sys/fs/cgroup/memory/memory.limit_in_bytes": "134217728\n",
				"sys/fs/cgroup/memory/memory.usage_in_bytes": "34217728\n",
			}),
			cgroup: Area{Total: 128 << 20, Available: 100000000},
		},
		"a cgroup outside of what is mounted": {
			files: files(map[string]string{
				"proc/self/cgroup":         "0::/../other\n",
				"proc/self/mountinfo":      "35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
				"sys/fs/cgroup/memory.max": "134217728\n",
			}),
			cgroup: Area{Total: 128 << 20, Available: 128 << 20},
		},
		"a mount point with a blank": {
			files: files(map[string]string{
				"proc/self/cgroup":        "0::/a\n",
				"proc/self/mountinfo":     `35 31 0:32 / /my\040cgroups rw - cgroup2 cgroup2 rw` + "\n",
				"my cgroups/a/memory.max": "134217728\n",
			}),
			cgroup: Area{Total: 128 << 20, Available: 128 << 20},
		},
		"version 1 beside version 2": {
			files:  files(hybrid),
			cgroup: Area{Total: 128 << 20, Available: 128<<20 - 41943040 + 8388608},
		},
		"lines that say nothing": {
			files: files(map[string]string{
				"proc/meminfo":        "MemTotal:\nMemAvailable: many kB\n\x00",
				"proc/self/cgroup":    "0:\n::\n0::/a\n",
				"proc/self/mountinfo": "1 2 3\n - cgroup2 x y\n" + apMounts,
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := System{Files: test.files}
			if got := s.Machine(); got != test.machine {
				t.Errorf("machine: %+v, want %+v", got, test.machine)
			}
			if got := s.Cgroup(); got != test.cgroup {
				t.Errorf("cgroup: %+v, want %+v", got, test.cgroup)
			}
		})
	}
}

// What this very machine says is read without a mistake.
func TestSystemHere(t *testing.T) {
	if _, err := os.Stat("/proc/meminfo"); err != nil {
		t.Skip("needs Linux: ", err)
	}
	f := System{Files: os.DirFS("/")}.Read()
	if m := f.Machine; m.Total < 32<<20 || m.Available == 0 || m.Available > m.Total {
		t.Errorf("machine: %+v", m)
	}
	if c := f.Cgroup; c.Available > c.Total {
		t.Errorf("cgroup: %+v", c)
	}
	if f.Needed == 0 || f.Needed > f.Machine.Total {
		t.Errorf("needed: %d", f.Needed)
	}
}

// Memory that is in use counts as needed, and garbage does not.
func TestNeeded(t *testing.T) {
	const size = 64 << 20
	s := System{Files: files()}
	runtime.GC()
	before := s.Read().Needed
	block := make([]byte, size)
	runtime.GC()
	with := s.Read().Needed
	if with < before+size*9/10 {
		t.Errorf("needs %d, and %d with %d more in use", before, with, len(block))
	}
	runtime.KeepAlive(block)
	runtime.GC()
	if after := s.Read().Needed; after > with-size*9/10 {
		t.Errorf("needs %d with a block in use, and %d once it is garbage", with, after)
	}
}

func FuzzSystem(f *testing.F) {
	f.Add(apMeminfo, apCgroup, apMounts, "max\n", v2Stat)
	f.Add(apMeminfo, hybridCgroup, hybridMounts, "134217728\n", v1Stat)
	f.Add("", "0::/a/../../../b\n", "1 2 3 / / rw - cgroup2 x y\n", "1", "")
	f.Fuzz(func(t *testing.T, meminfo, cgroup, mounts, limit, stat string) {
		m := files(map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": cgroup, "proc/self/mountinfo": mounts})
		s := System{Files: m}
		for _, h := range s.hierarchies() {
			if fs.ValidPath(h.dir) {
				maps.Copy(m, files(map[string]string{h.dir + "/" + h.files.limit: limit, h.dir + "/memory.stat": stat}))
			}
		}
		s.Machine()
		if a := s.Cgroup(); a.Available > a.Total {
			t.Errorf("%+v", a)
		}
	})
}
