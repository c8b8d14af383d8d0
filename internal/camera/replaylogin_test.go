package camera

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"regexp"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
)

// parameters are those of a challenge or of an answer to one (RFC 7235 §2.1).
func parameters(text string) map[string]string {
	list := map[string]string{}
	for _, m := range regexp.MustCompile(`([A-Za-z0-9_-]+)\s*=\s*(?:"([^"]*)"|([^,\s]*))`).FindAllStringSubmatch(text, -1) {
		list[strings.ToLower(m[1])] = m[2] + m[3]
	}
	return list
}

// authorized reports whether a request answers one of the challenges with the user and
// the password, as RFC 7616 and RFC 7617 have it. A camera that offers qop wants it.
func authorized(req *base.Request, challenges []string, user, password string) bool {
	if len(req.Header["Authorization"]) != 1 {
		return false
	}
	kind, answer, _ := strings.Cut(req.Header["Authorization"][0], " ")
	got := parameters(answer)
	for _, c := range challenges {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(c), " ")
		if !strings.EqualFold(scheme, kind) {
			continue
		}
		if strings.EqualFold(kind, "Basic") {
			text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(answer))
			if err == nil && string(text) == user+":"+password {
				return true
			}
			continue
		}
		if digestFits(got, parameters(rest), string(req.Method), user, password) {
			return true
		}
	}
	return false
}

func digestFits(got, asked map[string]string, method, user, password string) bool {
	algorithm := strings.ToUpper(asked["algorithm"])
	if got["nonce"] != asked["nonce"] || got["realm"] != asked["realm"] || got["username"] != user ||
		!strings.EqualFold(got["algorithm"], algorithm) && (algorithm != "" || !strings.EqualFold(got["algorithm"], "MD5")) {
		return false
	}
	sums := map[string]func() hash.Hash{"MD5": md5.New, "SHA-256": sha256.New, "SHA-512-256": sha512.New512_256}
	name, session := strings.CutSuffix(algorithm, "-SESS")
	if name == "" {
		name = "MD5"
	}
	if sums[name] == nil {
		return false
	}
	sum := func(parts ...string) string {
		h := sums[name]()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	secret := sum(user, asked["realm"], password)
	if session {
		secret = sum(secret, asked["nonce"], got["cnonce"])
	}
	what := sum(method, got["uri"])
	if asked["qop"] == "" {
		return got["response"] == sum(secret, asked["nonce"], what)
	}
	return got["qop"] == "auth" && len(got["nc"]) == 8 && got["cnonce"] != "" &&
		got["response"] == sum(secret, asked["nonce"], got["nc"], got["cnonce"], "auth", what)
}
