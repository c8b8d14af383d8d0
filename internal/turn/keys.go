package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// keys makes credentials that run out, and knows them again without keeping them:
// the user name is when they run out and a random part, the password is a MAC of
// it (draft-uberti-behave-turn-rest). They end with the process.
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
	return k.mac(user), now.Before(time.Unix(seconds, 0)), true
}

// Credentials for somebody who was let in.
func (r *Relay) Credentials() (user, password string) {
	user = strconv.FormatInt(time.Now().Add(keyLife).Unix(), 10) + ":" + rand.Text()
	return user, r.keys.mac(user)
}
