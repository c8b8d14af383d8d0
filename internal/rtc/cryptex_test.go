package rtc

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"umbrella/internal/sfu"
)

// Encrypted header extensions (RFC 9335) could not be read.
func TestNoEncryptedExtensions(t *testing.T) {
	client, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	offer, err := client.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(offer.SDP, "a=cryptex") {
		t.Fatal("the client does not offer it: this shows nothing")
	}
	p, err := (&sfu.SFU{}).Join(sfu.Entry{Room: "r", Name: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave()
	b, err := trunkEngine(t).NewPublisher(p, slog.New(slog.DiscardHandler), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	answer, err := b.Answer(offer.SDP, nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(answer, "a=cryptex") {
		t.Error("the answer agrees to it")
	}
}
