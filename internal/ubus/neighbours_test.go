package ubus

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// rtattr is one attribute: head, data, and zeros.
func rtattr(kind uint16, data ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	return pad(append(b, data...))
}

// newneigh is one entry as the kernel tells it.
func newneigh(family byte, state uint16, attrs ...[]byte) []byte {
	body := []byte{family, 0, 0, 0}
	body = binary.NativeEndian.AppendUint32(body, 3) // interface
	body = binary.NativeEndian.AppendUint16(body, state)
	body = append(body, 0, unix.RTN_UNICAST)
	for _, a := range attrs {
		body = append(body, a...)
	}
	return nlmsg(unix.RTM_NEWNEIGH, body)
}

func nlmsg(kind uint16, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_MULTI)
	b = append(b, make([]byte, 8)...)
	return append(b, body...)
}

func ip(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

func TestParseNeighbours(t *testing.T) {
	mac := rtattr(unix.NDA_LLADDR, 2, 0, 0, 0, 0, 0xab)
	v4 := rtattr(unix.NDA_DST, ip("192.168.1.7")...)
	for _, test := range []struct {
		name string
		dump [][]byte
		want map[netip.Addr]string
	}{
		{"nothing", nil, nil},
		{"both families", [][]byte{
			newneigh(unix.AF_INET, unix.NUD_REACHABLE, v4, mac, rtattr(unix.NDA_PROBES, 1, 0, 0, 0)),
			newneigh(unix.AF_INET6, unix.NUD_STALE, mac, rtattr(unix.NDA_DST, ip("fe80::1")...)),
		}, map[netip.Addr]string{
			netip.MustParseAddr("192.168.1.7"): "02:00:00:00:00:ab",
			netip.MustParseAddr("fe80::1"):     "02:00:00:00:00:ab",
		}},
		{"a mapped address", [][]byte{
			newneigh(unix.AF_INET6, unix.NUD_PERMANENT, rtattr(unix.NDA_DST, ip("::ffff:192.168.1.7")...), mac),
		}, map[netip.Addr]string{netip.MustParseAddr("192.168.1.7"): "02:00:00:00:00:ab"}},
		{"failed, unfinished, and broadcast", [][]byte{
			newneigh(unix.AF_INET, unix.NUD_FAILED, v4, mac),
			newneigh(unix.AF_INET, unix.NUD_INCOMPLETE, v4),
			newneigh(unix.AF_INET, unix.NUD_NOARP, v4, mac),
		}, nil},
		{"no MAC", [][]byte{newneigh(unix.AF_INET, unix.NUD_REACHABLE, v4)}, nil},
		{"a MAC of 20 bytes", [][]byte{
			newneigh(unix.AF_INET, unix.NUD_REACHABLE, v4, rtattr(unix.NDA_LLADDR, make([]byte, 20)...)),
		}, nil},
		{"an address of 5 bytes", [][]byte{
			newneigh(unix.AF_INET, unix.NUD_REACHABLE, rtattr(unix.NDA_DST, 1, 2, 3, 4, 5), mac),
		}, nil},
		{"an attribute longer than the message", [][]byte{
			newneigh(unix.AF_INET, unix.NUD_REACHABLE, v4, mac[:8]),
		}, nil},
		{"another message, and a short one", [][]byte{
			nlmsg(unix.RTM_NEWLINK, make([]byte, 16)), nlmsg(unix.RTM_NEWNEIGH, make([]byte, 8)),
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var dump []byte
			for _, m := range test.dump {
				dump = append(dump, m...)
			}
			got, err := parseNeighbours(dump)
			if err != nil || !maps.Equal(got, test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
	if got, err := parseNeighbours([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err == nil {
		t.Errorf("damaged: got %v", got)
	}
}

// TestNeighbours asks the kernel of this machine.
func TestNeighbours(t *testing.T) {
	table, err := neighbours()
	if err != nil {
		t.Fatal(err)
	}
	for ip, mac := range table {
		if !ip.IsValid() || len(mac) != len("02:00:00:00:00:01") {
			t.Errorf("%v has %q", ip, mac)
		}
	}
}

func FuzzNeighbours(f *testing.F) {
	mac := rtattr(unix.NDA_LLADDR, 2, 0, 0, 0, 0, 0xab)
	f.Add(newneigh(unix.AF_INET, unix.NUD_REACHABLE, rtattr(unix.NDA_DST, ip("192.168.1.7")...), mac))
	f.Add(newneigh(unix.AF_INET6, unix.NUD_STALE, mac, rtattr(unix.NDA_DST, ip("fe80::1")...)))
	f.Fuzz(func(t *testing.T, dump []byte) {
		table, err := parseNeighbours(dump)
		if err != nil {
			return
		}
		for ip, mac := range table {
			if !ip.IsValid() || ip.Is4In6() || len(mac) != len("02:00:00:00:00:01") {
				t.Fatalf("%v has %q", ip, mac)
			}
		}
	})
}
