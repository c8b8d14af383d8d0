package trunks

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"umbrella/test/netns"
)

// picture is what the camera of these tests gives: larger than what crosses a trunk at a
// time.
func picture() []byte {
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(i * 7919 >> 8)
	}
	copy(b, "\xff\xd8\xff\xe0")
	return b
}

func answerOf(status int, body []byte) string {
	return fmt.Sprintf("%d, %d bytes, %x", status, len(body), sha256.Sum256(body))
}

// fetch gets what is at a path of the node.
func fetch(scheme, path string) (string, error) {
	answer, err := client.Get(map[string]string{"ws": "http", "wss": "https"}[scheme] + "://127.0.0.1:8081" + path)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answerOf(answer.StatusCode, body), err
}

// serveONVIF is a camera that gives pictures, until the process ends.
func serveONVIF(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	const envelope = `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:d="http://www.onvif.org/ver10/device/wsdl" ` +
		`xmlns:m="http://www.onvif.org/ver10/media/wsdl" xmlns:t="http://www.onvif.org/ver10/schema"><e:Body>%s</e:Body></e:Envelope>`
	now := time.Now().UTC()
	answers := map[string]string{
		"GetSystemDateAndTime": fmt.Sprintf(`<d:GetSystemDateAndTimeResponse><d:SystemDateAndTime><t:UTCDateTime><t:Time><t:Hour>%d</t:Hour><t:Minute>%d</t:Minute>`+
			`<t:Second>%d</t:Second></t:Time><t:Date><t:Year>%d</t:Year><t:Month>%d</t:Month><t:Day>%d</t:Day></t:Date></t:UTCDateTime></d:SystemDateAndTime>`+
			`</d:GetSystemDateAndTimeResponse>`, now.Hour(), now.Minute(), now.Second(), now.Year(), now.Month(), now.Day()),
		"GetServices": `<d:GetServicesResponse><d:Service><d:Namespace>http://www.onvif.org/ver10/media/wsdl</d:Namespace><d:XAddr>http://` + address +
			`/onvif/Media</d:XAddr></d:Service></d:GetServicesResponse>`,
		"GetProfiles": `<m:GetProfilesResponse><m:Profiles token="p"><t:Name>main</t:Name><t:VideoSourceConfiguration><t:SourceToken>s</t:SourceToken>` +
			`</t:VideoSourceConfiguration><t:VideoEncoderConfiguration><t:Encoding>H264</t:Encoding><t:Resolution><t:Width>640</t:Width><t:Height>360</t:Height>` +
			`</t:Resolution></t:VideoEncoderConfiguration></m:Profiles></m:GetProfilesResponse>`,
		"GetStreamUri":   `<m:GetStreamUriResponse><m:MediaUri><t:Uri>rtsp://` + address + `/live</t:Uri></m:MediaUri></m:GetStreamUriResponse>`,
		"GetSnapshotUri": `<m:GetSnapshotUriResponse><m:MediaUri><t:Uri>http://` + address + `/snap.jpg</t:Uri></m:MediaUri></m:GetSnapshotUriResponse>`,
	}
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write(picture())
				return
			}
			question, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10))
			for name, answer := range answers {
				if strings.Contains(string(question), "<"+name) {
					fmt.Fprintf(w, envelope, answer)
					return
				}
			}
			http.Error(w, "", http.StatusBadRequest)
		}))
	}()
	return nil
}

// A camera at the far end of a chain of three nodes gives its picture at the near end, by
// its section and by its name, over a link of 4 Mbit/s on which a call goes on, and again
// when the far node has restarted.
func TestSnapshotAcrossNodes(t *testing.T) {
	w := newNetwork(t, 3)
	near, far := w.nodes[0], w.nodes[2]
	w.link(1, 0).narrow("4mbit")
	camera := w.link(2, 1).address("a")
	fmt.Fprintf(&far.config, "config camera 'door'\n\toption room 'den'\n\toption name 'Front door'\n\toption url 'rtsp://eve:hunter2@%s/live'\n", camera)
	w.start()
	if r := far.people.ask(order{Onvif: camera + ":80"}); r.Problem != "" {
		t.Fatal(r.Problem)
	}
	far.people.join("Ada", false)
	near.people.join("Bob", true)
	w.plays("Bob", near, "Ada", 20*time.Second)
	want := answerOf(http.StatusOK, picture())
	gets := func(path string) {
		t.Helper()
		netns.Eventually(t, 30*time.Second, path+" gives the picture", func() bool { return near.people.ask(order{Fetch: path}).Answer == want })
	}
	gets("/snapshot/door.jpg")
	gets("/snapshot/Front%20door.jpg")
	was := near.people.report()
	if got := near.people.ask(order{Fetch: "/snapshot/gate.jpg"}).Answer; !strings.HasPrefix(got, "404") {
		t.Error(got)
	}
	w.plays("Bob", near, "Ada", 10*time.Second)
	if is := near.people.report(); is.Views["Bob"].SoundGaps != was.Views["Bob"].SoundGaps {
		t.Error("sound was lost meanwhile")
	}
	far.people.leave("Ada")
	far.restart()
	netns.Eventually(t, 20*time.Second, "the far node serves again", func() bool { return far.people.report() != nil })
	gets("/snapshot/door.jpg")
}
