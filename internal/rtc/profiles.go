package rtc

import (
	"cmp"
	"slices"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// profilesByCost returns the SRTP protection profiles that we take, the one
// that costs this machine the least first. With AES instructions that is GCM by
// far; without them it is not said.
func profilesByCost() []dtls.SRTPProtectionProfile { return byCost(profileCost) }

func byCost(of func(srtp.ProtectionProfile) time.Duration) []dtls.SRTPProtectionProfile {
	profiles := []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}
	cost := map[dtls.SRTPProtectionProfile]time.Duration{}
	for _, p := range profiles {
		cost[p] = of(srtp.ProtectionProfile(p))
	}
	slices.SortStableFunc(profiles, func(a, b dtls.SRTPProtectionProfile) int { return cmp.Compare(cost[a], cost[b]) })
	return profiles
}

// neverProfile is the cost of a profile that does not work at all.
const neverProfile = time.Duration(1<<63 - 1)

// profileCost is what protecting a packet takes: the least of several tries of
// well below a millisecond each.
func profileCost(profile srtp.ProtectionProfile) time.Duration {
	const tries, packets, size = 8, 16, 1100
	keyLen, err := profile.KeyLen()
	if err != nil {
		return neverProfile
	}
	saltLen, err := profile.SaltLen()
	if err != nil {
		return neverProfile
	}
	ctx, err := srtp.CreateContext(make([]byte, keyLen), make([]byte, saltLen), profile)
	if err != nil {
		return neverProfile
	}
	plain := make([]byte, size)
	plain[0] = 0x80
	out := make([]byte, 0, size+overhead)
	var h rtp.Header
	best := neverProfile
	for range tries {
		begin := time.Now()
		for i := range packets {
			plain[3] = byte(i)
			if _, err := ctx.EncryptRTP(out, plain, &h); err != nil {
				return neverProfile
			}
		}
		best = min(best, time.Since(begin)/packets)
	}
	return best
}
