'use strict';
'require baseclass';
'require dom';
'require poll';
'require rpc';
'require uci';
'require ui';
'require umbrella.options as options';
'require umbrella.problems as problems';
'require umbrella.values as values';
'require umbrella.words as words';

const callInitList = rpc.declare({
	object: 'rc',
	method: 'list',
	params: [ 'name' ],
	expect: { '': {} }
});

const callFileRead = rpc.declare({
	object: 'file',
	method: 'read',
	params: [ 'path' ],
	expect: { data: '' }
});

const callStatus = rpc.declare({
	object: 'umbrella',
	method: 'status',
	expect: { '': {} },
	reject: true
});

const callTrunks = rpc.declare({
	object: 'umbrella',
	method: 'trunks',
	expect: { '': {} },
	reject: true
});

const callCameras = rpc.declare({
	object: 'umbrella',
	method: 'cameras',
	expect: { '': {} },
	reject: true
});

const callKick = rpc.declare({
	object: 'umbrella',
	method: 'kick',
	params: [ 'room', 'participant' ],
	expect: { '': {} },
	reject: true
});

/* These take long: other calls are not to wait for them in one batch. */
const callProbe = rpc.declare({
	object: 'umbrella',
	method: 'probe',
	params: [ 'url' ],
	expect: { '': {} },
	reject: true,
	nobatch: true
});

const callDiscover = rpc.declare({
	object: 'umbrella',
	method: 'discover',
	params: [ 'user', 'password' ],
	expect: { '': {} },
	reject: true,
	nobatch: true
});

/* A node that is not there is no failure of the view. */
const orNull = (call) => () => call().catch(() => null);

function isEnabled() {
	return values.isTrue(uci.get('umbrella', 'main', 'enabled') || '1');
}

/* Resolves to whether the service runs, whether it starts at boot, why the
 * settings were not taken, and why the node cannot start. What could not be asked
 * is null. */
async function state() {
	const [ scripts, refused, answer ] = await Promise.all([
		callInitList('umbrella').catch(() => null),
		callFileRead('/var/run/umbrella/refused').catch(() => null),
		callStatus().catch(() => null)
	]);

	return {
		running: scripts?.umbrella?.running ?? null,
		atBoot: scripts?.umbrella?.enabled ?? null,
		refused: refused?.trim() || null,
		failure: answer?.problem || null
	};
}

function problem({ running, atBoot }) {
	if (running === false && !isEnabled())
		return _('Umbrella is switched off in its settings.');

	if (running === false)
		return atBoot === false
			? _('Umbrella is not running, and does not start at boot.')
			: _('Umbrella is switched on, but not running. Its log says why.');

	if (running && atBoot === false)
		return _('Umbrella is running, but does not start at boot.');
}

/* procd tells the service of it, as of every change. */
async function enable() {
	uci.set('umbrella', 'main', 'enabled', '1');
	await uci.save();
	await ui.changes.init();
	ui.changes.apply(true);
}

function problemNodes(now) {
	const wrong = problem(now);

	if (!wrong)
		return [];

	const off = now.running === false && !isEnabled();

	return [
		E('div', { 'class': 'alert-message warning', 'role': 'status' }, [
			E('p', {}, [
				wrong, ' ',
				E('a', { 'href': L.url('admin/services/umbrella/log') }, [ _('Open the log') ])
			].concat(off && now.atBoot !== false ? [] : [
				' ', E('a', { 'href': L.url('admin/system/startup') }, [ _('Open the startup scripts') ])
			])),
			off ? E('button', {
				'class': 'btn cbi-button cbi-button-apply',
				'disabled': L.hasViewPermission() ? null : true,
				'click': ui.createHandlerFn(this, enable)
			}, [ _('Enable and start') ]) : ''
		])
	];
}

/* Returns a link to the page that has the settings of a section. */
function pageOf(type) {
	switch (type) {
	case 'room': return E('a', { 'href': L.url('admin/services/umbrella/rooms') }, [ _('Rooms') ]);
	case 'backhaul': return E('a', { 'href': L.url('admin/services/umbrella/trunks') }, [ _('Trunks') ]);
	case 'camera': return E('a', { 'href': L.url('admin/services/umbrella/cameras') }, [ _('Cameras') ]);
	default: return E('a', { 'href': L.url('admin/services/umbrella/settings') }, [ _('Settings') ]);
	}
}

