'use strict';
'require baseclass';

/* What the node says of cameras, trunks and settings, for catalogues of other
 * languages. Where it calls an option by its name in the settings file, the words of
 * the page stand beside. %s is what differs from time to time. */
const sayings = ((_) => [
	/* Cameras: what is wrong. */
	_('a web server answers at the camera\'s address'),
	_('by UDP the picture came with parts missing, so that TCP is used'),
	_('keyframes are too far apart for the picture to be there at once'),
	_('no UDP port is free on this machine'),
	_('nobody in this network answers to the camera\'s name (mDNS)'),
	_('nobody knows the camera\'s name %s'),
	_('nothing listens at the camera\'s address'),
	_('parts of the picture get lost on the way'),
	_('somebody else talks to the camera now'),
	[ 'somebody in the room has the camera\'s id already', _('somebody in the room has the id of the camera already') ],
	_('the camera and we did not agree on TLS'),
	_('the camera answered with status %s'),
	_('the camera asks for a password in a way that nobody knows'),
	_('the camera cannot be used: %s'),
	_('the camera cannot enter its room: %s'),
	_('the camera does not answer'),
	_('the camera does not know what every RTSP camera has to (%s)'),
	_('the camera does not let this user in'),
	_('the camera does not send in the way that was asked for'),
	_('the camera does not send its sound: %s'),
	_('the camera does not speak TLS here'),
	_('the camera has a fault of its own (%s)'),
	_('the camera has ended the stream'),
	_('the camera has left the room'),
	_('the camera has neither picture nor sound at this address'),
	_('the camera has no room for another viewer (%s)'),
	_('the camera has no stream at this address (%s)'),
	_('the camera hung up'),
	_('the camera offers several pictures at this address, and one is shown: %s'),
	_('the camera plays, but nothing comes'),
	_('the camera refused the user name or password'),
	_('the camera says that it sends sound, but none comes'),
	_('the camera sends %s, which is not taken from cameras'),
	_('the camera sends B-frames that other pictures need, so that only keyframes can be shown'),
	_('the camera sends B-frames, which browsers cannot show: they are left out'),
	_('the camera sends H.265, which not every browser plays'),
	_('the camera sends MJPEG, which browsers cannot play as a stream'),
	_('the camera sends MPEG-4, which browsers do not play'),
	_('the camera sends a keyframe only every %s seconds'),
	_('the camera sends by TCP only'),
	_('the camera sends by UDP only'),
	_('the camera sends in none of the ways that there are'),
	_('the camera sends interlaced pictures, which browsers show with stripes'),
	_('the camera sends messages without end'),
	_('the camera sends pictures, but no keyframe'),
	_('the camera sends us from address to address'),
	_('the camera sends us to a port that is none of RTSP'),
	_('the camera sends us to an address without TLS'),
	_('the camera sends us to another host'),
	_('the camera stopped sending'),
	_('the camera takes no sound'),
	_('the camera wants a user name and a password'),
	_('the camera wants the password in clear text (Basic) where it sends us'),
	_('the camera wants whole messages signed (auth-int), which we do not'),
	_('the camera\'s description of its picture (SDP) cannot be read'),
	_('the camera\'s description of its sound (SDP) cannot be read'),
	_('the camera\'s description of its stream (SDP) cannot be read'),
	_('the camera\'s description of its stream (SDP) names no address'),
	_('the camera\'s room is full'),
	_('the camera\'s sound cannot be decoded'),
	_('the camera\'s stream cannot be decrypted: %s'),
	_('there is no way to the camera'),
	_('this is no RTSP address'),
	_('this is no RTSP address: %s'),
	_('this machine has no file descriptor left'),
	_('this stream is %s and the other one %s: only the other one is shown'),

	/* Cameras: what to do. */
	[ 'a firewall may hold UDP back: set transport to tcp', _('a firewall may hold UDP back: choose TCP for “Transport”') ],
	_('allow RTP unicast by TCP (interleaved) or UDP in the camera'),
	_('allow the user to view live pictures, in the camera'),
	_('check its address, and that it is on'),
	_('check that it is on and in the same network as the node, or write its address'),
	_('check that it is on and reachable'),
	[ 'check the host in url, or write its address', _('check the host in “Address”, or write its IP address') ],
	[ 'check the path in url', _('check the path in “Address”') ],
	[ 'check the port in url', _('check the port in “Address”') ],
	[ 'check the port in url, and that RTSP is on in the camera', _('check the port in “Address”, and that RTSP is on in the camera') ],
	[ 'check the port in url: mostly it is 554', _('check the port in “Address”: mostly it is 554') ],
	[ 'check url', _('check “Address”, “User” and “Password”') ],
	_('choose the profile Main or High of H.264 in the camera'),
	_('close other viewers, or allow more of them in the camera'),
	[ 'for another one, write its own address into url', _('for another one, write its own address into “Address”') ],
	[ 'give the camera\'s section another name', _('add the camera anew by another name') ],
	_('if it happens often, check its network or choose a lower bitrate in it'),
	[ 'if that is the camera, write the address into url: %s', _('if that is the camera, write this into “Address”: %s') ],
	_('it may have too many viewers, or it restarts'),
	_('it may restart, or play a file that is over'),
	_('leave out # and what follows it, which only go2rtc reads; in a password, write %23 for it'),
	[ 'port %s is one for TLS as a rule: write rtsps:// in url, or another port, mostly 554', _('port %s is one for TLS as a rule: write rtsps:// in “Address”, or another port, mostly 554') ],
	[ 'port %s is one for web pages as a rule: write that of RTSP in url, mostly 554', _('port %s is one for web pages as a rule: write that of RTSP in “Address”, mostly 554') ],
	[ 'raise max_participants of the room', _('raise “Participants at most” of the room') ],
	_('raise the limit of open files (nofile), or restart what uses so many'),
	_('restart the camera'),
	_('set B-frames to 0 in the camera, or its profile to Baseline'),
	_('set both to H.264 in the camera'),
	_('set it to G.711 in the camera'),
	_('set its RTSP authentication to Digest'),
	_('set its RTSP authentication to Digest with qop auth, or without it'),
	_('set its SRTP to AES-128, or turn SRTP off: TLS hides the stream as well'),
	_('set its keyframe interval (GOP) to 2 seconds, and turn off what it calls smart codec'),
	_('set the camera to progressive pictures'),
	_('set the camera\'s sound to G.711'),
	_('set the keyframe interval (GOP, I-frame interval) to 2 seconds in the camera'),
	_('set the stream to H.264 in the camera'),
	[ 'set the stream to H.264 in the camera, or use its other stream in url', _('set the stream to H.264 in the camera, or write its other stream into “Address”') ],
	[ 'set transport to auto', _('choose “whichever the camera offers” for “Transport”') ],
	[ 'set transport to tcp', _('choose TCP for “Transport”') ],
	[ 'set transport to tcp or auto', _('choose TCP or “whichever the camera offers” for “Transport”') ],
	[ 'set transport to tcp, or check the network to the camera', _('choose TCP for “Transport”, or check the network to the camera') ],
	[ 'set transport to udp or auto', _('choose UDP or “whichever the camera offers” for “Transport”') ],
	_('some need two-way audio to be turned on in them'),
	_('try again in a moment'),
	_('turn its microphone on'),
	_('update its firmware'),
	_('update its firmware, or write rtsp://'),
	_('what the camera sends is not RTSP'),
	_('write rtsp:// instead of rtsps://, or check the port'),
	[ 'write rtsp://USER:PASSWORD@HOST/PATH', _('write rtsp://HOST/PATH into “Address”, and the login into “User” and “Password”') ],

	/* Trunks. */
	_('%s does not speak TLS on this port: check the port, or write ws:// on a network that you trust'),
	[ '%s does not take the token in secret%s', _('%s does not take the token in “Secret”%s') ],
	[ '%s has nothing at this path: check the prefix in url', _('%s has nothing at this path: check the prefix in “Address”') ],
	[ 'the certificate of %s is for another name: use the name that it was made for in url, or set fingerprint to that of its own certificate', _('the certificate of %s is for another name: write the name that it was made for into “Address”, or the fingerprint of its own certificate into “Fingerprint”') ],
	_('the certificate of %s is good until %s, and it is %s here: renew it there, or set the clock'),
	[ 'the certificate of %s is signed by nobody whom this machine knows: set ca to the file of its CA, or fingerprint', _('the certificate of %s is signed by nobody whom this machine knows: write the file of its CA into “CA”, or fill “Fingerprint”') ],
	_('%s answers %s%s'),
	_('%s does not answer within %s'),
	[ '%s does not speak %s: update Umbrella there, or check url', _('%s does not speak %s: update Umbrella there, or check “Address”') ],
	_('%s has no address: %s'),
	_('ca: %s has no certificate in PEM'),
	_('closing trunks: %s'),
	[ 'it answers with a redirection: write the address that it leads to into url', _('it answers with a redirection: write the address that it leads to into “Address”') ],
	_('no certificate'),
	_('the media connection was lost'),
	[ 'the node there does not take the certificate of this one (%s): set ca or fingerprint there, and url to a name that the certificate is for', _('the node there does not take the certificate of this one (%s): set “CA” or “Fingerprint” there, and “Address” to a name that the certificate is for') ],
	_('the other end said nothing for %s'),
	_('the other node has not been heard of for 1.5 s: the link is down, or it stopped'),
	_('the token of the node that dialled: %s'),
	_('the trunk was just taken out of the settings'),
	[ 'this node accepts no trunks: add a trunk with a secret and no url', _('this node accepts no trunks: add one with a “Secret” and no “Address”') ],
	_('too many trunks come in at once'),

	/* Settings: what is wrong, and what is allowed. */
	_('set only one of them'),
	_('there is one, written config umbrella \'main\''),
	_('write config %s \'NAME\', with letters, digits and \'_\''),
	_('has more problems than these, which are not shown'),
	_('has more than %s values'),
	_('is one too many: a file has at most %s sections'),
	_('is there already, with the type %s'),
	_('it has no section config umbrella \'main\''),
	_('put a copy of it back, or write that section'),
	_('it is empty, as a file is whose writing was cut off'),
	_('of type %s is one too many'),
	_('says something else than its old name %s'),
	_('there is no section yet that this could belong to'),
	_('this is not a text file: it holds NUL bytes, as a file does whose writing was cut off; put a copy of it back'),
	_('\'%s\' is not allowed'),
	_('is missing, and %s'),
	_('cannot be checked'),
	_('cannot be read'),
	_('cannot be read: %s'),
	_('is not known'),
	_('has no name'),
	_('has more than one value'),
	_('has the unknown type %s'),
	_('did you mean %s?'),
	[ 'does not go with cert', _('does not go with “Certificate”') ],
	[ 'has the port of listen or media_port', _('has the port of “Web address” or “Media port”') ],
	_('is the name of another camera in the room as well'),
	_('is the name of another room as well'),
	[ 'is the port of listen as well', _('is the port of “Web address” as well') ],
	[ 'is the same as url', _('is the same as “Address”') ],
	_('is the secret of another trunk as well'),
	_('looks the same as the name of another room'),
	[ 'the section %s has one that looks like %s', _('%s has one that looks like %s') ],
	[ '%s is taken by the section %s', _('%s is taken by %s') ],
	_('1 to 64 letters, digits and \'_\''),
	_('1 or 0'),
	_('a camera that is enabled needs it'),
	_('a room needs one'),
	_('a trunk that is enabled needs it, or a secret to accept one'),
	[ 'access \'password\' needs it', _('“people who know the password” needs it') ],
	_('another port, such as \':80\''),
	_('another, smaller stream of the camera, or nothing'),
	_('both take TCP connections, so they need two ports'),
	_('text on one line'),
	[ 'the section %s has it, and trunks that come in are told apart by it', _('%s has it, and trunks that come in are told apart by it') ],
	[ 'the url has to begin with wss://', _('“Address” has to begin with wss://') ],
	[ 'tls \'acme\' needs it, or a name in public_address', _('“a public CA” needs it, or a name in “Public addresses”') ],
	[ 'tls \'files\' needs it', _('“files of yours” needs it') ],
	[ 'auto, files, acme or off', _('one of the choices of the page') ],
	[ 'lan, token or open', _('one of the choices of the page') ],
	[ 'lan, password, token or open', _('one of the choices of the page') ],
	[ 'auto, tcp or udp', _('one of the choices of the page') ],
	[ 'debug, info, warn or error', _('one of the choices of the page') ]
])((words) => words);

/* Templates with what they are to be matched with, the long ones first. */
const templates = sayings
	.map((saying) => Array.isArray(saying) ? { said: saying[0], template: saying[1] } : { said: saying, template: saying })
	.sort((a, b) => b.said.length - a.said.length)
	.map((one) => ({
		...one,
		pattern: new RegExp('^' + one.said.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/%s/g, '(.*)') + '$', 's')
	}));

/* Returns what the node said in the words and the language of the page; words that
 * are not known stay as they are. */
function translate(said) {
	/* Far more than the node says in a sentence. */
	if (said.length > 1000)
		return said;

	for (let of of templates) {
		const found = of.pattern.exec(said);

		/* In what is matched, too, may be words that are known. */
		if (found)
			return found.length > 1 ? _(of.template).format(...found.slice(1).map(translate)) : _(of.template);
	}

	const known = _(said);
	const parts = /^(.*?): (.*)$/s.exec(said);

	return known === said && parts ? translate(parts[1]) + ': ' + translate(parts[2]) : known;
}

return baseclass.extend({ translate });
