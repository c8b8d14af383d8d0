package rtsp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/headers"
	"github.com/bluenviron/gortsplib/v4/pkg/mikey"
)

var testKey = bytes.Repeat([]byte{7, 9}, (srtpKey+srtpSalt)/2)

// sent is a MIKEY message of a camera; policy are the parameters of SRTP.
func sent(policy, key []byte) []byte {
	b := []byte{1, 0, payloadT, 0, 1, 2, 3, 4, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 6} // one context: SSRC 5, ROC 6
	b = append(b, payloadRAND, 0, 0, 0, 0, 0, 0, 0, 0, 0)                       // a time of 1900
	b = append(b, payloadSP, 2, 1, 2)
	b = append(b, payloadKEMAC, 0, 0, 0, byte(len(policy)))
	b = append(b, policy...)
	b = append(b, payloadLast, 0, 0, byte(len(key)))
	return append(append(b, key...), 0)
}

func keyOf(kind byte, rest ...byte) []byte {
	return append(append([]byte{0, kind, 0, byte(len(testKey))}, testKey...), rest...)
}

var (
	plain = []byte{0, 1, 1, 1, 1, 16, 2, 1, 1, 3, 1, 10, 7, 1, 1, 8, 1, 1, 10, 1, 1}
	// What gortsplib v5 says, and with it MediaMTX since 1.15: the length of the key of
	// HMAC is 20, and that of its tag 10 (bluenviron/gortsplib#827).
	since5 = []byte{0, 1, 1, 1, 1, 16, 2, 1, 1, 3, 1, 20, 7, 1, 1, 8, 1, 1, 10, 1, 1, 11, 1, 10}
)

func mikeyOf(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// TestKeys: wherever the keys are, and however they are written, the library gets them
// in the answer to SETUP.
func TestKeys(t *testing.T) {
	const url = "rtsps://cam/s/track2"
	header1 := func(b []byte) header { return header{"keymgmt": {`prot=mikey;uri="";data="` + mikeyOf(b) + `"`}} }
	offer := func(b []byte) string { return "mikey " + mikeyOf(b) }
	bad := sent(plain, append([]byte{0, keyTEK << 4, 0, 16}, testKey[:16]...))
	for name, c := range map[string]struct {
		h      header
		offers []keyOffer
		mki    int
	}{
		"gortsplib v4":              {h: header1(sent(plain, keyOf(keyTEK<<4)))},
		"gortsplib v5":              {h: header1(sent(since5, keyOf(keyTEK<<4)))},
		"no policy":                 {h: header1(sent(nil, keyOf(keyTEK<<4)))},
		"the salt by itself":        {h: header1(sent(plain, append(append(append([]byte{0, keyTEKWithSalt << 4, 0, srtpKey}, testKey[:srtpKey]...), 0, srtpSalt), testKey[srtpKey:]...)))},
		"Axis, with an MKI":         {h: header1(sent(since5, keyOf(keyTEK<<4|1, 4, 1, 2, 3, 4))), mki: 4},
		"without quotes or padding": {h: header{"keymgmt": {"prot=MIKEY; uri=x; data=" + strings.TrimRight(mikeyOf(sent(plain, keyOf(keyTEK<<4))), "=")}}},
		"of the session":            {h: header{}, offers: []keyOffer{{data: offer(sent(since5, keyOf(keyTEK<<4)))}, {control: "track1"}, {control: "track2"}}},
		"of the media": {h: header{}, offers: []keyOffer{
			{data: offer(bad)}, {control: "track1", data: offer(bad)}, {control: "rtsps://cam/s/track2", data: offer(sent(plain, keyOf(keyTEK<<4)))}, {control: "track22", data: offer(bad)},
		}},
		"the answer goes first": {h: header1(sent(plain, keyOf(keyTEK<<4))), offers: []keyOffer{{data: offer(bad)}, {control: "track2", data: offer(bad)}}},
	} {
		text, mki, err := (&Conn{offers: c.offers}).keys(url, c.h)
		var got headers.KeyMgmt
		if err == nil {
			err = got.Unmarshal([]string{text})
		}
		if err != nil || mki != c.mki {
			t.Errorf("%s: an MKI of %d bytes, %v", name, mki, err)
			continue
		}
		m := got.MikeyMessage
		kemac, ok := m.Payloads[2].(*mikey.PayloadKEMAC)
		if !ok || !bytes.Equal(kemac.SubPayloads[0].KeyData, testKey) || m.Header.CSIDMapInfo[0] != (mikey.SRTPIDEntry{SSRC: 5, ROC: 6}) {
			t.Errorf("%s: %+v", name, m)
		}
	}
	for name, c := range map[string]struct {
		h    header
		want string
	}{
		"nothing":         {header{}, "it sends no keys"},
		"AES-256":         {header1(sent([]byte{1, 1, 32}, keyOf(keyTEK<<4))), "parameter 1 is 32"},
		"a tag of 4":      {header1(sent([]byte{11, 1, 4}, keyOf(keyTEK<<4))), "parameter 11 is 4"},
		"no encryption":   {header1(sent([]byte{7, 1, 0}, keyOf(keyTEK<<4))), "parameter 7 is 0"},
		"a short key":     {header1(bad), "a key of type 2 has 16 bytes"},
		"rubbish":         {header{"keymgmt": {"prot=mikey;data=%%%"}}, "cannot be read"},
		"half of it":      {header1(sent(plain, keyOf(keyTEK<<4))[:40]), "cannot be read"},
		"another version": {header1([]byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 0}), "cannot be read"},
		"too long":        {header{"keymgmt": {"prot=mikey;data=" + strings.Repeat("AAAA", maxMIKEY)}}, "cannot be read"},
	} {
		if _, _, err := (&Conn{}).keys(url, c.h); !errors.Is(err, ErrKeys) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithoutMKI(t *testing.T) {
	if got := withoutMKI([]byte("packetMKI-0123456789"), 4); string(got) != "packet0123456789" {
		t.Errorf("%q", got)
	}
	if got := withoutMKI([]byte("short"), 4); string(got) != "short" {
		t.Errorf("%q", got)
	}
}
