package rtc

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
)

func TestTheCheapestProfileComesFirst(t *testing.T) {
	gcm, cm := dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80
	for _, c := range []struct {
		name    string
		gcm, cm time.Duration
		want    []dtls.SRTPProtectionProfile
	}{
		{"AES instructions", 300, 2000, []dtls.SRTPProtectionProfile{gcm, cm}},
		{"none", 9000, 7000, []dtls.SRTPProtectionProfile{cm, gcm}},
		{"equal", 500, 500, []dtls.SRTPProtectionProfile{gcm, cm}},
		{"a slow machine", 5 * time.Second, time.Second, []dtls.SRTPProtectionProfile{cm, gcm}},
		{"one does not work", neverProfile, 700, []dtls.SRTPProtectionProfile{cm, gcm}},
		{"the other does not", 900, neverProfile, []dtls.SRTPProtectionProfile{gcm, cm}},
	} {
		got := byCost(func(p srtp.ProtectionProfile) time.Duration {
			if p == srtp.ProtectionProfileAeadAes128Gcm {
				return c.gcm
			}
			return c.cm
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// What is measured is a packet that was protected, and what cannot be is known.
func TestTheCostOfAProfileIsMeasured(t *testing.T) {
	for _, p := range profilesByCost() {
		if cost := profileCost(srtp.ProtectionProfile(p)); cost <= 0 || cost > time.Second {
			t.Errorf("%v takes %v", p, cost)
		}
	}
	if cost := profileCost(0xffff); cost != neverProfile {
		t.Errorf("a profile that there is not takes %v", cost)
	}
}