/* Returns a line of what the node has against the settings, or says of itself, as the
 * pages would say it: where that is, and what is wrong. */
function saidNodes(line) {
	const form = /^(?:[^ :]*: section '([^']*)')?(?:, )?(?:option '([^']*)')?:? (.*)$/s;
	const found = form.exec(line);

	if (!found?.[1] && !found?.[2])
		return [ words.translate(line) ];

	/* Without a section, an option is one of the node's own. */
	const [ , name = 'main', option, said ] = found;
	const type = /^@(\w+)\[\d+\]$/.exec(name)?.[1] ?? (name === 'main' ? 'umbrella' : uci.get('umbrella', name)?.['.type']);
	const title = option ? options.of(type, option)?.title ?? option : null;

	return [ pageOf(type), type === 'umbrella' ? '' : ' – ' + (uci.get('umbrella', name, 'name') || name),
		title ? ' – ' + _('“%s”').format(title) : '', ': ', words.translate(said) ];
}

function refusedNodes({ running, refused }) {
	return refused ? [
		E('div', { 'class': 'alert-message error', 'role': 'status' }, [
			E('p', {}, [ running
				? _('The settings were refused. Umbrella runs on with the ones before.')
				: _('The settings were refused.') ]),
			E('ul', { 'style': 'overflow-wrap:anywhere' }, refused.split('\n').map((line) => E('li', {}, [ ...saidNodes(line) ]))),
			E('details', {}, [
				E('summary', {}, [ _('As the node wrote it') ]),
				E('pre', { 'style': 'white-space:pre-wrap;overflow-wrap:anywhere' }, [ refused ])
			])
		])
	] : [];
}

function failureNodes({ failure }) {
	return failure ? [
		E('div', { 'class': 'alert-message error', 'role': 'status' }, [
			E('p', {}, [ _('Umbrella cannot start. It tries again every few seconds.') ]),
			E('p', { 'style': 'overflow-wrap:anywhere' }, [ ...saidNodes(failure) ])
		])
	] : [];
}

function noticeNodes(now) {
	return problemNodes(now).concat(failureNodes(now), refusedNodes(now));
}

/* Puts above a view what is wrong with the service, and keeps it up to date. */
function withNotice(first, node) {
	const notice = E('div', { 'id': 'umbrella-notice' }, [ ...noticeNodes(first) ]);
	const told = (now) => JSON.stringify([ problem(now), now ]);
	let shown = told(first);

	problems.watch();
	poll.add(async () => {
		const now = await state();

		/* What did not change keeps the focus. */
		if (told(now) !== shown) {
			shown = told(now);
			dom.content(notice, [ ...noticeNodes(now) ]);
		}
	}, 5);

	return E('div', { 'class': 'umbrella' }, [
		E('link', { 'rel': 'stylesheet', 'href': L.resource('umbrella/style.css') }),
		notice,
		node
	]);
}

/* A column of a table of settings that shows what the node says now.
 * ask() resolves to an answer or null, pick(answer) gives a map from keys to lists
 * of nodes and words, missing(known) the list for a key that is not in it. */
function liveColumn(ask, pick, missing) {
	let all = new Map(), known = false;
	const show = (key) => all.get(key) ?? missing(known);

	poll.add(async () => {
		const answer = await ask();

		known = answer != null;
		all = known ? pick(answer) : new Map();

		for (let cell of document.querySelectorAll('[data-umbrella-live]'))
			dom.content(cell, [ ...show(cell.getAttribute('data-umbrella-live')) ]);
	}, 3);

	return {
		cell: (key) => E('span', { 'data-umbrella-live': key ?? '' }, [ ...show(key) ])
	};
}

return baseclass.extend({
	state,
	withNotice,
	saidNodes,
	liveColumn,
	/* One that has not started has nothing to show. */
	status: orNull(async () => {
		const answer = await callStatus();

		return answer.problem || answer.starting ? null : answer;
	}),
	trunks: orNull(callTrunks),
	cameras: orNull(callCameras),
	kick: callKick,
	probe: callProbe,
	discover: callDiscover
});
