package onvif

import (
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"umbrella/internal/credential"
	"umbrella/test/netns"
)

// TestNamespace looks for cameras where there are several interfaces: it runs
// itself in a network of its own.
func TestNamespace(t *testing.T) { netns.Alone(t, inNamespace) }

func inNamespace(t *testing.T) {
	lines := []string{"link set lo up"}
	for _, name := range []string{"lan", "guest", "six", "wan", "idle"} {
		lines = append(lines, "link add "+name+" type veth peer name "+name+"-peer",
			"link set "+name+" addrgenmode none", "link set "+name+"-peer addrgenmode none up")
	}
	lines = append(lines,
		"link set lan up", "addr add 192.168.50.1/24 dev lan", "addr add fe80::50/64 dev lan nodad",
		"link set guest up", "addr add 10.9.0.1/24 dev guest",
		"link set six up", "addr add fd00:9::1/64 dev six nodad", "addr add fe80::9/64 dev six nodad",
		"link set wan up", "addr add 203.0.113.2/24 dev wan", "addr add fe80::99/64 dev wan nodad",
		"addr add 192.168.60.1/24 dev idle",
	)
	for _, line := range lines {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %s", line, out)
		}
	}

	// One camera in two networks, one with IPv6 only, and all hear the WAN.
	both := plain()
	both.match, both.endpoint, both.types = matchGSOAP, "urn:uuid:both", "tdn:NetworkVideoTransmitter"
	both.serve(t, "")
	both.xaddrs = "http://192.168.1.108:" + portOf(both) + "/onvif/device_service"
	heard := both.listen(t, "lan", group4)
	both.listen(t, "lan", group6)
	both.listen(t, "guest", group4)
	wan := both.listen(t, "wan", group4)
	wan6 := both.listen(t, "wan", group6)
	six := plain()
	six.match, six.endpoint, six.types = matchGSOAP, "urn:uuid:six", "tdn:NetworkVideoTransmitter"
	six.serve(t, "fe80::9%six")
	six.xaddrs = "http://[fe80::9]:" + portOf(six) + "/onvif/device_service"
	six.listen(t, "six", group6)

	found, err := Discover(t.Context(), Options{Wait: 1200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 3 || found[0].Endpoint != both.endpoint || found[1].Endpoint != both.endpoint || found[2].Endpoint != six.endpoint {
		t.Fatalf("found %+v", found)
	}
	port := portOf(both)
	for i, want := range []Device{{Address: "10.9.0.1:" + port, Interface: "guest"}, {Address: "192.168.50.1:" + port, Interface: "lan"}} {
		d := found[i]
		if d.Address != want.Address || d.Interface != want.Interface || len(d.Services) != 1 || d.Services[0] != "http://"+want.Address+"/onvif/device_service" {
			t.Errorf("address %s on %s, want %s on %s; services %v", d.Address, d.Interface, want.Address, want.Interface, d.Services)
		}
		if d.Named != both.xaddrs {
			t.Errorf("it is not shown that it calls itself %s", both.xaddrs)
		}
	}
	if heard.Load() != int64(probeTimes*len(probeTypes)) {
		t.Errorf("%d probes were heard on lan", heard.Load())
	}
	if wan.Load()+wan6.Load() > 0 {
		t.Errorf("%d and %d probes went out on the WAN", wan.Load(), wan6.Load())
	}
	if d := found[2]; d.Interface != "six" || !strings.HasPrefix(d.Address, "[fe80::9%six]:") {
		t.Errorf("the camera with IPv6 is at %s on %s", d.Address, d.Interface)
	}
	for _, d := range found {
		profiles, err := d.Streams(t.Context(), credential.ForHost(testUser, testPassword, d.host()))
		if err != nil || len(profiles) != 3 {
			t.Errorf("%s: %+v, %v", d.Address, profiles, err)
			continue
		}
		want := map[string]string{"guest": "rtsp://10.9.0.1:554/", "lan": "rtsp://192.168.50.1:554/", "six": "rtsp://[fe80::9%25six]:554/"}[d.Interface]
		if !strings.HasPrefix(profiles[0].URL, want) {
			t.Errorf("%s: the stream is %s, want %s…", d.Address, profiles[0].URL, want)
		}
	}
	// Neither a device elsewhere nor a name leads to this machine.
	lie := Device{Services: []string{"http://192.168.50.1:" + port + "/onvif/device_service"}}
	if _, err := lie.Streams(t.Context(), testLogin(testUser, testPassword)); !errors.Is(err, errOurs) {
		t.Errorf("the node talks to itself: %v", err)
	}
	// By hand: without and with a zone.
	known, err := At("192.168.50.1:" + port)
	if err != nil {
		t.Fatal(err)
	}
	if profiles, err := known.Streams(t.Context(), credential.ForHost(testUser, testPassword, known.host())); err != nil || len(profiles) != 3 {
		t.Errorf("%+v, %v", profiles, err)
	}
	if known, err = At("[fe80::9%six]:" + portOf(six)); err != nil {
		t.Fatal(err)
	}
	if profiles, err := known.Streams(t.Context(), credential.ForHost(testUser, testPassword, known.host())); err != nil || len(profiles) != 3 {
		t.Errorf("%+v, %v", profiles, err)
	}

	// The stream of a camera leads to its snapshots, wherever it has its ONVIF.
	both.digest = []string{`Digest realm="x", nonce="NONCE", qop="auth"`}
	both.takes(jpegHead)
	stream, err := WithCredentials("rtsp://192.168.50.1:8554/x", testUser, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	still := &Still{Stream: stream}
	for range 2 {
		if picture, err := still.Take(t.Context()); err != nil || string(picture) != jpegHead {
			t.Errorf("%q, %v", picture, err)
		}
	}

	rogueBeside(t, both)

	// A named one that is public is looked on, for who asks for it.
	if _, err := Discover(t.Context(), Options{Interfaces: []string{"wan"}, Wait: 200 * time.Millisecond}); err != nil || wan.Load() == 0 {
		t.Errorf("on wan: %v, %d probes", err, wan.Load())
	}
	for name, want := range map[string]string{"idle": "idle: not up", "gone": `no interface "gone"`} {
		if _, err := Discover(t.Context(), Options{Interfaces: []string{name}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("on %s: %v", name, err)
		}
	}
}

// rogueBeside: another device of the network answers each question with its own address
// and the camera's, under the camera's name, and asks for passwords in every way. It gets
// none, in no form that the settings do not send it, and its picture is nobody's.
func rogueBeside(t *testing.T, cam *camera) {
	const at = "192.168.50.9"
	if out, err := exec.Command("ip", "addr", "add", at+"/24", "dev", "lan").CombinedOutput(); err != nil {
		t.Fatalf("adding an address: %s", out)
	}
	stranger := startRogue(t, at)
	says := &camera{
		match: matchGSOAP, endpoint: cam.endpoint, types: cam.types, source: net.ParseIP(at), times: 2,
		xaddrs: "http://" + stranger.host + "/onvif/device_service http://192.168.50.1:" + portOf(cam) + "/onvif/device_service",
	}
	heard := says.listen(t, "lan", group4)

	found, err := Discover(t.Context(), Options{Interfaces: []string{"lan"}, Wait: 1200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	listed := false
	for _, d := range found {
		for _, s := range d.Services {
			if d.host() != at && strings.Contains(s, at) {
				t.Errorf("%s is to be asked for the device at %s", s, d.Address)
			}
		}
		listed = listed || d.Address == stranger.host
	}
	if !listed || heard.Load() == 0 {
		t.Fatalf("the rogue was not heard: %+v", found)
	}

	stream, err := WithCredentials("rtsp://192.168.50.1:8554/x", testUser, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	// Once with the camera there, and once with a camera that is off: then the rogue's
	// is the only answer.
	for _, there := range []bool{true, false} {
		if !there {
			cam.silent.Store(true)
			cam.server.Close()
		}
		picture, err := (&Still{Stream: stream}).Take(t.Context())
		if there && (err != nil || string(picture) != jpegHead) || !there && err == nil {
			t.Errorf("with the camera %v: %q, %v", there, picture, err)
		}
	}
	if got := stranger.asked(); len(got) > 0 {
		t.Errorf("the rogue was asked %q", got)
	}
}

func portOf(c *camera) string {
	_, port, _ := net.SplitHostPort(c.server.Listener.Addr().String())
	return port
}
