'use strict';
'require dom';
'require poll';
'require rpc';
'require uci';
'require umbrella.format as format';
'require umbrella.service as service';
'require view';

const callLogRead = rpc.declare({
	object: 'log',
	method: 'read',
	params: [ 'lines', 'stream', 'oneshot' ],
	expect: { log: [] },
	reject: true
});

/* Lines of the system log that are looked through for the node's. */
const lookedThrough = 2000;

/* The levels of syslog (RFC 5424) from 0 on. */
const levels = () => [ _('emergency'), _('alert'), _('critical'), _('error'), _('warning'), _('notice'), _('info'), _('debug') ];

const byName = { DEBUG: 7, INFO: 6, WARN: 4, ERROR: 3 };

/* Attributes of a line that say which part of the node it is about. */
const parts = () => ({ camera: _('camera %s'), trunk: _('trunk %s'), participant: _('participant %s'), room: _('room %s') });

/* The node logs as umbrellad[PID], its init script as umbrella, and procd about it. */
function isOurs(entry) {
	const ours = /^(umbrellad?(\[\d+\])?: |procd(\[\d+\])?: .*\bumbrella\b)/;

	return ours.test(entry.msg ?? '');
}

/* Returns the pairs of a line that is written as key=value key="a value". */
function pairsOf(text) {
	const pair = /([A-Za-z_][\w.-]*)=("(?:[^"\\]|\\.)*"|\S*)/g;

	return Array.from(text.matchAll(pair), ([ , key, value ]) => {
		try {
			return [ key, value.startsWith('"') ? JSON.parse(value) : value ];
		}
		catch (e) {
			return [ key, value ];
		}
	});
}

/* All that the node writes comes by its standard error, which procd logs as errors: the
 * level that counts is the one in the line. */
function understand({ id, time, priority, msg }) {
	const form = /^(\w+)(?:\[\d+\])?: (.*)$/s;
	const own = /^(?:time=\S+ )?level=(DEBUG|INFO|WARN|ERROR)\S* /;
	const [ , program, text ] = form.exec(msg) ?? [ null, '', msg ];
	const found = program === 'umbrellad' ? own.exec(text) : null;
	const plain = program === 'umbrellad' ? _('node') : program === 'umbrella' ? _('start script') : program;

	if (!found)
		return { key: id + ' ' + time, time, level: priority & 7, part: plain, words: text, rest: '', line: msg };

	const pairs = pairsOf(text.substring(found[0].length));
	const named = new Map(pairs);
	const about = Object.entries(parts()).find(([ key ]) => named.get(key));

	return {
		key: id + ' ' + time,
		time,
		level: byName[found[1]],
		part: about ? about[1].format(named.get(about[0])) : plain,
		words: named.get('msg') ?? '',
		rest: pairs.filter(([ key ]) => key !== 'msg' && key !== about?.[0]).map(([ key, value ]) => key + '=' + value).join(' '),
		line: msg
	};
}

function rowOf(entry) {
	const kind = entry.level <= 3 ? 'bad' : entry.level === 4 ? 'busy' : 'calm';

	return E('tr', {}, [
		E('td', { 'class': 'umbrella-when' }, [ format.time(entry.time) ]),
		E('td', { 'class': 'umbrella-level' }, [ format.badge(kind, levels()[entry.level]) ]),
		E('td', { 'class': 'umbrella-part' }, [ entry.part ]),
		E('td', { 'class': 'umbrella-text' }, [ entry.words ].concat(entry.rest ? [ ' ', E('span', { 'class': 'umbrella-detail' }, [ entry.rest ]) ] : []))
	]);
}

/* Saves all lines as they are in the system log, whatever is shown. */
function download(entries) {
	const lines = entries.map((entry) => '%s %s\n'.format(new Date(entry.time).toISOString(), entry.line));
	const url = URL.createObjectURL(new Blob(lines, { type: 'text/plain' }));
	const link = document.createElement('a');

	link.href = url; // html: of a blob
	link.download = 'umbrella-%s.log'.format(new Date().toISOString().substring(0, 10));
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 60000);
}

