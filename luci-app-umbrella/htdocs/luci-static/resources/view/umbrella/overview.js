'use strict';
'require dom';
'require poll';
'require uci';
'require ui';
'require umbrella.format as format';
'require umbrella.service as service';
'require umbrella.words as words';
'require uqr';
'require view';

function confirmKick(room, person) {
	const name = person.name || person.id;

	ui.showModal([ _('Remove %s?').format(name) ], [
		E('p', {}, [ _('%s leaves the room %s at once, but may come back if its rules allow.').format(name, room) ]),
		E('div', { 'class': 'right' }, [
			E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Cancel') ]), ' ',
			E('button', {
				'class': 'btn cbi-button cbi-button-negative important',
				'click': ui.createHandlerFn(this, async () => {
					ui.hideModal();

					try {
						await service.kick(room, person.id);
					}
					catch (e) {
						ui.addNotification(null, [ E('p', {}, [ _('%s could not be removed: %s').format(name, e.message) ]) ], 'error');
					}
				})
			}, [ _('Remove') ])
		])
	]);
}

/* Returns a picture of a text as a QR code, or nothing if it is too long for one. Readers
 * want four modules free around it. */
function codeNodes(text) {
	try {
		const picture = uqr.renderSVG(text, { ecc: 'M', border: 4, pixelSize: 8 });

		return [ E('img', {
			'src': 'data:image/svg+xml,' + encodeURIComponent(picture), // html: a picture runs nothing
			'alt': _('QR code of %s').format(text),
			'style': 'width:13em;max-width:100%;height:auto'
		}) ];
	}
	catch (e) {
		return [];
	}
}

function joinNodes(urls) {
	if (!urls.length)
		return [ E('p', {}, [ _('Open it by the address of the proxy in front of it.') ]) ];

	return [
		E('p', {}, [ _('Open this address, or point the camera of a phone at the code:') ]),
		E('ul', {}, urls.map((url) => E('li', {}, [
			format.link(url)
		]))),
		...codeNodes(urls[0])
	];
}

/* Returns the memory in use against the limit that holds: above the first of them
 * nobody else can join. */
function memoryNodes(process) {
	const size = (bytes) => '%1024.1mB'.format(+bytes || 0);
	const [ used, most ] = +process.memoryMostNeededBytes
		? [ process.memoryNeededBytes, process.memoryMostNeededBytes ]
		: [ process.systemBytes, process.memoryLimitBytes ];
	const nodes = [ +most ? _('%s of %s').format(size(used), size(most)) : size(used) ];

	if (process.shortOfMemory)
		nodes.push(' ', format.badge('bad', _('nobody else can join')),
			format.detail(words.translate(process.shortOfMemoryReason || _('Too little memory is left.'))));

	return nodes;
}

/* Returns what the node says that people should know. */
function problemNodes(status) {
	const all = L.toArray(status.problems);

	return all.length ? [ E('div', { 'class': 'alert-message warning', 'role': 'status' }, all.map((problem) => E('p', { 'style': 'overflow-wrap:anywhere' }, [ ...service.saidNodes(problem) ]))) ] : [];
}

function nodeNodes(status) {
	const process = status.process ?? {};
	const people = L.toArray(status.rooms).reduce((sum, room) => sum + L.toArray(room.participants).length, 0);

	return format.facts([
		[ _('Version'), status.version ?? '' ],
		[ _('Node'), status.nodeName || status.nodeId || '–' ],
		[ _('Running for'), format.since(status.startedAtMs, status.nowMs) ],
		[ _('Participants'), _('%d (rooms: %d)').format(people, L.toArray(status.rooms).length) ],
		[ _('Memory'), memoryNodes(process) ]
	]);
}

/* What a participant receives and sends, in bits per second. */
function rates(person) {
	const sum = (list) => L.toArray(list).reduce((total, stream) => total + (+stream.bitsPerSecond || 0), 0);
	const sends = L.toArray(person.tracks).reduce((total, track) => total + sum(track.layers), 0);

	return [ format.bitRate(sends), format.bitRate(sum(person.subscriptions)) ];
}

