'use strict';
'require baseclass';

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
		'href': hostOf(url) != null ? url : null, // eslint-disable-line html/luci -- of the web alone
		'target': '_blank', 'rel': 'noreferrer', 'style': 'overflow-wrap:anywhere'
	}, [ url ]);
}

/* Addresses for others to open: not those that only the node itself can, and
 * first the one by which this page was reached, if it is among them. */
function joinURLs(urls, host = location.hostname) {
	const others = L.toArray(urls).filter((url) => !/^(localhost|127\..*|\[::1\])?$/.test(hostOf(url) ?? ''));

	return others.filter((url) => hostOf(url) === host).concat(others.filter((url) => hostOf(url) !== host));
}

function since(ms, nowMs) {
	return '%t'.format(Math.max(0, Math.round((nowMs - ms) / 1000)));
}

/* Colours are those of the theme's labels; the words say the same. */
function label(good, words) {
	return E('span', { 'class': good ? 'label success' : 'label warning' }, [ words ]);
}

function detail(words) {
	return E('div', { 'style': 'overflow-wrap:anywhere' }, [ E('small', {}, [ words ]) ]);
}

function trunk(t) {
	const links = L.toArray(t.links);

	if (!links.length)
		return [ label(false, t.problem ? _('down') : t.url ? _('connecting') : _('waiting for the other end')) ]
			.concat(t.problem ? [ detail(t.problem) ] : []);

	return links.flatMap((link) => [
		label(true, _('connected')), ' ', link.nodeName || link.nodeId || '',
		detail(_('sent %s, received %s, round trip %d ms').format(
			bitRate(link.sentBitsPerSecond), bitRate(link.receivedBitsPerSecond), Math.round(link.roundTripMs || 0)))
	].concat(link.refused ? [ detail(link.refused) ] : []));
}

function trouble(t) {
	return [ t.reason, t.advice ].filter((words) => words).join(' – ');
}

function camera(c) {
	const phases = {
		CAMERA_PHASE_CONNECTING: [ false, _('connecting') ],
		CAMERA_PHASE_IDLE: [ true, _('ready, nobody watches') ],
		CAMERA_PHASE_LIVE: [ true, _('live') ],
		CAMERA_PHASE_DOWN: [ false, _('down') ]
	};
	const notes = L.toArray(c.streams).flatMap((stream) => L.toArray(stream.notes));

	return [ label(...(phases[c.phase] ?? [ false, _('unknown') ])) ]
		.concat(c.trouble ? [ detail(trouble(c.trouble)) ] : [])
		.concat(notes.map((note) => detail(trouble(note))));
}

/* Of Wi-Fi: -50 dBm and more is as good as it gets, below -80 calls suffer. */
function signal(station) {
	const dBm = station?.signalDbm;

	if (!dBm)
		return '–';

	const words = dBm >= -60 ? _('good') : dBm >= -75 ? _('fair') : _('weak');

	return '%d dBm (%s)'.format(dBm, words);
}

/* A table that becomes cards on a phone, as the theme does it by data-title. */
function table(titles, rows, empty) {
	const body = rows.map((row) => E('tr', { 'class': 'tr' }, row.map((cell, i) =>
		E('td', { 'class': 'td left', 'data-title': titles[i] }, [].concat(cell)))));

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

return baseclass.extend({ joinURLs, link, bitRate, since, trunk, camera, trouble, signal, table, facts });
