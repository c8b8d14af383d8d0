package trunks

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// buildCamera makes the program of test/camera.
func buildCamera(t *testing.T) string {
	t.Helper()
	camera := filepath.Join(t.TempDir(), "camera")
	if out, err := exec.Command("go", "build", "-o", camera, "../camera").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return camera
}

// watchCamera has the node's room contain the camera at a host, under the name Door.
func (n *node) watchCamera(host string) {
	fmt.Fprintf(&n.config, "config camera 'door'\n\toption room 'den'\n\toption name 'Door'\n\toption url 'rtsp://eve:hunter2@%s:8554/live'\n", host)
}

// runCamera runs the program in the node's namespace until the test ends.
func (n *node) runCamera(program, address string) {
	n.net.t.Helper()
	camera := n.space.Command(program, "-address", address+":8554", "-clip", "../../internal/camera/testdata/main.h264", "-rate", "10")
	if err := camera.Start(); err != nil {
		n.net.t.Fatal(err)
	}
	n.net.t.Cleanup(func() { _ = camera.Process.Kill(); _ = camera.Wait() })
}

// A camera whose url has a name of multicast DNS, as phones and laptops know it
// (AlexxIT/go2rtc#857).
func TestCameraWithALocalName(t *testing.T) {
	camera := buildCamera(t)
	w := newNetwork(t, 2)
	lan := w.cable(0, 1)
	ap, yard := w.nodes[0], w.nodes[1]
	ap.watchCamera("DoorCam.local")
	w.start()
	ap.people.join("Ada", true)
	// Nobody answers yet.
	time.Sleep(time.Second)
	yard.runCamera(camera, lan.address("b"))
	if r := yard.people.ask(order{Announce: "doorcam.local"}); r.Problem != "" {
		t.Fatal(r.Problem)
	}
	w.sees("Ada", ap, "Door")
	w.plays("Ada", ap, "Door", 20*time.Second)
}
