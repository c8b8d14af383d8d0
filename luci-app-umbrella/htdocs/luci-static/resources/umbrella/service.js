'use strict';
'require baseclass';
'require dom';
'require poll';
'require rpc';
'require uci';
'require ui';
'require umbrella.values as values';

const callServiceList = rpc.declare({
	object: 'service',
	method: 'list',
	params: [ 'name' ],
	expect: { '': {} }
});

const callInitList = rpc.declare({
	object: 'luci',
	method: 'getInitList',
	params: [ 'name' ],
	expect: { '': {} }
});

const callInitAction = rpc.declare({
	object: 'luci',
	method: 'setInitAction',
	params: [ 'name', 'action' ],
	expect: { result: false }
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

/* Resolves to whether the service runs and whether it starts at boot. What
 * could not be asked is null. */
async function state() {
	const [ services, scripts ] = await Promise.all([
		callServiceList('umbrella').catch(() => null),
		callInitList('umbrella').catch(() => null)
	]);

	return {
		running: services && Object.values(services.umbrella?.instances ?? {}).some((instance) => instance.running),
		atBoot: scripts?.umbrella?.enabled ?? null
	};
}

function problem({ running, atBoot }) {
	if (running === false && !isEnabled())
		return _('Umbrella is switched off in its settings.');

	if (running === false)
		return atBoot === false
			? _('Umbrella is not running, and does not start at boot.')
			: _('Umbrella is switched on, but not running. Its log tells why.');

	if (running && atBoot === false)
		return _('Umbrella is running, but does not start at boot.');
}

async function act(action) {
	if (!await callInitAction('umbrella', action))
		throw new Error(_('The service refused to %s. Its log tells why.').format(action));
}

async function start() {
	try {
		await act('enable');
		/* Also when it is switched off: from then on procd tells it of changes. */
		await act('start');

		if (!isEnabled()) {
			uci.set('umbrella', 'main', 'enabled', '1');
			await uci.save();
			await ui.changes.init();
			ui.changes.apply(true);
		}
	}
	catch (e) {
		ui.addNotification(null, E('p', {}, [ e.message ]), 'error');
	}
}

function noticeNodes(now) {
	const words = problem(now);

	if (!words)
		return [];

	return [
		E('div', { 'class': 'alert-message warning', 'role': 'status' }, [
			E('p', {}, [
				words, ' ',
				E('a', { 'href': L.url('admin/services/umbrella/log') }, [ _('Open the log') ])
			]),
			E('button', {
				'class': 'btn cbi-button cbi-button-apply',
				'disabled': L.hasViewPermission() ? null : true,
				'click': ui.createHandlerFn(this, start)
			}, [ now.running ? _('Start at boot') : _('Enable and start') ])
		])
	];
}

/* Puts above a view what is wrong with the service, and keeps it up to date. */
function withNotice(first, node) {
	const notice = E('div', { 'id': 'umbrella-notice' }, noticeNodes(first));
	let shown = problem(first);

	poll.add(async () => {
		const now = await state();

		/* What did not change keeps the focus. */
		if (problem(now) !== shown) {
			shown = problem(now);
			dom.content(notice, noticeNodes(now));
		}
	}, 5);

	return E('div', {}, [ notice, node ]);
}

/* A column of a table of settings that shows what the node says now.
 * ask() resolves to an answer or null, pick(answer) gives nodes or words by key,
 * missing(known) what is shown of a key that the answer does not have. */
function liveColumn(ask, pick, missing) {
	let all = {}, known = false;
	const show = (key) => all[key] ?? missing(known);

	poll.add(async () => {
		const answer = await ask();

		known = answer != null;
		all = known ? pick(answer) : {};

		for (let cell of document.querySelectorAll('[data-umbrella-live]'))
			dom.content(cell, show(cell.getAttribute('data-umbrella-live')));
	}, 3);

	return {
		cell: (key) => E('span', { 'data-umbrella-live': key ?? '' }, show(key))
	};
}

return baseclass.extend({
	state,
	withNotice,
	liveColumn,
	status: orNull(callStatus),
	trunks: orNull(callTrunks),
	cameras: orNull(callCameras),
	kick: callKick,
	probe: callProbe,
	discover: callDiscover
});
