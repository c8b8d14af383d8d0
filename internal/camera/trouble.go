package camera

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"

	"umbrella/internal/bound"
	"umbrella/internal/camera/rtsp"
	"umbrella/internal/config"
	"umbrella/internal/inet"
)

// Trouble is something that is not as it should be, in words for the owner of
// the camera.
type Trouble struct {
	Reason string // what is wrong: "the camera refused the user name or password"
	Advice string // what to do: "check url"; may be empty
}

// Error implements error.
func (t *Trouble) Error() string {
	if t.Advice == "" {
		return t.Reason
	}
	return t.Reason + ": " + t.Advice
}

// maxWords bounds each part of a Trouble, in bytes, with what tells that it was cut:
// some of it comes from cameras, and all of it goes to other nodes, which refuse
// long texts.
const maxWords = 200

func trouble(reason, advice string) *Trouble {
	return &Trouble{Reason: bounded(reason), Advice: bounded(advice)}
}

func bounded(text string) string { return bound.Text(text, maxWords-len("…")) }

var (
	errStalled  = trouble("the camera stopped sending", "if it happens often, check its network or choose a lower bitrate in it")
	errSilent   = trouble("the camera plays, but nothing comes", "a firewall may hold UDP back: set transport to tcp")
	errTorn     = trouble("by UDP the picture came with parts missing, so that TCP is used", "set transport to tcp, or check the network to the camera")
	errNothing  = trouble("the camera plays, but nothing comes", "restart the camera")
	errRedirect = trouble("the camera sends us from address to address", "check url")
	errHungUp   = trouble("the camera hung up", "it may have too many viewers, or it restarts")
	errEnded    = trouble("the camera has ended the stream", "it may restart, or play a file that is over")
	errNoTracks = trouble("the camera has neither picture nor sound at this address", "check the path in url")
	errFlood    = trouble("the camera sends messages without end", "update its firmware")
	errTooLong  = trouble("the camera does not answer", "check that it is on and reachable")
)

const (
	reasonPassword = "the camera refused the user name or password"
	adviceURL      = "write rtsp://USER:PASSWORD@HOST/PATH"
)

func hasUser(rawURL string) bool {
	u, err := base.ParseURL(rawURL)
	return err == nil && u.User != nil
}

// explain puts an error in words. The URL is the camera's own: nothing of its
// secrets is left in the words.
func explain(err error, rawURL string) *Trouble {
	var t *Trouble
	if errors.As(err, &t) {
		return t
	}
	if t := explainAnswer(err); t != nil {
		if t.Reason == reasonPassword && !hasUser(rawURL) {
			return trouble("the camera wants a user name and a password", adviceURL)
		}
		return t
	}
	if t := explainNetwork(err); t != nil {
		if t == errHungUp {
			return hungUp(rawURL)
		}
		return t
	}
	return trouble("the camera cannot be used: "+withoutSecrets(err.Error(), rawURL), "")
}

// hasEnded reports whether a connection ended as the camera wanted it to.
func hasEnded(err error) bool {
	if err == nil {
		return false
	}
	t := explain(err, "")
	return t == errEnded || t == errHungUp
}

// adviceTransport begins the advice to set another transport.
const adviceTransport = "set transport to "

// inAuto is t where each transport was tried: it is of no use to choose another one.
func (t *Trouble) inAuto() *Trouble {
	if !strings.HasPrefix(t.Advice, adviceTransport) {
		return t
	}
	return trouble("the camera sends in none of the ways that there are", "allow RTP unicast by TCP (interleaved) or UDP in the camera")
}

// hungUp says why a camera may have hung up without a word: most often it is asked at
// the port of something else.
func hungUp(rawURL string) *Trouble {
	u, err := base.ParseURL(rawURL)
	if err != nil || u.Scheme != "rtsp" {
		return errHungUp
	}
	switch port := u.Port(); port {
	case "322", "443", "7441", "8443", "8322":
		return trouble("the camera hung up", "port "+port+" is one for TLS as a rule: write rtsps:// in url, or another port, mostly 554")
	case "80", "81", "88", "8000", "8080", "8081":
		return trouble("the camera hung up", "port "+port+" is one for web pages as a rule: write that of RTSP in url, mostly 554")
	}
	return errHungUp
}

