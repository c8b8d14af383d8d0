package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"umbrella/internal/clock"
)

// keys makes credentials that run out, and knows them again without keeping them:
// the user name is when they run out, what stands for the client that they were given
// to, and a random part; the password is a MAC of it (draft-uberti-behave-turn-rest).
// They end with the process.
type keys struct{ secret []byte }

// keyLife is how long credentials are good for new allocations: longer than most
// calls, whose browsers may have to connect anew.
const keyLife = 12 * time.Hour

func newKeys() keys {
	k := keys{make([]byte, 32)}
	_, _ = rand.Read(k.secret) // it does not fail
	return k
}

func (k keys) mac(user string) string {
	h := hmac.New(sha256.New, k.secret)
	h.Write([]byte(user))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// password of a user that was made here; current tells that it has not run out.
// It is not ok for what was never made here. It is no secret which user names are
// good in form: the password cannot be known by them.
func (k keys) password(user string, now time.Time) (password string, current, ok bool) {
	end, rest, ok := strings.Cut(user, ":")
	if !ok || rest == "" || len(user) > 64 {
		return "", false, false
	}
	seconds, err := strconv.ParseInt(end, 10, 64)
	if err != nil {
		return "", false, false
	}
	return k.mac(user), clock.Milli(now)/1000 < seconds, true
}

// Credentials for a client that was let in, as bound.Origin has it.
func (r *Relay) Credentials(client netip.Prefix) (user, password string) {
	user = strconv.FormatInt(clock.Milli(time.Now().Add(keyLife))/1000, 10) + ":" + r.keys.mac("client " + client.String())[:8] + ":" + rand.Text()
	return user, r.keys.mac(user)
}

// clientOf is what stands for a client in the name of a user.
func clientOf(user string) string {
	_, rest, _ := strings.Cut(user, ":")
	client, _, _ := strings.Cut(rest, ":")
	return client
}
