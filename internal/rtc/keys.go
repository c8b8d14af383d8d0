package rtc

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/crash"
)

// keys learns what one DTLS handshake agrees on, so that media can be protected
// without going through pion: its way from a packet to the socket costs more
// than all that we do with it, and its way back wakes four goroutines. The
// secrets come by the hooks that pion has for them, and stay in the process.
type keys struct {
	mu sync.Mutex
	// client: the node is the DTLS client, and the peer sends the ServerHello.
	client  bool
	server  []byte // random of the ServerHello
	profile srtp.ProtectionProfile
	// agreed is called when the keys are known, which is before the peer can
	// have any; not every handshake gets there.
	agreed func(srtp.SessionKeys, srtp.ProtectionProfile)
}

// cipherSuite is the one that every WebRTC endpoint has (RFC 8827 §6.5). The
// hash function of its key derivation is SHA-256.
const cipherSuite = dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256

// listen makes a connection with these settings tell its keys.
func (k *keys) listen(s *webrtc.SettingEngine) {
	s.SetDTLSCipherSuites(cipherSuite)
	s.SetDTLSServerHelloMessageHook(k.hello)
	s.SetDTLSKeyLogWriter(k)
}

// beClient makes the node the DTLS client of the handshake that is to come.
func (k *keys) beClient() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.client = true
}

// hello reads our ServerHello.
func (k *keys) hello(m handshake.MessageServerHello) handshake.Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.read(m)
	return &m
}

// heard reads the ServerHello of the peer where the node is the DTLS client: pion has
// no hook for it. A ServerHello is not authenticated before the handshake has ended
// well, to pion as little as here; the first one counts for both. packet is DTLS from
// an address of the peer.
func (k *keys) heard(packet []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.client || k.server != nil {
		return
	}
	if m, ok := serverHello(packet); ok {
		k.read(m)
	}
}

const (
	recordHeader    = 13 // bytes (RFC 6347 §4.1)
	handshakeHeader = 12 // bytes (RFC 6347 §4.2.2)
)

// serverHello finds the ServerHello in the records of one datagram. It is the first
// message of its flight and has about 100 bytes, so nobody sends it in fragments.
func serverHello(packet []byte) (m handshake.MessageServerHello, ok bool) {
	const handshakeType = 22
	for len(packet) > recordHeader {
		size := int(binary.BigEndian.Uint16(packet[recordHeader-2:]))
		if size > len(packet)-recordHeader {
			return m, false
		}
		record := packet[recordHeader : recordHeader+size]
		first, epoch := packet[0], binary.BigEndian.Uint16(packet[3:])
		packet = packet[recordHeader+size:]
		if first != handshakeType || epoch != 0 {
			continue
		}
		// Some servers put several messages into one record.
		for len(record) >= handshakeHeader {
			length, offset, here := uint24(record[1:]), uint24(record[6:]), uint24(record[9:])
			if offset != 0 || here != length || length > len(record)-handshakeHeader {
				break
			}
			if handshake.Type(record[0]) == handshake.TypeServerHello {
				return m, parseServerHello(&m, record[handshakeHeader:handshakeHeader+length]) == nil
			}
			record = record[handshakeHeader+length:]
		}
	}
	return m, false
}

func parseServerHello(m *handshake.MessageServerHello, b []byte) (err error) {
	defer crash.Catch(crash.Media, "", &err)
	return m.Unmarshal(b)
}

func uint24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// read takes what keys need of a ServerHello (RFC 5764 §4.1.1). The caller holds mu.
func (k *keys) read(m handshake.MessageServerHello) {
	random := m.Random.MarshalFixed()
	k.server = random[:]
	for _, x := range m.Extensions {
		if use, ok := x.(*extension.UseSRTP); ok && len(use.ProtectionProfiles) > 0 {
			k.profile = srtp.ProtectionProfile(use.ProtectionProfiles[0])
		}
	}
}

var errKeyLog = errors.New("dtls: a line of secrets that cannot be read")

// Write takes a line of secrets: label, client random and master secret.
func (k *keys) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != "CLIENT_RANDOM" {
		return 0, errKeyLog
	}
	client, err := hex.DecodeString(string(fields[1]))
	if err != nil {
		return 0, errKeyLog
	}
	master, err := hex.DecodeString(string(fields[2]))
	if err != nil {
		return 0, errKeyLog
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	cfg := srtp.Config{Profile: k.profile}
	if err := cfg.ExtractSessionKeysFromDTLS(exporter{master, client, k.server}, k.client); err != nil {
		return 0, fmt.Errorf("srtp keys: %w", err)
	}
	k.agreed(cfg.Keys, k.profile)
	return len(line), nil
}

// exporter derives keys from a master secret (RFC 5705 §4).
type exporter struct{ master, client, server []byte }

func (e exporter) ExportKeyingMaterial(label string, _ []byte, length int) ([]byte, error) {
	seed := append(append([]byte(label), e.client...), e.server...)
	return prf.PHash(e.master, seed, length, sha256.New)
}
