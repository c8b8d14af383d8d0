'use strict';
'require poll';
'require rpc';
'require uci';
'require umbrella.service as service';
'require view';

const callLogRead = rpc.declare({
	object: 'log',
	method: 'read',
	params: [ 'lines', 'stream', 'oneshot' ],
	expect: { log: [] },
	reject: true
});

/* Lines of the system log that are looked through for the daemon's. */
const lookedThrough = 2000;

/* The levels of syslog (RFC 5424) from 0 on. */
const levels = () => [ _('emergency'), _('alert'), _('critical'), _('error'), _('warning'), _('notice'), _('info'), _('debug') ];

/* The daemon logs as umbrellad[PID], its init script as umbrella. */
function isOurs(entry) {
	return /^umbrellad?(\[\d+\])?:/.test(entry.msg ?? '');
}

/* All that the daemon writes comes by its standard error, which procd logs as
 * errors: the level that counts is the one in the line. */
function understand({ time, priority, msg }) {
	const own = /^(umbrellad\[\d+\]: )(?:time=\S+ )?level=(DEBUG|INFO|WARN|ERROR)\S* (.*)$/s.exec(msg);

	if (!own)
		return { time, level: priority & 7, words: msg };

	return { time, level: { DEBUG: 7, INFO: 6, WARN: 4, ERROR: 3 }[own[2]], words: own[1] + own[3] };
}

function line({ time, level, words }) {
	return '%s  %s  %s'.format(new Date(time).toLocaleString(), levels()[level], words);
}

return view.extend({
	load() {
		return Promise.all([
			service.state(),
			uci.load('umbrella')
		]);
	},

	render([ state ]) {
		const box = E('textarea', {
			'id': 'umbrella-log', 'readonly': true, 'rows': 30, 'aria-label': _('Log'),
			'style': 'width:100%;font-family:monospace;font-size:12px;overflow-wrap:anywhere'
		});
		const words = E('input', { 'type': 'text', 'id': 'umbrella-words', 'class': 'cbi-input-text', 'placeholder': _('only lines with…'), 'aria-label': _('Only lines with') });
		const least = E('select', { 'id': 'umbrella-least', 'class': 'cbi-input-select', 'aria-label': _('Level') }, [
			E('option', { 'value': '7' }, [ _('all levels') ]),
			E('option', { 'value': '4' }, [ _('warnings and errors') ]),
			E('option', { 'value': '3' }, [ _('errors') ])
		]);
		let entries = [], problem = null;

		const show = () => {
			const wanted = words.value.toLowerCase();
			const text = problem ?? (entries
				.filter((entry) => entry.level <= +least.value && entry.words.toLowerCase().includes(wanted))
				.map(line).join('\n') || _('There is nothing in the log.'));
			const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 20;

			/* A selection stays while nothing is new. */
			if (box.value === text)
				return;

			box.value = text;

			if (atEnd)
				box.scrollTop = box.scrollHeight;
		};
		const update = async () => {
			try {
				entries = L.toArray(await callLogRead(lookedThrough, false, true)).filter(isOurs).map(understand);
				problem = null;
			}
			catch (e) {
				problem = _('The system log could not be read: %s').format(e.message);
			}

			show();
		};

		words.addEventListener('input', show);
		least.addEventListener('change', show);
		poll.add(update, 5);

		return service.withNotice(state, E('div', {}, [
			E('h2', {}, [ _('Umbrella: log') ]),
			E('div', { 'class': 'cbi-map-descr' }, [ _('What the node wrote to the system log; the newest is at the end.') ]),
			E('div', { 'class': 'cbi-section' }, [
				E('div', { 'style': 'display:flex;flex-wrap:wrap;gap:.5em;margin-bottom:.5em' }, [ least, words ]),
				box
			])
		]));
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
