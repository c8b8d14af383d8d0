package camera

import (
	"errors"
	"net/url"

	"github.com/bluenviron/gortsplib/v4/pkg/base"

	"umbrella/internal/camera/rtsp"
	"umbrella/internal/config"
	"umbrella/internal/credential"
)

// repairer signs what the RTSP library asks, follows no redirect without our leave, and
// mends descriptions. All else that cameras do oddly, package rtsp makes regular before.
// It is called from the library's one goroutine.
type repairer struct {
	to    target
	asked base.Method
	// location is where the camera sends us, if it does.
	location string
	talk     bool // the camera is asked for its back channel
	// description is the last one that the camera gave, made regular.
	description *rtsp.Description

	signer *credential.Signer // nil: the camera has not asked who we are
	signed bool               // the last request was
	let    bool               // the camera let one in that was
	met    bool               // the last answer was a challenge, too
	// again: the last answer was a challenge that can be met by the next request.
	again bool
	// refusal is why the last challenge is not met; nil: it is, or nothing can be done.
	refusal *Trouble
}

// movedStatus stands for a redirect that we follow ourselves, as passwords do
// not go to other hosts.
const movedStatus = 399

func (r *repairer) request(req *base.Request) {
	r.asked = req.Method
	if r.signed = r.signer != nil; r.signed {
		req.Header["Authorization"] = base.HeaderValue{r.signer.Authorization(string(req.Method), req.URL.CloneWithoutCredentials().String())}
	}
}

func (r *repairer) response(res *base.Response) {
	r.challenge(res)
	switch r.asked {
	case base.Options:
		// Some do not know it, and all else works.
		if res.StatusCode != base.StatusUnauthorized {
			res.StatusCode = base.StatusOK
		}
	case base.Describe:
		if res.StatusCode >= base.StatusMovedPermanently && res.StatusCode <= base.StatusUseProxy && len(res.Header["Location"]) == 1 {
			r.location = res.Header["Location"][0]
			res.StatusCode = movedStatus
		}
		if res.StatusCode == base.StatusOK {
			r.description = rtsp.Regular(res.Body, r.talk)
			res.Body = r.description.Text
			res.Header["Content-Type"] = base.HeaderValue{"application/sdp"}
		}
	}
}

// challenge sees to who we are. A password that was never right is not sent again:
// cameras lock users out. Nonces may be renewed at any time, also those that were never
// let in: then the camera says that only the nonce was too old (stale).
func (r *repairer) challenge(res *base.Response) {
	r.again, r.refusal = false, nil
	if res.StatusCode != base.StatusUnauthorized {
		r.let, r.met = r.let || r.signed, false
		return
	}
	if !r.to.login.Known() {
		return
	}
	signer, err := r.to.login.Answer((*url.URL)(r.to.url), res.Header["WWW-Authenticate"], r.to.redirected)
	if r.signed && (!r.let || r.met) && (err != nil || !signer.Stale()) {
		return
	}
	switch {
	case err == nil:
		r.signer, r.again, r.met = signer, true, true
	case errors.Is(err, credential.ErrBasic):
		r.refusal = trouble("the camera wants the password in clear text (Basic) where it sends us",
			"if that is the camera, write the address into url: "+config.RedactURL(r.to.url.String()))
	case errors.Is(err, credential.ErrIntegrity):
		r.refusal = trouble("the camera wants whole messages signed (auth-int), which we do not", "set its RTSP authentication to Digest with qop auth, or without it")
	default:
		r.refusal = trouble("the camera asks for a password in a way that nobody knows", "set its RTSP authentication to Digest")
	}
}
