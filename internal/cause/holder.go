package cause

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Holder tells which process listens on a port, such as "the process uhttpd (pid
// 1234)", or nothing where /proc does not tell: it shows the sockets of others to root
// alone, and in a jail only its own processes. protocol begins with "tcp" or "udp".
func Holder(protocol string, port int) string {
	return holder("/proc", protocol, port)
}

// maxLines bounds what is read of a table of sockets.
const maxLines = 1 << 16

func holder(proc, protocol string, port int) string {
	if len(protocol) < 3 || port == 0 {
		return ""
	}
	var sockets []string
	for _, table := range []string{protocol[:3], protocol[:3] + "6"} {
		sockets = append(sockets, listeners(filepath.Join(proc, "net", table), table[:3] == "udp", port)...)
	}
	if len(sockets) == 0 {
		return ""
	}
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || !slices.Contains(sockets, target) {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		name, err := os.ReadFile(filepath.Join(process, "comm"))
		if err == nil {
			return fmt.Sprintf("the process %s (pid %s)", strings.TrimSpace(string(name)), filepath.Base(process))
		}
	}
	return ""
}

// listeners returns the sockets of a table of /proc/net that are bound to a port, as
// the links of /proc/PID/fd name them. Of TCP only those that listen.
func listeners(table string, udp bool, port int) (sockets []string) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	const local, state, inode, stateListen = 1, 3, 9, "0A"
	lines := bufio.NewScanner(f)
	for range maxLines {
		if !lines.Scan() {
			break
		}
		fields := strings.Fields(lines.Text())
		if len(fields) <= inode || !udp && fields[state] != stateListen {
			continue
		}
		_, hex, _ := strings.Cut(fields[local], ":")
		if number, err := strconv.ParseUint(hex, 16, 16); err == nil && int(number) == port {
			sockets = append(sockets, "socket:["+fields[inode]+"]")
		}
	}
	return sockets
}