// explainAnswer knows what the camera said.
func explainAnswer(err error) *Trouble {
	var status liberrors.ErrClientBadStatusCode
	if errors.As(err, &status) {
		return explainStatus(status.Code)
	}
	var sdp liberrors.ErrClientSDPInvalid
	var missing liberrors.ErrClientContentTypeMissing
	var kind liberrors.ErrClientContentTypeUnsupported
	var tcp liberrors.ErrClientServerRequestedTCP
	var udp liberrors.ErrClientServerRequestedUDP
	var late liberrors.ErrClientRequestTimedOut
	switch {
	case errors.Is(err, rtsp.ErrFlood):
		return errFlood
	case errors.Is(err, rtsp.ErrEnded):
		return errEnded
	case errors.Is(err, rtsp.ErrHTTP):
		return trouble("a web server answers at the camera's address", "check the port in url: mostly it is 554")
	case errors.Is(err, rtsp.ErrNotRTSP), errors.Is(err, rtsp.ErrTooLong):
		return trouble("what the camera sends is not RTSP", "check the port in url")
	case errors.Is(err, rtsp.ErrKeys):
		return trouble("the camera's stream cannot be decrypted: "+err.Error(), "set its SRTP to AES-128, or turn SRTP off: TLS hides the stream as well")
	case errors.As(err, &sdp), errors.As(err, &missing), errors.As(err, &kind):
		return trouble("the camera's description of its stream (SDP) cannot be read", "check the path in url")
	case errors.As(err, &tcp):
		return trouble("the camera sends by TCP only", adviceTransport+"tcp or auto")
	case errors.As(err, &udp):
		return trouble("the camera sends by UDP only", adviceTransport+"udp or auto")
	case errors.As(err, &late):
		return errTooLong
	}
	return nil
}

func explainStatus(code base.StatusCode) *Trouble {
	switch {
	case code == base.StatusUnauthorized:
		return trouble(reasonPassword, "check url")
	case code == base.StatusForbidden:
		return trouble("the camera does not let this user in", "allow the user to view live pictures, in the camera")
	case code == base.StatusNotFound, code == base.StatusGone, code == base.StatusBadRequest:
		return trouble(fmt.Sprintf("the camera has no stream at this address (%d)", code), "check the path in url")
	case code == base.StatusUnsupportedTransport:
		return trouble("the camera does not send in the way that was asked for", adviceTransport+"auto")
	case code == base.StatusNotEnoughBandwidth, code == base.StatusServiceUnavailable:
		return trouble(fmt.Sprintf("the camera has no room for another viewer (%d)", code), "close other viewers, or allow more of them in the camera")
	case code == base.StatusOptionNotSupported, code == base.StatusNotImplemented, code == base.StatusMethodNotAllowed:
		return trouble(fmt.Sprintf("the camera does not know what every RTSP camera has to (%d)", code), "update its firmware")
	case code >= base.StatusInternalServerError:
		return trouble(fmt.Sprintf("the camera has a fault of its own (%d)", code), "restart the camera")
	}
	return trouble(fmt.Sprintf("the camera answered with status %d", code), "check url")
}

// explainNetwork knows why the camera was not reached.
func explainNetwork(err error) *Trouble {
	var name *net.DNSError
	var local *inet.LocalNameError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return trouble("this machine has no file descriptor left", "raise the limit of open files (nofile), or restart what uses so many")
	case errors.As(err, &local):
		return trouble("nobody in this network answers to the camera's name (mDNS)", "check that it is on and in the same network as the node, or write its address")
	case errors.As(err, &name):
		return trouble("nobody knows the camera's name "+name.Name, "check the host in url, or write its address")
	case errors.As(err, &record):
		return trouble("the camera does not speak TLS here", "write rtsp:// instead of rtsps://, or check the port")
	case errors.As(err, &cert), errors.As(err, &alert):
		return trouble("the camera and we did not agree on TLS", "update its firmware, or write rtsp://")
	case errors.Is(err, syscall.ECONNREFUSED):
		return trouble("nothing listens at the camera's address", "check the port in url, and that RTSP is on in the camera")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return trouble("there is no way to the camera", "check its address, and that it is on")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return errTooLong
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return errHungUp
	}
	return nil
}

// withoutSecrets takes out of a text what is secret in a URL, however it is
// written there.
func withoutSecrets(text, rawURL string) string {
	text = strings.ReplaceAll(text, rawURL, config.RedactURL(rawURL))
	u, err := base.ParseURL(rawURL)
	if err == nil && u.User != nil {
		password, _ := u.User.Password()
		for _, s := range []string{u.User.String(), password, url.QueryEscape(password), url.PathEscape(password)} {
			if s != "" {
				text = strings.ReplaceAll(text, s, "…")
			}
		}
	} else if _, rest, ok := strings.Cut(rawURL, "://"); ok {
		// It cannot be parsed: what stands ahead of the host may be all secret.
		if at := strings.LastIndexByte(rest, '@'); at > 0 {
			for _, s := range strings.Split(rest[:at], ":") {
				if s != "" {
					text = strings.ReplaceAll(text, s, "…")
				}
			}
		}
	}
	if at := strings.IndexByte(rawURL, '?'); at >= 0 && at+1 < len(rawURL) {
		text = strings.ReplaceAll(text, rawURL[at+1:], "…")
	}
	return config.RedactNamed(text)
}
