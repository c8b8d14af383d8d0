package rtc

import (
	"bytes"
	"crypto/sha256"
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
)

// keys learns what one DTLS handshake agrees on, so that media can be protected
// without going through pion: its way from a packet to the socket costs more
// than all that we do with it, and its way back wakes four goroutines. The
// secrets come by the hooks that pion has for them, and stay in the process.
type keys struct {
	mu      sync.Mutex
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

// hello reads our ServerHello (RFC 5764 §4.1.1).
func (k *keys) hello(m handshake.MessageServerHello) handshake.Message {
	random := m.Random.MarshalFixed()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.server = random[:]
	for _, x := range m.Extensions {
		if use, ok := x.(*extension.UseSRTP); ok && len(use.ProtectionProfiles) > 0 {
			k.profile = srtp.ProtectionProfile(use.ProtectionProfiles[0])
		}
	}
	return &m
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
	if err := cfg.ExtractSessionKeysFromDTLS(exporter{master, client, k.server}, false); err != nil {
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