return view.extend({
	load() {
		return Promise.all([
			service.state(),
			uci.load('umbrella')
		]);
	},

	render([ state ]) {
		const body = E('tbody');
		const box = E('div', { 'id': 'umbrella-log', 'class': 'umbrella-log', 'tabindex': '0', 'role': 'region', 'aria-label': _('Log') }, [
			E('table', {}, [
				E('thead', {}, [ E('tr', {}, [ E('th', {}, [ _('Time') ]), E('th', {}, [ _('Level') ]), E('th', {}, [ _('Part') ]), E('th', {}, [ _('Text') ]) ]) ]),
				body
			])
		]);
		const note = E('p', { 'role': 'status' });
		const words = E('input', { 'type': 'text', 'id': 'umbrella-words', 'class': 'cbi-input-text', 'placeholder': _('only lines with…'), 'aria-label': _('Only lines with') });
		const least = E('select', { 'id': 'umbrella-least', 'class': 'cbi-input-select', 'aria-label': _('Level') }, [
			E('option', { 'value': '7' }, [ _('all levels') ]),
			E('option', { 'value': '6' }, [ _('without debug') ]),
			E('option', { 'value': '4' }, [ _('warnings and errors') ]),
			E('option', { 'value': '3' }, [ _('errors') ])
		]);
		const follow = E('input', { 'type': 'checkbox', 'id': 'umbrella-follow', 'checked': '' });
		const save = E('button', { 'class': 'btn cbi-button', 'click': () => download(entries) }, [ _('Download') ]);
		const rows = new Map();
		let entries = [], shown = [], problem = null;

		const scroll = () => {
			if (follow.checked)
				box.scrollTop = box.scrollHeight;
		};
		const show = () => {
			const wanted = words.value.toLowerCase();
			const now = entries
				.filter((entry) => entry.level <= +least.value && [ entry.part, entry.words, entry.rest ].join(' ').toLowerCase().includes(wanted))
				.map((entry) => rows.get(entry.key));

			note.textContent = problem ?? (now.length ? '' : entries.length ? _('No line of the log matches.') : _('There is nothing in the log.'));
			note.hidden = note.textContent === '';
			box.hidden = !now.length;
			save.disabled = !entries.length;

			/* A selection stays while lines are only added. */
			if (shown.length && shown.every((row, i) => row === now[i]))
				dom.append(body, [ ...now.slice(shown.length) ]);
			else
				dom.content(body, [ ...now ]);

			shown = now;

			scroll();
		};
		const update = async () => {
			try {
				entries = L.toArray(await callLogRead(lookedThrough, false, true)).filter(isOurs).map(understand);
				problem = null;
			}
			catch (e) {
				problem = _('The system log could not be read: %s').format(e.message);
			}

			const kept = new Set(entries.map((entry) => entry.key));

			for (let key of [ ...rows.keys() ])
				if (!kept.has(key))
					rows.delete(key);

			for (let entry of entries)
				if (!rows.has(entry.key))
					rows.set(entry.key, rowOf(entry));

			show();
		};

		words.addEventListener('input', show);
		least.addEventListener('change', show);
		follow.addEventListener('change', show);
		/* Who scrolls up wants to read. */
		box.addEventListener('wheel', (ev) => {
			if (ev.deltaY < 0)
				follow.checked = false;
		});
		/* It has its height when the style sheet is there. */
		new ResizeObserver(scroll).observe(box);
		poll.add(update, 5);

		return service.withNotice(state, E('div', {}, [
			E('h2', {}, [ _('Umbrella: log') ]),
			E('div', { 'class': 'cbi-map-descr' }, [ _('What the node wrote to the system log. The newest line is the last.') ]),
			E('div', { 'class': 'cbi-section' }, [
				E('div', { 'class': 'umbrella-controls' }, [ least, words, E('label', {}, [ follow, ' ', _('Follow') ]), save ]),
				note,
				box
			])
		]));
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
