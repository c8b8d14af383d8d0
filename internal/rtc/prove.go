package rtc

import (
	"github.com/pion/stun/v4"

	"umbrella/internal/crash"
)

// The DTLS client speaks first. FFmpeg's WHIP muxer, which asks to be the server,
// sends one check of 88 bytes, drops the first ClientHello and waits for the next one:
// two of them are more than may be sent to an address that is not proven. So where
// the node is the DTLS client, it sends a check of its own to each address from which
// a check of the peer came. The answer proves the address: its transaction ID, 96
// random bits, was sent nowhere else.

// checkedPeer is what a session needs for checks of its own. iceSession.mu guards it.
type checkedPeer struct {
	ufrag, pwd string // of the peer; empty: the session sends no checks
}

// proof is a check of the node's that has not been answered yet. iceSession.mu guards it.
type proof struct {
	sent bool
	id   [stun.TransactionIDSize]byte
	held []byte // DTLS that could not leave before the address is proven
}

// check makes the session prove the addresses of its peer, with the peer's credentials.
func (s *iceSession) check(ufrag, pwd string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peer = checkedPeer{ufrag, pwd}
}

// prove sends a check to the address, if the session does that and the address is not
// proven. It counts as anything else that is sent there.
func (c *mediaConn) prove(o *outlet) {
	a := o.remote
	if a.proven.Load() {
		return
	}
	s := a.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peer.pwd == "" || a.proof.sent {
		return
	}
	const priority = 110<<24 | 65535<<8 | 255 // of a peer-reflexive candidate (RFC 8445 §5.1.2.1)
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest,
		stun.NewUsername(s.peer.ufrag+":"+s.ufrag),
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{priority >> 24, priority >> 16 & 0xff, priority >> 8 & 0xff, priority & 0xff}},
		stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)},
		stun.NewShortTermIntegrity(s.peer.pwd), stun.Fingerprint)
	if err != nil {
		return
	}
	a.proof.sent, a.proof.id = true, m.TransactionID
	_, _ = c.write(m.Raw, o) // lost like any packet when it cannot be sent
}

// proves takes an answer to the node's check, and reports whether it proves the address.
func (c *mediaConn) proves(packet []byte, o *outlet) bool {
	a := o.remote
	s := a.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if !a.proof.sent || !answers(packet, a.proof.id, s.peer.pwd) {
		return false
	}
	a.proven.Store(true)
	held := a.proof.held
	a.proof = proof{}
	if held != nil {
		_, _ = c.write(held, o)
	}
	return true
}

// answers reports whether a packet is the success response to a check (RFC 8445 §7.2.5).
func answers(packet []byte, id [stun.TransactionIDSize]byte, pwd string) bool {
	m := &stun.Message{Raw: append([]byte(nil), packet...)}
	var err error
	func() {
		defer crash.Catch(crash.Media, "", &err)
		err = m.Decode()
	}()
	return err == nil && m.Type == stun.BindingSuccess && m.TransactionID == id &&
		stun.NewShortTermIntegrity(pwd).Check(m) == nil
}

// hold keeps a packet of DTLS until the address is proven: the newest one, as DTLS
// sends again what is lost.
func (a *remoteAddress) hold(b []byte) {
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	if a.proof.sent {
		a.proof.held = append(a.proof.held[:0], b...)
	}
}
