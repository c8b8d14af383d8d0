package rtc

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
)

// ffmpegOffer is that of FFmpeg's WHIP muxer, 8.0 to 9.0, which wants to be the DTLS
// server unless it is told otherwise.
const ffmpegOffer = `v=0
o=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1
s=FFmpegPublishSession
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:ab12cd34
a=ice-pwd:0123456789abcdef0123456789abcdef
a=fingerprint:sha-256 FINGERPRINT
a=setup:passive
a=mid:0
a=sendonly
a=msid:FFmpeg audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=ssrc:1111 cname:FFmpeg
a=ssrc:1111 msid:FFmpeg audio
m=video 9 UDP/TLS/RTP/SAVPF 106
c=IN IP4 0.0.0.0
a=ice-ufrag:ab12cd34
a=ice-pwd:0123456789abcdef0123456789abcdef
a=fingerprint:sha-256 FINGERPRINT
a=setup:passive
a=mid:1
a=sendonly
a=msid:FFmpeg video
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:106 H264/90000
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=ssrc:2222 cname:FFmpeg
a=ssrc:2222 msid:FFmpeg video
`

// muxer does on the wire what FFmpeg's WHIP muxer does: one check that has neither
// PRIORITY nor ICE-CONTROLLING, answers to checks that have no XOR-MAPPED-ADDRESS, and
// a DTLS server that drops the first ClientHello.
type muxer struct {
	*net.UDPConn
	t              *testing.T
	ufrag, pwd     string // of the node
	sent, received int    // bytes, until the node's check is answered
	silent         bool   // the node's checks are not answered
	dropped        bool
}

const muxerPwd = "0123456789abcdef0123456789abcdef"

func (m *muxer) check() {
	m.t.Helper()
	b := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(m.ufrag+":ab12cd34"),
		stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.NewShortTermIntegrity(m.pwd), stun.Fingerprint)
	if _, err := m.Write(b.Raw); err != nil {
		m.t.Fatal(err)
	}
	m.sent += len(b.Raw)
}

// ReadFrom returns DTLS but for the first packet, and answers checks.
func (m *muxer) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, err := m.Read(b)
		if err != nil {
			return 0, nil, err
		}
		m.received += n
		switch {
		case isRequest(b[:n]):
			request := &stun.Message{Raw: b[:n]}
			if err := request.Decode(); err != nil {
				return 0, nil, err
			}
			if err := stun.NewShortTermIntegrity(muxerPwd).Check(request); err != nil {
				m.t.Errorf("the node's check: %v", err)
			}
			if m.silent {
				continue
			}
			r := stun.MustBuild(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess,
				stun.NewShortTermIntegrity(muxerPwd), stun.Fingerprint)
			if _, err := m.Write(r.Raw); err != nil {
				return 0, nil, err
			}
		case isSTUN(b[:n]):
		case !m.dropped && !m.silent:
			m.dropped = true
		case n > 0 && b[0] >= 20 && b[0] < 64:
			return n, m.RemoteAddr(), nil
		}
	}
}

func (m *muxer) WriteTo(b []byte, _ net.Addr) (int, error) { return m.Write(b) }

// publishAsMuxer offers what the muxer does, with a=setup as given.
func publishAsMuxer(t *testing.T, e *Engine, certificate tls.Certificate) (*Publisher, *muxer) {
	t.Helper()
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	sum, err := fingerprint.Fingerprint(leaf, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.NewPublisher(testParticipant(t), e.Log, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	answer, err := b.Answer(strings.ReplaceAll(ffmpegOffer, "FINGERPRINT", strings.ToUpper(sum)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(answer, "a=setup:active\r\n") != 2 || strings.Contains(answer, "a=setup:passive") {
		t.Fatalf("an offer to be the DTLS server is answered with\n%s", answer)
	}
	c, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(e.MediaPort)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return b, &muxer{UDPConn: c.(*net.UDPConn), t: t, ufrag: Attribute(answer, "ice-ufrag"), pwd: Attribute(answer, "ice-pwd")}
}

// FFmpeg's WHIP muxer is the DTLS server, and what it sends arrives.
func TestFFmpegIsTheDTLSServer(t *testing.T) {
	e := testEngine(t)
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	b, m := publishAsMuxer(t, e, certificate)
	m.check()
	server, err := dtls.ServerWithOptions(m, m.RemoteAddr(), dtls.WithCertificates(certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := server.HandshakeContext(ctx); err != nil {
		t.Fatal("no handshake: ", err)
	}
	defer server.Close()
	state, _ := server.ConnectionState()
	cfg := srtp.Config{Profile: srtp.ProtectionProfileAes128CmHmacSha1_80}
	if err := cfg.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		t.Fatal(err)
	}
	out, err := srtp.CreateContext(cfg.Keys.LocalMasterKey, cfg.Keys.LocalMasterSalt, cfg.Profile)
	if err != nil {
		t.Fatal(err)
	}
	for n, end := uint16(1), time.Now().Add(10*time.Second); ; n++ {
		if layers := b.Layers(); len(layers) == 1 && layers[0].Stats(time.Now()).Packets > 2 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nothing arrives")
		}
		plain, err := (&rtp.Packet{
			Header:  rtp.Header{Version: 2, PayloadType: 106, SequenceNumber: n, Timestamp: uint32(n) * 3000, SSRC: 2222, Marker: true},
			Payload: []byte{0x65, 0x88, 0x80, 0x10},
		}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		protected, err := out.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write(protected); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// An address that does not answer the node's check gets three times what came from
// there, however long the node waits to begin the handshake.
func TestPassivePeerThatProvesNothing(t *testing.T) {
	e := testEngine(t)
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	_, m := publishAsMuxer(t, e, certificate)
	m.silent = true
	m.check()
	if err := m.SetReadDeadline(time.Now().Add(1500 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1500)
	for {
		if _, _, err := m.ReadFrom(buf); err != nil {
			break
		}
	}
	if m.received == 0 || m.received > unproven*m.sent {
		t.Errorf("%d bytes were sent for %d", m.received, m.sent)
	}
}

// A false ServerHello, or a part of one, is none.
func TestServerHelloOfAPeer(t *testing.T) {
	for _, packet := range [][]byte{nil, {22}, []byte(fmt.Sprintf("%c\xfe\xfd%s", 22, strings.Repeat("\x00", 10))), make([]byte, 1500)} {
		if _, ok := serverHello(packet); ok {
			t.Errorf("%x is one", packet)
		}
	}
}

func FuzzServerHello(f *testing.F) {
	f.Add([]byte("\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) { serverHello(b) })
}
