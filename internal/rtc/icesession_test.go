package rtc

import (
	"crypto/rand"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
)

// listenFor makes an ICE session of t.
func listenFor(c *mediaConn, t *transport) *iceSession {
	s := newICESession(rand.Text()[:8], rand.Text(), true, t)
	c.listen(s)
	return s
}

// placePeer makes an address one from which t's peer has sent checks.
func placePeer(c *mediaConn, t *transport, at netip.AddrPort) *outlet {
	s := listenFor(c, t)
	return c.place(key(at), at.Addr(), s, &remoteAddress{session: s})
}

// bindingRequest is a check of the peer of a session (RFC 8445 §7.2.2).
func bindingRequest(tb testing.TB, s *iceSession, more ...stun.Setter) []byte {
	tb.Helper()
	setters := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(s.ufrag + ":peer")}, more...)
	m, err := stun.Build(append(setters, stun.NewShortTermIntegrity(s.pwd), stun.Fingerprint)...)
	if err != nil {
		tb.Fatal(err)
	}
	return m.Raw
}

func testConn(t *testing.T) *mediaConn {
	t.Helper()
	c, err := listenMedia(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// at is the n-th address of many, all of one port.
func at(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 1)
}

// source is the control message of a packet that was sent to an address of ours.
func source(c *mediaConn, local string) []byte {
	a := netip.MustParseAddr(local)
	return c.newOutlet(netip.AddrPortFrom(a, 1), a, nil).source
}

// A peer that sends to one of several addresses gets its answer from there.
func TestAnswersLeaveFromWhereTheyWereAsked(t *testing.T) {
	c := testConn(t)
	port := c.LocalAddr().(*net.UDPAddr).Port
	for _, ip := range []string{"127.0.0.1", "127.0.0.5", "::1"} {
		peer, err := net.Dial("udp", net.JoinHostPort(ip, strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if _, err := peer.Write(bindingRequest(t, listenFor(c, &transport{}))); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 200)
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, from, err := c.ReadFromAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WriteToAddrPort([]byte("yes"), from); err != nil {
			t.Fatalf("%s: %v", ip, err)
		}
		if err := peer.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := peer.Read(buf); err != nil || string(buf[:n]) != "yes" {
			t.Errorf("%s: no answer from there: %v", ip, err)
		}
	}
}

// Browsers look at ways to several of our addresses from one port of theirs, and
// go on to do so when they send media already.
func TestChecksToSeveralOfOurAddresses(t *testing.T) {
	c := testConn(t)
	takes := &transport{engine: &Engine{conn: c}}
	s := listenFor(c, takes)
	peer := netip.MustParseAddrPort("127.0.0.9:1000")
	for range 10 {
		for _, ip := range []string{"127.0.0.1", "127.0.0.2"} {
			if !c.admit(bindingRequest(t, s), peer, source(c, ip), time.Now()) {
				t.Fatalf("a check to %s is dropped", ip)
			}
			o := c.peer(peer)
			if got := o.local.Unmap().String(); got != ip || o.remote.session.transport != takes {
				t.Fatalf("answers leave from %s, want %s", got, ip)
			}
		}
	}
	if n := len(s.addresses); n != 1 {
		t.Errorf("%d addresses are counted, want 1", n)
	}
}

// What a stranger sends reaches neither pion nor the memory: it knows no session,
// or not the password of one.
func TestPacketsOfStrangersAreDropped(t *testing.T) {
	c := testConn(t)
	s := listenFor(c, &transport{})
	forged := &iceSession{ufrag: s.ufrag, pwd: "guessed"}
	unknown := &iceSession{ufrag: "nobody", pwd: s.pwd}
	response, err := stun.Build(stun.TransactionID, stun.BindingSuccess, stun.NewShortTermIntegrity(s.pwd), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	for name, packet := range map[string][]byte{
		"of a session that there is not": bindingRequest(t, unknown),
		"with a wrong password":          bindingRequest(t, forged),
		"without credentials":            {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		"of a peer that is controlled":   bindingRequest(t, s, stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}),
		"an answer to no check":          response.Raw,
		"DTLS":                           {22, 254, 253, 0, 0},
		"short":                          {0, 1},
	} {
		for i := range 3 * maxCandidates {
			if c.admit(packet, at(i), source(c, "127.0.0.1"), time.Now()) {
				t.Fatalf("%s: it goes to pion", name)
			}
		}
	}
	if len(c.outlets) > 0 || len(s.addresses) > 0 {
		t.Errorf("%d addresses of strangers are kept", len(c.outlets))
	}
	now := time.Now().Add(checkBurst * time.Second) // what they sent is forgotten by then
	if !c.admit(bindingRequest(t, s), at(1), source(c, "127.0.0.1"), now) {
		t.Error("the peer itself is not let in")
	}
}

// A session has so many addresses at once, one more now and then, and a bound for
// good; a restart begins anew, and the end gives all of them back.
func TestAddressesOfASessionAreBounded(t *testing.T) {
	c := testConn(t)
	tr := &transport{engine: &Engine{conn: c}}
	s := tr.listen("first", "password", true)
	now, next := time.Now(), 0
	try := func(s *iceSession, tries int) (admitted int) {
		for range tries {
			now = now.Add(20 * time.Millisecond)
			next++
			if c.admit(bindingRequest(t, s), at(next), source(c, "127.0.0.1"), now) {
				admitted++
			}
		}
		return admitted
	}
	if n := try(s, 1000); n != maxCandidates {
		t.Errorf("%d addresses are taken at once, want %d", n, maxCandidates)
	}
	now = now.Add(candidateInterval)
	if n := try(s, 100); n != 1 {
		t.Errorf("%d more are taken after a minute, want 1", n)
	}
	for range 1000 {
		now = now.Add(candidateInterval)
		try(s, 1)
	}
	if n := len(c.outlets); n != maxCandidatesEver {
		t.Errorf("%d addresses are kept of a long session, want %d", n, maxCandidatesEver)
	}
	if n := try(tr.listen("second", "password", true), 100); n != maxCandidates {
		t.Errorf("%d addresses are taken after a restart, want %d", n, maxCandidates)
	}
	tr.listen("third", "password", true)
	if n := len(c.outlets); n != maxCandidates {
		t.Errorf("%d addresses are kept after two restarts, want %d", n, maxCandidates)
	}
	tr.close()
	tr.forget()
	if len(c.outlets) > 0 || len(c.sessions) > 0 {
		t.Errorf("%d addresses and %d sessions are kept after the end", len(c.outlets), len(c.sessions))
	}
	if tr.listen("fourth", "password", true); len(c.sessions) > 0 {
		t.Error("a closed transport takes packets")
	}
}

// pion queues what comes for a session without a bound.
func TestChecksOfASessionAreBounded(t *testing.T) {
	c := testConn(t)
	s := listenFor(c, &transport{})
	now, admitted := time.Now(), 0
	for i := range 10 * checkBurst {
		packet := bindingRequest(t, s)
		if i%2 > 0 {
			packet = []byte{22, 254, 253, 0, 0}
		}
		if c.admit(packet, at(1), source(c, "127.0.0.1"), now) {
			admitted++
		}
	}
	if admitted != checkBurst {
		t.Errorf("%d packets go to pion at once, want %d", admitted, checkBurst)
	}
}

// To an address that never sent anything, nothing leaves; to one that only sent
// checks, three times what came.
func TestNothingLeavesToWhoIsNotProven(t *testing.T) {
	c := testConn(t)
	s := listenFor(c, &transport{})
	victim, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	to := victim.LocalAddr().(*net.UDPAddr).AddrPort()
	if _, err := c.WriteToAddrPort([]byte{0, 1}, to); err == nil {
		t.Error("a packet left to an address that never sent anything")
	}
	check := bindingRequest(t, s)
	if !c.admit(check, to, source(c, "127.0.0.1"), time.Now()) { // its source is forged
		t.Fatal("a check is dropped")
	}
	for range 100 {
		_, _ = c.WriteToAddrPort(make([]byte, 50), to)
	}
	got := 0
	for b := make([]byte, 100); ; {
		_ = victim.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := victim.Read(b)
		if err != nil {
			break
		}
		got += n
	}
	if most := unproven * len(check); got == 0 || got > most {
		t.Errorf("%d bytes left for a check of %d, want at most %d", got, len(check), most)
	}
}

// transportWithKeys is a transport with keys, whose peer has several addresses.
func transportWithKeys(t *testing.T, c *mediaConn) (*transport, *srtp.Context) {
	t.Helper()
	tr := &transport{engine: &Engine{conn: c}, rtp: func([]byte, time.Time) {}, rtcp: func([]rtcp.Packet, time.Time) {}}
	tr.agreed(zeroKeys(), srtp.ProtectionProfileAeadAes128Gcm)
	peer, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	return tr, peer
}

// Media goes where the handshake went, and moves with ICE once something that is
// authenticated comes from the new address, and not before: the source of a check
// can be forged.
func TestMediaMovesToProvenAddresses(t *testing.T) {
	c := testConn(t)
	tr, peer := transportWithKeys(t, c)
	s := tr.listen("ufrag", "password", true)
	check := func(from netip.AddrPort) {
		if !c.admit(bindingRequest(t, s), from, source(c, "127.0.0.1"), time.Now()) {
			t.Fatal("a check is dropped")
		}
	}
	goes := func() netip.AddrPort {
		if w := tr.way.Load(); w != nil {
			return key(w.udp.addr.AddrPort())
		}
		return netip.AddrPort{}
	}
	home, elsewhere, victim := at(1), at(2), at(3)
	check(home)
	tr.selectPair(home.Addr().String(), home.Port(), false, false)
	tr.handshake(c.peer(home))
	if tr.ready() != nil {
		t.Error("media would leave before the handshake has ended")
	}
	tr.begin()
	if got := goes(); got != home {
		t.Fatalf("media goes to %v after the handshake, want %v", got, home)
	}
	check(victim)
	tr.selectPair(victim.Addr().String(), victim.Port(), false, false)
	tr.packet(rtpPacket(1, 1, 100), way{udp: c.peer(victim)}, time.Now()) // not authenticated
	if got := goes(); got != home {
		t.Errorf("media goes to %v, from which a check came alone", got)
	}
	check(elsewhere)
	tr.selectPair(elsewhere.Addr().String(), elsewhere.Port(), false, false)
	if got := goes(); got != home {
		t.Errorf("media goes to %v before that is proven", got)
	}
	packet, err := peer.EncryptRTP(nil, rtpPacket(1, 1, 100), &rtp.Header{})
	if err != nil {
		t.Fatal(err)
	}
	tr.packet(packet, way{udp: c.peer(elsewhere)}, time.Now())
	if got := goes(); got != elsewhere {
		t.Errorf("media goes to %v, want %v", got, elsewhere)
	}
	// What is proven stays so when ICE restarts.
	s = tr.listen("restarted", "password", true)
	check(elsewhere)
	tr.selectPair(elsewhere.Addr().String(), elsewhere.Port(), false, false)
	if goes() != elsewhere {
		t.Error("a known address has to prove itself again after a restart")
	}
	tr.pause()
	if tr.ready() != nil {
		t.Error("media leaves while the connection is disconnected")
	}
	tr.begin()
	if tr.ready() == nil {
		t.Error("no media leaves once the connection works again")
	}
}

// Browsers may begin the handshake on another pair than ICE selects: it is answered
// where it came from, and media goes there.
func TestHandshakeIsAnsweredWhereItCameFrom(t *testing.T) {
	c := testConn(t)
	tr, _ := transportWithKeys(t, c)
	s := tr.listen("ufrag", "password", true)
	peer, selected := newSink(t), newSink(t)
	for _, to := range []netip.AddrPort{addressOf(peer), addressOf(selected)} {
		if !c.admit(bindingRequest(t, s), to, source(c, "127.0.0.1"), time.Now()) {
			t.Fatal("a check is dropped")
		}
	}
	tr.selectPair("127.0.0.1", addressOf(selected).Port(), false, false)
	hello := append([]byte{22, 254, 253}, make([]byte, 300)...)
	if !c.admit(hello, addressOf(peer), source(c, "127.0.0.1"), time.Now()) {
		t.Fatal("DTLS is dropped")
	}
	flight := append([]byte{22, 254, 253}, make([]byte, 700)...)
	if _, err := c.WriteToAddrPort(flight, addressOf(selected)); err != nil {
		t.Errorf("the handshake is not answered: %v", err)
	}
	b := make([]byte, 1000)
	_ = peer.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := peer.Read(b); err != nil || n != len(flight) {
		t.Errorf("%d bytes come to where the handshake came from: %v", n, err)
	}
	tr.begin()
	if w := tr.way.Load(); w == nil || key(w.udp.addr.AddrPort()) != key(addressOf(peer)) {
		t.Errorf("media goes to %v", w)
	}
}

func newSink(t *testing.T) *net.UDPConn {
	t.Helper()
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	return sink
}

func addressOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// A handshake that went to several addresses proves none of them: its answers may
// have come from any. As much goes there as may bring an answer.
func TestScatteredHandshakeProvesNothing(t *testing.T) {
	c := testConn(t)
	tr, peer := transportWithKeys(t, c)
	s := tr.listen("ufrag", "password", true)
	for n := range 2 {
		if !c.admit(bindingRequest(t, s), at(n), source(c, "127.0.0.1"), time.Now()) {
			t.Fatal("a check is dropped")
		}
		tr.selectPair(at(n).Addr().String(), at(n).Port(), false, false)
		tr.handshake(c.peer(at(n)))
	}
	tr.begin()
	if w := tr.way.Load(); w == nil || w.proven() {
		t.Errorf("media goes to %v", w)
	}
	sent, came := 0, int(c.peer(at(1)).remote.received.Load())
	for range 100 {
		if tr.sendRTP(&rtp.Header{Version: 2, SSRC: 1}, make([]byte, 100), false) == nil {
			sent += 112
		}
	}
	if sent == 0 || sent > unproven*came {
		t.Errorf("%d bytes of media go to where %d came from", sent, came)
	}
	packet, err := peer.EncryptRTP(nil, rtpPacket(1, 1, 100), &rtp.Header{})
	if err != nil {
		t.Fatal(err)
	}
	tr.packet(packet, way{udp: c.peer(at(0))}, time.Now()) // not from the pair that ICE has selected
	if w := tr.way.Load(); w == nil || key(w.udp.addr.AddrPort()) != at(0) {
		t.Errorf("media goes to %v though the peer sends from %v", w, at(0))
	}
}

// Firefox nominates several pairs at once and uses the best; Chrome nominates the one
// that it uses now, be it worse than the last. Media tells which one that is, and ICE
// follows it.
func TestPairOfTheMediaIsSelected(t *testing.T) {
	c := testConn(t)
	tr, peer := transportWithKeys(t, c)
	s := tr.listen("ufrag", "password", true)
	best, second := at(1), at(2)
	selects := func(from netip.AddrPort, nominates bool) bool {
		t.Helper()
		setters := []stun.Setter{stun.TransactionID, stun.BindingRequest}
		if nominates {
			setters = append(setters, ice.UseCandidate())
		}
		check, err := stun.Build(setters...)
		if err != nil {
			t.Fatal(err)
		}
		candidate := func(a netip.AddrPort) ice.Candidate {
			c, err := ice.NewCandidateHost(&ice.CandidateHostConfig{Network: "udp", Address: a.Addr().String(), Port: int(a.Port()), Component: 1})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		return tr.selects(check, candidate(at(0)), candidate(from), nil)
	}
	sends := func(from netip.AddrPort, number int) {
		t.Helper()
		packet, err := peer.EncryptRTP(nil, rtpPacket(1, number, 100), &rtp.Header{})
		if err != nil {
			t.Fatal(err)
		}
		tr.packet(packet, way{udp: c.peer(from)}, time.Now())
		if w := tr.way.Load(); w == nil || key(w.udp.addr.AddrPort()) != from {
			t.Errorf("media goes to %v, and comes from %v", w, from)
		}
	}
	for _, from := range []netip.AddrPort{best, second} {
		if !c.admit(bindingRequest(t, s), from, source(c, "127.0.0.1"), time.Now()) {
			t.Fatal("a check is dropped")
		}
	}
	tr.handshake(c.peer(best))
	tr.selectPair(best.Addr().String(), best.Port(), false, false)
	tr.begin()
	if selects(second, true) {
		t.Error("a second nomination is followed, though the first pair works")
	}
	sends(best, 1)
	sends(second, 2)
	if !selects(second, false) {
		t.Error("ICE does not follow the media")
	}
	tr.selectPair(second.Addr().String(), second.Port(), false, false)
	if selects(second, false) {
		t.Error("the pair that is selected is selected again")
	}
	sends(best, 3)
	if !selects(best, false) {
		t.Error("ICE does not follow the media back")
	}
	tr.selectPair(best.Addr().String(), best.Port(), false, false)
	tr.checked = time.Now().Add(-2 * silent)
	if selects(second, false) {
		t.Error("a pair is selected that the peer has not nominated")
	}
	if !selects(second, true) {
		t.Error("a nomination is not followed, though nothing comes on the other pair")
	}
}
