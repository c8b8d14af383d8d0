package credential

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

// TestDigest: the examples of RFC 7616, section 3.9.1, and of RFC 2069 with its
// erratum.
func TestDigest(t *testing.T) {
	const both = `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=ALGORITHM, ` +
		`nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
	for line, want := range map[string]string{
		strings.Replace(both, "ALGORITHM", "MD5", 1):     `response="8ca523f5e9506fed4657c9700eebdbec"`,
		strings.Replace(both, "ALGORITHM", "SHA-256", 1): `response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`,
	} {
		c := strongest([]string{line})
		got := c.answerWith("GET", "/dir/index.html", "Mufasa", "Circle of Life", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
		if !strings.Contains(got, want) || !strings.Contains(got, "qop=auth, nc=00000001") || !strings.Contains(got, `opaque="FQhe`) {
			t.Errorf("got %s", got)
		}
		if next := c.answer("GET", "/", "Mufasa", "x"); !strings.Contains(next, "nc=00000002") {
			t.Errorf("then %s", next)
		}
	}
	old := strongest([]string{`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`})
	if got := old.answer("GET", "/dir/index.html", "Mufasa", "CircleOfLife"); !strings.Contains(got, `response="1949323746fe6a43ef61f9606e7febea"`) || strings.Contains(got, "cnonce") {
		t.Errorf("got %s", got)
	}
}

// TestDigestSHA512: the request of RFC 7616, section 3.9.2, whose own numbers are wrong
// (erratum 4897). The response is what OpenSSL makes of it.
func TestDigestSHA512(t *testing.T) {
	c := strongest([]string{`Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, ` +
		`nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true`})
	got := c.answerWith("GET", "/doe.json", "Jäsøn Doe", "Secret, or not?", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm")
	if !strings.Contains(got, `response="7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c"`) {
		t.Errorf("got %s", got)
	}
}

// TestDigestOfASession: one cnonce is that of the first request and that of the present
// one, so that both kinds of servers take it.
func TestDigestOfASession(t *testing.T) {
	c := strongest([]string{`Digest realm="cam", nonce="1", algorithm=MD5-sess, qop="auth"`})
	first, second := challenges(c.answer("OPTIONS", "/", "u", "p"))[0], challenges(c.answer("PLAY", "/", "u", "p"))[0]
	if first["cnonce"] == "" || first["cnonce"] != second["cnonce"] || second["nc"] != "00000002" || first["algorithm"] != "MD5-sess" {
		t.Errorf("%v, then %v", first, second)
	}
	hash := c.hash
	a1 := hash(hash("u:cam:p") + ":1:" + second["cnonce"])
	if want := hash(strings.Join([]string{a1, "1", "00000002", second["cnonce"], "auth", hash("PLAY:/")}, ":")); second["response"] != want {
		t.Errorf("%s, want %s", second["response"], want)
	}
}

// TestPasswordDigest: the example of ONVIF's Application Programmer's Guide.
func TestPasswordDigest(t *testing.T) {
	nonce, err := base64.StdEncoding.DecodeString("LKqI6G/AikKCQrN0zqZFlg==")
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := ForHost("user", "userpassword", "cam").PasswordDigest(&url.URL{Scheme: "http", Host: "cam"}, nonce, "2010-09-16T07:50:45Z"); err != nil || got != "tuOSpGlFlIXsozq4HFNeeGeFLEI=" {
		t.Errorf("got %s", got)
	}
}

func TestChallenges(t *testing.T) {
	for _, c := range []struct {
		lines []string
		realm string // of the one that is chosen
	}{
		{[]string{`Basic realm="b", Digest realm="d", nonce="1", Digest realm="s", nonce="2", algorithm=SHA-256`}, "s"},
		{[]string{`Digest realm="s", nonce=2, algorithm="sha-256"`, `digest REALM = "d" , NONCE= "1"`}, "s"},
		{[]string{`Digest realm="a\", nonce=\"x", nonce="1"`}, `a", nonce="x`},
		{[]string{`Digest realm="first",nonce="1"`, `Digest realm="second",nonce="1"`}, "first"},
		{[]string{`Negotiate abc=, Digest realm="d", nonce="1"`}, "d"},
		{[]string{`Digest realm="d", nonce="1", algorithm=SHA-512-256`}, "d"},
		{[]string{`Digest realm="s", nonce="1", algorithm=SHA-256, Digest realm="d", nonce="1", algorithm=SHA-512-256-sess`, `Digest realm="m", nonce="1"`}, "d"},
		{[]string{`Digest realm="d", nonce="1", algorithm=SHA-512`, `Digest realm="m", nonce="1", algorithm="md5-Sess", qop=""`}, "m"},
		{[]string{`Digest realm="d", nonce="1", qop="auth-int"`}, ""},
		{[]string{`Digest realm="d"`}, ""},
		{[]string{`Basic realm="d", nonce="1"`, "", ",,,", "=", `realm="x"`}, ""},
		{nil, ""},
	} {
		got := strongest(c.lines)
		if (got == nil) != (c.realm == "") || got != nil && got.realm != c.realm {
			t.Errorf("%q: %+v", c.lines, got)
		}
	}
}

// FuzzChallenge: an answer to any challenge is one line, and reads as what was
// meant.
func FuzzChallenge(f *testing.F) {
	f.Add(`Digest realm="a", nonce="b", qop="auth", opaque="c\"d", algorithm=SHA-256`)
	f.Add(`Basic realm="x", Digest nonce=1, stale=TRUE`)
	f.Fuzz(func(t *testing.T, line string) {
		c := strongest([]string{line})
		if c == nil {
			return
		}
		said := challenges(c.answer("POST", "/x", "user", "secret"))
		if len(said) != 1 || said[0]["realm"] != c.realm || said[0]["nonce"] != c.nonce || said[0]["username"] != "user" {
			t.Errorf("%q is answered %q", line, said)
		}
	})
}
