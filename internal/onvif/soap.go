package onvif

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	nsEnvelope = "http://www.w3.org/2003/05/soap-envelope"
	nsSchema   = "http://www.onvif.org/ver10/schema"
	nsDevice   = "http://www.onvif.org/ver10/device/wsdl"
	nsMedia    = "http://www.onvif.org/ver10/media/wsdl"
	nsMedia2   = "http://www.onvif.org/ver20/media/wsdl"
)

// fault is a SOAP fault, of version 1.2 or 1.1. It is an error.
type fault struct {
	Code     string `xml:"Code>Value"`
	Subcode  string `xml:"Code>Subcode>Value"`
	Detail   string `xml:"Code>Subcode>Subcode>Value"`
	Reason   string `xml:"Reason>Text"`
	OldCode  string `xml:"faultcode"`
	OldCause string `xml:"faultstring"`
}

func (f *fault) reason() string { return clean(f.Reason + " " + f.OldCause) }

func (f *fault) Error() string {
	if r := f.reason(); r != "" {
		return fmt.Sprintf("the camera answers: %q", r)
	}
	return fmt.Sprintf("the camera answers with the fault %q", clean(f.Code+" "+f.Subcode+" "+f.Detail+" "+f.OldCode))
}

// unauthorized tells that the fault is about who asks.
func (f *fault) unauthorized() bool {
	codes := strings.ToLower(f.Subcode + " " + f.Detail + " " + f.OldCode)
	for _, c := range []string{"notauthorized", "failedauthentication", "invalidsecurity"} {
		if strings.Contains(codes, c) {
			return true
		}
	}
	reason := strings.ToLower(f.reason())
	for _, w := range []string{"not authorized", "unauthorized", "authority failure", "password"} {
		if strings.Contains(reason, w) {
			return true
		}
	}
	return false
}

// decode reads a SOAP envelope; the first element of its body goes to out, a
// pointer to a struct. Elements are known by their local names: makers differ
// in prefixes, and some in namespaces. An entity that XML does not define is an
// error, so none can grow. A fault comes back as *fault.
func decode(data []byte, out any) error {
	var envelope struct {
		XMLName xml.Name `xml:"Envelope"`
		Body    struct {
			Fault  *fault `xml:"Fault"`
			Answer any    `xml:",any"`
		} `xml:"Body"`
	}
	envelope.Body.Answer = out
	// Some declare another encoding than they use. What is not UTF-8 is dropped:
	// it may be in a name, and nowhere else.
	d := xml.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(data, nil)))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	if err := d.Decode(&envelope); err != nil {
		return fmt.Errorf("reading a SOAP envelope: %w", err)
	}
	if envelope.Body.Fault != nil {
		return envelope.Body.Fault
	}
	return nil
}

// escape makes text fit for an element.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder does not fail
	return b.String()
}

// number is a number of zero and above as cameras write it; what is none, or
// absurd, is 0.
type number float64

// UnmarshalText never fails: for one odd field the rest is not thrown away.
func (n *number) UnmarshalText(text []byte) error {
	f, err := strconv.ParseFloat(string(bytes.TrimSpace(text)), 64)
	if err != nil || !(f >= 0 && f <= 1e6) {
		f = 0
	}
	*n = number(f)
	return nil
}
