package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/pion/webrtc/v4"
)

// localOffer makes an offer with all candidates in it.
func localOffer(pc *webrtc.PeerConnection) (string, error) {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	<-gathered
	return pc.LocalDescription().SDP, nil
}

// exchange posts an offer to a WHIP or WHEP endpoint (RFC 9725), applies the
// answer, and returns what ends the session at the server.
func exchange(ctx context.Context, pc *webrtc.PeerConnection, endpoint string) (leave func(), err error) {
	offer, err := localOffer(pc)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(offer))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/sdp")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	sdp, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("POST %s: %s: %.200s", endpoint, answer.Status, sdp)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(sdp)}); err != nil {
		return nil, err
	}
	location, err := answer.Location()
	if err != nil {
		return func() {}, nil // it ends by itself
	}
	return func() { remove(location) }, nil
}

func remove(session *url.URL) {
	r, err := http.NewRequest(http.MethodDelete, session.String(), nil)
	if err != nil {
		return
	}
	if a, err := http.DefaultClient.Do(r); err == nil {
		_ = a.Body.Close()
	}
}

// numbered puts a publisher's number into a URL that has room for it.
func numbered(template string, n int) string {
	if !strings.Contains(template, "%d") {
		return template
	}
	return fmt.Sprintf(template, n)
}
