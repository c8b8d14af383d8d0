'use strict';
'require baseclass';
'require umbrella.names as names';

/* What the node takes as the value of an option. Each of these functions takes
 * the text of one value that is not empty and returns a boolean. Whether a file
 * is there, only the node can tell. */

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;
const blank = /\s/;

function isPrintable(value, most) {
	return printable.test(value) && !value.includes('\ufffd') && [...value].length <= most;
}

/* A hash of a password, which argon2id or bcrypt made, within what a small
 * machine can check. */
function isHash(value) {
	const argon = /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
	const bcrypt = /^\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
	const within = (n, least, most) => +n >= least && +n <= most;
	const bytes = (text, least, most) => text.length % 4 !== 1 && within(Math.floor(text.length * 3 / 4), least, most);
	let m = argon.exec(value);

	if (m)
		return within(m[1], 8, 65536) && within(m[2], 1, 10) && within(m[3], 1, 8) && bytes(m[4], 8, 64) && bytes(m[5], 16, 64);

	m = bcrypt.exec(value);
	return m != null && within(m[1], 4, 14);
}

function isPassword(value, least) {
	const meant = /^\$(argon2|2[abxy]\$)/;

	return meant.test(value) ? isHash(value) : isPrintable(value, 128) && [...value].length >= least;
}

function isNumber(value, least, most) {
	return String(Number(value)) === value && Number.isInteger(+value) && +value >= least && +value <= most;
}

function isPort(value) {
	return isNumber(value, 1, 65535);
}

function isIPv4(value) {
	const parts = value.split('.');

	return parts.length === 4 && parts.every((part) => isNumber(part, 0, 255));
}

function isIPv6(value) {
	const digits = /^[0-9a-f:.]+$/i;

	if (!digits.test(value))
		return false;

	try {
		new URL('http://[' + value + ']/');
		return true;
	}
	catch (e) {
		return false;
	}
}

function isAddress(value) {
	return isIPv4(value) || isIPv6(value);
}

/* Returns "::ffff:192.0.2.1" as "192.0.2.1", and anything else as it is. */
function unmap(value) {
	const mapped = /^::ffff:(?=[0-9.]+$)/i;

	return value.replace(mapped, '');
}

/* "fe80::1%br-lan" is an address of one link. */
function isZonedAddress(value) {
	const zone = value.indexOf('%');

	return isAddress(value) || zone > 0 && zone < value.length - 1 && isIPv6(value.substring(0, zone));
}

function isMulticast(value) {
	const v6 = /^ff[0-9a-f]{2}:/i;

	return isIPv4(value) ? +value.split('.')[0] >= 224 && +value.split('.')[0] <= 239 : v6.test(value);
}

function isUnspecified(value) {
	const v6 = /^[0:.]+$/;

	return value === '0.0.0.0' || isIPv6(value) && v6.test(value);
}

function isDNSName(value) {
	const label = /^(?!-)[0-9A-Za-z_-]{1,63}$/;
	const number = /^[0-9]+$/;
	const labels = value.split('.');

	return value.length <= 253
		&& labels.every((part) => label.test(part) && !part.endsWith('-'))
		&& !number.test(labels[labels.length - 1]);
}

/* A name that a public CA may certify. */
function isDomain(value) {
	const name = value.replace(/\.$/, '');

	return isDNSName(name) && !isAddress(name) && name.includes('.') && !name.includes('_');
}

/* Returns the host and the port of "host:port", "[v6]:port" and ":port", or
 * null. */
function splitHostPort(value) {
	const form = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([^[\]:]*)$/;
	const found = form.exec(value);

	return found ? { host: found[1] ?? found[2], port: found[3] } : null;
}