function roomNodes(status) {
	const kinds = {
		PARTICIPANT_KIND_PERSON: _('person'),
		PARTICIPANT_KIND_CAMERA: _('camera'),
		PARTICIPANT_KIND_STREAM: _('stream')
	};
	const rooms = L.toArray(status.rooms);

	if (!rooms.length)
		return [ E('p', {}, [ E('em', {}, [ _('Nobody is in a room.') ]) ]) ];

	return rooms.flatMap((room) => [
		E('h4', {}, [ room.name ]),
		format.table(
			[ _('Participant'), _('Kind'), _('In the room for'), _('Wi-Fi signal'), _('Sends'), _('Receives'), '' ],
			L.toArray(room.participants).map((person) => [
				[ person.name || person.id || '' ].concat(person.nodeName ? [ E('br'), E('small', {}, [ _('at %s').format(person.nodeName) ]) ] : []),
				kinds[person.kind] ?? '–',
				format.since(person.joinedAtMs, status.nowMs),
				format.signal(person.station),
				...rates(person),
				/* Only those who came in here, and are no camera, can be sent away. */
				person.nodeId || person.kind === 'PARTICIPANT_KIND_CAMERA' || !L.hasViewPermission() ? '' : E('button', {
					'class': 'btn cbi-button cbi-button-negative',
					'data-umbrella-key': room.name + '/' + person.id,
					'click': () => confirmKick(room.name, person)
				}, [ _('Remove') ])
			]),
			_('Nobody is in the room.'))
	]);
}

function trunkNodes(status) {
	const nodes = [ format.table([ _('Trunk'), _('Address'), _('State') ],
		L.toArray(status.trunks).map((trunk) => [ trunk.name ?? '', trunk.url || _('dialled by the other node'), format.trunk(trunk) ]),
		_('There are no trunks to other nodes.')) ];
	const refused = L.toArray(status.refusedTrunks);

	if (refused.length)
		nodes.push(E('h4', {}, [ _('Refused lately') ]), format.table([ _('When'), _('Address'), _('Reason') ],
			refused.map((trunk) => [ _('%s ago').format(format.since(trunk.atMs, status.nowMs)), trunk.address ?? '', words.translate(trunk.problem ?? '') ]), ''));

	return nodes;
}

function cameraNodes(status) {
	return format.table([ _('Camera'), _('Room'), _('State'), _('Picture and sound') ],
		L.toArray(status.cameras).map((camera) => [
			camera.name || camera.id || '',
			camera.room ?? '',
			format.camera(camera),
			L.toArray(camera.streams).length
				? L.toArray(camera.streams).map((stream) => E('div', {}, [ [ stream.video, stream.sound, stream.transport ].filter((s) => s).join(', ') || '–' ]))
				: '–'
		]),
		_('There are no cameras.'));
}

/* What is drawn anew keeps the focus where it was. */
function fill(node, nodes) {
	const key = node.contains(document.activeElement) ? document.activeElement.getAttribute('data-umbrella-key') : null;

	dom.content(node, [ ...nodes ]);

	if (key != null)
		Array.from(node.querySelectorAll('[data-umbrella-key]')).find((other) => other.getAttribute('data-umbrella-key') === key)?.focus();
}

return view.extend({
	load() {
		return Promise.all([
			service.state(),
			service.status(),
			uci.load('umbrella')
		]);
	},

	render([ state, first ]) {
		const parts = {
			problems: E('div'), node: E('div'), join: E('div'), rooms: E('div'), trunks: E('div'), cameras: E('div')
		};
		const section = (title, node) => E('div', { 'class': 'cbi-section' }, [ E('h3', {}, [ title ]), node ]);
		const silent = E('p', { 'role': 'status' }, [ E('em', {}, [ _('There is no live state: the node does not answer on the bus.') ]) ]);
		const live = E('div', {}, [
			parts.problems,
			section(_('Join'), parts.join),
			section(_('Node'), parts.node),
			section(_('Rooms'), parts.rooms),
			section(_('Trunks'), parts.trunks),
			section(_('Cameras'), parts.cameras)
		]);
		let shown = null;

		const update = (status) => {
			silent.style.display = status ? 'none' : '';
			live.style.display = status ? '' : 'none';

			if (!status)
				return;

			const urls = format.joinURLs(status.urls);

			if (shown !== urls.join(' ')) {
				shown = urls.join(' ');
				dom.content(parts.join, [ ...joinNodes(urls) ]);
			}

			dom.content(parts.problems, [ ...problemNodes(status) ]);
			dom.content(parts.node, [ nodeNodes(status) ]);
			fill(parts.rooms, roomNodes(status));
			dom.content(parts.trunks, [ ...trunkNodes(status) ]);
			dom.content(parts.cameras, [ cameraNodes(status) ]);
		};

		update(first);
		poll.add(() => service.status().then(update), 3);

		return service.withNotice(state, E('div', {}, [
			E('h2', {}, [ _('Umbrella') ]),
			E('div', { 'class': 'cbi-map-descr' }, [ _('Audio and video calls in the browser, forwarded by the access point itself, and IP cameras in them.') ]),
			silent,
			live
		]));
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
