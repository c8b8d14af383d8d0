package onvif

import (
	"bytes"
	"encoding/xml"
	"errors"
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
	if err := measure(data); err != nil {
		return err
	}
	// Some declare another encoding than they use. What is not UTF-8 is dropped:
	// it may be in a name, and nowhere else.
	d := xml.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(data, nil)))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	if err := d.Decode(&envelope); err != nil {
		return fmt.Errorf("reading a SOAP envelope: %w", shown(err))
	}
	if envelope.Body.Fault != nil {
		return envelope.Body.Fault
	}
	return nil
}

// Bounds of a message in XML, beside its length. A real answer of a recorder with 64
// channels has 30,000 tags, 12 deep, with up to 6 attributes (and some envelopes declare
// 80 namespaces).
const (
	maxTags       = 1 << 16
	maxDepth      = 64
	maxAttributes = 256 // of one tag
	maxElements   = 256 // of one kind, in a list that is kept
)

// measure counts what is in a message before anything is made of it.
func measure(data []byte) error {
	tags, depth := 0, 0
	for {
		start := bytes.IndexByte(data, '<')
		if start < 0 || start+1 == len(data) {
			return nil
		}
		data = data[start+1:]
		end := bytes.IndexByte(data, '<') // no later than the tag's end
		if end < 0 {
			end = len(data)
		}
		tag := data[:end]
		if tags++; tags > maxTags || bytes.Count(tag, []byte("=")) > maxAttributes && data[0] != '!' {
			return errTooMany
		}
		switch closing := bytes.IndexByte(tag, '>'); {
		case data[0] == '?' || data[0] == '!':
		case data[0] == '/':
			depth--
		case closing > 0 && tag[closing-1] == '/':
		default:
			if depth++; depth > maxDepth {
				return errTooMany
			}
		}
	}
}

var errTooMany = errors.New("the camera's answer has too many parts")

// few is a list of elements that goes on no longer than maxElements.
type few[T any] []T

// UnmarshalXML implements xml.Unmarshaler, for each element of the list.
func (f *few[T]) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	if len(*f) == maxElements {
		return d.Skip()
	}
	var element T
	if err := d.DecodeElement(&element, &start); err != nil {
		return err
	}
	*f = append(*f, element)
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