/* Returns what an absolute URL of one of the schemes consists of, or null. */
function parseURL(value, schemes) {
	const form = /^([A-Za-z]+):\/\/([^/?#]*)(\/[^?#]*)?(\?[^#]*)?$/;
	const escapes = /%(?![0-9A-Fa-f]{2})/;
	const login = /^[0-9A-Za-z._:~!$&'()*+,;=@%-]*$/;
	const found = form.exec(value);

	if (!found || value.length > 2048 || !isPrintable(value, 2048) || blank.test(value))
		return null;

	const at = found[2].lastIndexOf('@');
	const url = {
		scheme: found[1].toLowerCase(),
		user: at < 0 ? null : found[2].substring(0, at),
		host: found[2].substring(at + 1),
		path: found[3] ?? '',
		query: found[4] ?? null
	};
	const host = url.host;
	const place = splitHostPort(host) ?? splitHostPort(host + ':0');

	if (!schemes.includes(url.scheme) || !place || host.endsWith(':'))
		return null;

	if (splitHostPort(host) && !isPort(place.port))
		return null;

	const bracketed = host.startsWith('[');
	const name = place.host.replace('%25', '%');

	if (bracketed ? !isZonedAddress(name) || isIPv4(name) : !isIPv4(name) && !isDNSName(name))
		return null;

	if (escapes.test(url.path) || url.user != null && (escapes.test(url.user) || !login.test(url.user)))
		return null;

	return url;
}

return baseclass.extend({
	/* The words of OpenWrt's config_get_bool. */
	isTrue(value) {
		return [ '1', 'on', 'true', 'yes', 'enabled' ].includes(value);
	},

	splitHostPort: splitHostPort,

	isPort: isPort,

	isListen(value) {
		const place = splitHostPort(value);

		return place != null && isPort(place.port)
			&& (place.host === '' || isZonedAddress(place.host) && !isMulticast(place.host) || isDNSName(place.host));
	},

	isPrefix(value) {
		const part = /^[0-9A-Za-z_.~-]+$/;
		const path = value.replace(/\/+$/, '');

		return path === '' || path.startsWith('/') && path.length <= 128
			&& path.substring(1).split('/').every((p) => part.test(p) && p !== '.' && p !== '..');
	},

	isPublicAddress(value) {
		const address = unmap(value);

		if (isAddress(address))
			return !isUnspecified(address) && !isMulticast(address);

		return isDNSName(value.replace(/\.$/, ''));
	},

	isDomain: isDomain,

	isEmail(value) {
		const user = /^[0-9A-Za-z!#$%&'*+/=?^_`{|}~.-]{1,64}$/;
		const at = value.indexOf('@');
		const name = value.substring(0, at);

		return at > 0 && user.test(name) && !name.split('.').includes('') && isDomain(value.substring(at + 1));
	},

	isDirectoryURL(value) {
		const url = parseURL(value, [ 'https' ]);

		return url != null && url.user == null && url.query == null;
	},

	isTURNURL(value) {
		const form = /^[Tt][Uu][Rr][Nn][Ss]?:(.*?)(?:\?transport=tcp)?$/;
		const place = splitHostPort(form.exec(value)?.[1] ?? '');

		return place != null && isPort(place.port)
			&& (isAddress(place.host) && !isMulticast(place.host) || isDNSName(place.host));
	},

	isProxy(value) {
		const parts = value.split('/');
		const least = unmap(parts[0]) === parts[0] ? 0 : 96;

		return isAddress(parts[0])
			&& (parts.length === 1 || parts.length === 2 && isNumber(parts[1], least, isIPv4(parts[0]) ? 32 : 128));
	},

	isOrigin(value) {
		const url = parseURL(value, [ 'http', 'https' ]);

		return value === '*' || url != null && url.user == null && url.path === '' && url.query == null && !url.host.includes('%');
	},

	isZone(value) {
		const name = /^[0-9A-Za-z_-]{1,32}$/;

		return name.test(value);
	},

	isPath(value) {
		return isPrintable(value, 4096);
	},

	isRoomName(value) {
		return names.isRoom(value);
	},

	isPassword(value) {
		return isPassword(value, 1);
	},

	isAdminPassword(value) {
		return isPassword(value, 8);
	},

	isMaxRooms(value) {
		return isNumber(value, 0, 10000);
	},

	isPublishLimit(value) {
		return isNumber(value, 0, 1000000);
	},

	isMaxParticipants(value) {
		return isNumber(value, 0, 10000);
	},

	isBackhaulURL(value) {
		const url = parseURL(value, [ 'ws', 'wss' ]);

		return url != null && url.user == null && url.query == null && url.path.endsWith('/wsb');
	},

	isSecret(value) {
		return isPrintable(value, 256) && [...value].length >= 16 && !blank.test(value);
	},

	isFingerprint(value) {
		const digits = /^[0-9a-f]{64}$/i;

		return digits.test(value.replaceAll(':', ''));
	},

	isShownName(value) {
		return names.isPerson(value);
	},

	isCameraURL(value) {
		return parseURL(value, [ 'rtsp', 'rtsps' ]) != null;
	},

	isONVIFURL(value) {
		const url = parseURL(value, [ 'http', 'https' ]);

		return url != null && value.length <= 512 && url.user == null && url.query == null;
	},

	/* Returns an address as it may be shown: without login and query, where
	 * cameras take passwords. */
	redactURL(value) {
		const url = parseURL(value, [ 'rtsp', 'rtsps', 'ws', 'wss' ]);

		if (!url)
			return '…';

		return url.scheme + '://' + url.host + url.path + (url.query == null ? '' : '?…');
	}
});
