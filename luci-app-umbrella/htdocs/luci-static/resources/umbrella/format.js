'use strict';
'require baseclass';
'require umbrella.words as words';

function bitRate(bits) {
	return '%.1mbit/s'.format(+bits || 0);
}

/* Returns the host of an address of the web, or null of any other. */
function hostOf(url) {
	try {
		const { protocol, hostname } = new URL(url);

		return protocol === 'https:' || protocol === 'http:' ? hostname : null;
	}
	catch (e) {
		return null;
	}
}

/* A link that opens in a new tab; what is no address of the web is words alone. */
function link(url) {
	return E('a', {
		'href': hostOf(url) != null ? url : null, // html: of the web alone
		'target': '_blank', 'rel': 'noreferrer', 'style': 'overflow-wrap:anywhere'
	}, [ url ]);
}

/* Addresses for others to open: not those that only the node itself can, and
 * first the one by which this page was reached, if it is among them. */
function joinURLs(urls, host = location.hostname) {
	const others = L.toArray(urls).filter((url) => !/^(localhost|127\..*|\[::1\])?$/.test(hostOf(url) ?? ''));

	return others.filter((url) => hostOf(url) === host).concat(others.filter((url) => hostOf(url) !== host));
}

/* Returns the language of the page as the browser's Intl wants it; that of the browser
 * where LuCI's is not one. */
function language() {
	const tag = (document.documentElement.lang || '').replace(/_/g, '-');

	try {
		return Intl.NumberFormat.supportedLocalesOf(tag);
	}
	catch (e) {
		return [];
	}
}

const spans = [ [ 'day', 86400 ], [ 'hour', 3600 ], [ 'minute', 60 ], [ 'second', 1 ] ];

/* Returns how long something takes, in the two largest units that it has. */
function duration(ms) {
	let rest = Math.max(0, Math.round((+ms || 0) / 1000));
	let first = spans.findIndex(([ , seconds ]) => rest >= seconds);

	if (first < 0)
		first = spans.length - 1;

	return spans.slice(first, first + 2).flatMap(([ unit, seconds ], i) => {
		const n = Math.floor(rest / seconds);

		rest -= n * seconds;

		return i > 0 && n === 0 ? [] : [ new Intl.NumberFormat(language(), { style: 'unit', unit, unitDisplay: 'short' }).format(n) ];
	}).join(' ');
}

function since(ms, nowMs) {
	return duration(nowMs - ms);
}

/* Returns a point in time as people of the language write it. */
function time(ms) {
	return new Intl.DateTimeFormat(language(), { dateStyle: 'short', timeStyle: 'medium' }).format(new Date(ms));
}

/* Returns a state of something: "good", "busy", "bad", or "calm" for what is as it
 * should be and asks for nothing. The words say the same as the colour. */
function badge(kind, shown) {
	return E('span', { 'class': 'umbrella-badge umbrella-%s'.format(kind) }, [ shown ]);
}

function detail(shown) {
	return E('div', { 'style': 'overflow-wrap:anywhere' }, [ E('small', {}, [ shown ]) ]);
}

function trunk(t) {
	const links = L.toArray(t.links);

	if (!links.length)
		return [ t.problem ? badge('bad', _('down')) : t.url ? badge('busy', _('connecting')) : badge('calm', _('waiting for the other node')) ]
			.concat(t.problem ? [ detail(words.translate(t.problem)) ] : []);

	return links.flatMap((link) => [
		badge('good', _('connected')), ' ', link.nodeName || link.nodeId || '',
		detail(_('sent %s, received %s, round trip %d ms').format(
			bitRate(link.sentBitsPerSecond), bitRate(link.receivedBitsPerSecond), Math.round(link.roundTripMs || 0)))
	].concat(link.refused ? [ detail(words.translate(link.refused)) ] : []));
}

function trouble(t) {
	return [ t.reason, t.advice ].filter((said) => said).map(words.translate).join(' – ');
}

function camera(c) {
	const phases = {
		CAMERA_PHASE_CONNECTING: [ 'busy', _('connecting') ],
		CAMERA_PHASE_IDLE: [ 'calm', _('ready, nobody watches') ],
		CAMERA_PHASE_LIVE: [ 'good', _('live') ],
		CAMERA_PHASE_DOWN: [ 'bad', _('down') ]
	};
	const notes = L.toArray(c.streams).flatMap((stream) => L.toArray(stream.notes));

	return [ badge(...(phases[c.phase] ?? [ 'calm', _('unknown') ])) ]
		.concat(c.trouble ? [ detail(trouble(c.trouble)) ] : [])
		.concat(notes.map((note) => detail(trouble(note))));
}

/* Of Wi-Fi: -50 dBm and more is as good as it gets, below -80 calls suffer. */
function signal(station) {
	const dBm = station?.signalDbm;

	if (!dBm)
		return '–';

	const quality = dBm >= -60 ? _('good') : dBm >= -75 ? _('fair') : _('weak');

	return '%d dBm (%s)'.format(dBm, quality);
}

/* A table that becomes cards on a phone, as the theme does it by data-title. */
function table(titles, rows, empty) {
	const body = rows.map((row) => E('tr', { 'class': 'tr' }, row.map((cell, i) =>
		E('td', { 'class': 'td left', 'data-title': titles[i] || null }, [].concat(cell)))));

	if (!rows.length)
		body.push(E('tr', { 'class': 'tr placeholder' }, [
			E('td', { 'class': 'td', 'colspan': titles.length }, [ E('em', {}, [ empty ]) ])
		]));

	return E('table', { 'class': 'table' }, [
		E('tr', { 'class': 'tr table-titles' }, titles.map((title) => E('th', { 'class': 'th left' }, [ title ])))
	].concat(body));
}

/* Two columns of what and how. */
function facts(rows) {
	return E('table', { 'class': 'table' }, rows.map(([ name, value ]) => E('tr', { 'class': 'tr' }, [
		E('td', { 'class': 'td left', 'width': '33%' }, [ name ]),
		E('td', { 'class': 'td left' }, [].concat(value))
	])));
}

return baseclass.extend({ joinURLs, link, bitRate, badge, detail, duration, since, time, trunk, camera, trouble, signal, table, facts });
