'use strict';
'require dom';
'require form';
'require uci';
'require ui';
'require umbrella.fields as fields';
'require umbrella.format as format';
'require umbrella.service as service';
'require umbrella.values as values';
'require view';

function addCameras(map, live) {
	const s = map.section(form.GridSection, 'camera', _('Cameras'), _('IP cameras that rooms can show.'));
	let o;

	s.addremove = true;
	s.nodescriptions = true;
	s.addbtntitle = _('Add a camera');
	fields.refuseTakenNames(s);

	o = s.option(form.Flag, 'enabled', _('Enabled'), _('Use this camera.'));
	o.editable = true;
	fields.boolean(o, '1');

	o = s.option(form.Value, 'name', _('Shown as'), _('Name to show; the section\'s name if not set.'));
	o.textvalue = function(section_id) {
		return [ this.cfgvalue(section_id) || section_id ];
	};
	fields.check(o, values.isShownName, _('1 to 64 characters that can be printed'));

	o = s.option(form.Value, 'url', _('Address'), _('RTSP address of the main stream.'));
	o.placeholder = 'rtsp://USER:PASSWORD@HOST:PORT/PATH';
	fields.maskLogin(o);
	fields.check(o, values.isCameraURL, _('rtsp://HOST/PATH or rtsps://HOST/PATH, with USER:PASSWORD@ before the host where needed, a port from 1 to 65535, no blanks, without # and what follows it, and other characters of the password as %XX'));
	fields.checkWith(o, [ 'enabled' ], (value, get) => {
		if (value === '' && get('enabled') !== '0')
			return _('a camera that is enabled needs it');
	});

	o = s.option(form.Value, 'substream', _('Small stream'), _('RTSP address of the same picture in a smaller size.'));
	o.modalonly = true;
	fields.maskLogin(o);
	fields.check(o, values.isCameraURL, _('rtsp://HOST/PATH or rtsps://HOST/PATH, with USER:PASSWORD@ before the host where needed, a port from 1 to 65535, no blanks, without # and what follows it, and other characters of the password as %XX'));
	fields.checkWith(o, [ 'url' ], (value, get) => {
		if (value !== '' && value === get('url'))
			return _('is the same as url');
	});

	o = s.option(form.Value, 'onvif', _('ONVIF'), _('Where the camera\'s ONVIF is, for snapshots; looked for at the host of url if not set.'));
	o.placeholder = 'http://HOST:PORT';
	o.modalonly = true;
	fields.check(o, values.isONVIFURL, _('http://HOST or https://HOST, with a port and a path where needed, without user name, query and fragment'));

	o = s.option(form.ListValue, 'transport', _('Transport'), _('How RTP comes from the camera.'));
	o.value('auto', _('auto'));
	o.value('tcp', _('tcp'));
	o.value('udp', _('udp'));
	o.modalonly = true;
	fields.choice(o, 'auto');

	o = s.option(form.Value, 'room', _('Room'), _('Room that the camera is in.'));
	o.placeholder = 'main';
	o.textvalue = function(section_id) {
		return [ this.cfgvalue(section_id) || 'main' ];
	};
	fields.check(o, values.isRoomName, _('1 to 64 letters, digits, \'-\', \'_\' and \'.\', the first one not a \'.\''));

	o = s.option(form.Flag, 'audio', _('Audio'), _('Take the camera\'s audio, too.'));
	o.modalonly = true;
	fields.boolean(o, '1');

	o = s.option(form.Flag, 'on_demand', _('On demand'), _('Connect to the camera only while somebody watches.'));
	o.modalonly = true;
	fields.boolean(o, '1');

	/* People have to be able to tell the cameras of a room apart. */
	const shownAs = (camera) => values.isTrue(camera.enabled || '1')
		? (camera.room || 'main') + '/' + (camera.name || camera['.name']) : null;

	fields.checkWith(s.getOption('name'), [ 'enabled', 'room' ], (value, get, section_id) => {
		const shown = shownAs({ '.name': section_id, enabled: get('enabled'), room: get('room'), name: value });

		if (shown != null && fields.isTaken('camera', section_id, shown, shownAs))
			return _('is the name of another camera in the room as well');
	});

	o = s.option(form.DummyValue, '_state', _('State'));
	o.modalonly = false;
	o.textvalue = function(section_id) {
		return [ live.cell(section_id) ];
	};

	return s;
}

function failureNodes(e) {
	return [ E('p', { 'class': 'alert-message error' }, [ _('The node did not answer: %s').format(e.message) ]) ];
}

/* Shows a window with what an action answers, however long it takes. It is not
 * filled any more once it was closed. */
async function showAnswer(title, doing, act) {
	const body = E('div', { 'aria-live': 'polite' }, [ E('p', { 'class': 'spinning' }, [ doing ]) ]);

	ui.showModal([ title ], [
		body,
		E('div', { 'class': 'right' }, [
			E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Close') ])
		])
	]);

	try {
		dom.content(body, [ ...await act() ]);
	}
	catch (e) {
		dom.content(body, [ ...failureNodes(e) ]);
	}
}

function probeNodes(option, answer) {
	const label = (good, words) => E('span', { 'class': good ? 'label success' : 'label warning' }, [ words ]);
	const verdict = answer.trouble ? [ label(false, _('cannot be used')) ] : [
		label(answer.plays, answer.plays ? _('browsers show it') : _('browsers do not show it')), ' ',
		E('span', { 'class': answer.hears ? 'label success' : 'label' }, [ answer.hears ? _('with sound') : _('without sound') ])
	];

	return [
		E('h5', {}, [ option ]),
		E('p', {}, [ ...verdict ]),
		E('pre', { 'style': 'white-space:pre-wrap;overflow-wrap:anywhere' }, [ answer.text ?? '' ])
	];
}

/* Tries the addresses as the form has them, saved or not. */
function test(section_id) {
	const name = uci.get('umbrella', section_id, 'name') || section_id;
	const urls = [ [ _('Main stream'), 'url' ], [ _('Small stream'), 'substream' ] ]
		.map(([ title, option ]) => [ title, uci.get('umbrella', section_id, option) ])
		.filter(([ , url ]) => url);

	return showAnswer(_('Test of %s').format(name), _('Asking the camera. Each of its streams takes up to 20 seconds.'), async () => {
		const nodes = [];

		for (let [ title, url ] of urls)
			nodes.push(...probeNodes(title, await service.probe(url)));

		return nodes.length ? nodes : [ E('p', {}, [ _('The camera has no address yet.') ]) ];
	});
}

/* Returns a name for a section that is free. */
function freeName(wish) {
	const base = wish.normalize('NFKD').toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').substring(0, 32) || 'camera';
	let name = base;

	for (let i = 2; uci.get('umbrella', name); i++)
		name = base + '_' + i;

	return name;
}

/* Cameras tell their addresses without the login that they want. */
function withLogin(url, user, password) {
	if (!user || !url)
		return url;

	const escape = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());

	return url.replace(/^(rtsps?:\/\/)(?:[^\/@]*@)?/i, (all, scheme) => scheme + escape(user) + (password ? ':' + escape(password) : '') + '@');
}

function addFound(section, camera, user, password) {
	const profiles = L.toArray(camera.profiles);
	const main = profiles.find((p) => p.role === 'main') ?? profiles[0];
	const sub = profiles.find((p) => p.role === 'sub' && p.url !== main?.url);
	const shown = camera.name || camera.model || camera.address;
	const section_id = uci.add('umbrella', 'camera', freeName(shown));

	uci.set('umbrella', section_id, 'name', shown.substring(0, 64));

	if (main?.url)
		uci.set('umbrella', section_id, 'url', withLogin(main.url, user, password));

	if (sub?.url)
		uci.set('umbrella', section_id, 'substream', withLogin(sub.url, user, password));

	ui.hideModal();
	/* Whoever dismisses the window has not added it. */
	section.map.addedSection = section_id;

	return section.renderMoreOptionsModal(section_id);
}

function foundNodes(section, cameras, user, password) {
	const rows = cameras.map((camera) => [
		[ E('strong', {}, [ camera.name || camera.address ]), E('br'), [ camera.manufacturer, camera.model ].filter((s) => s).join(' ') ],
		camera.address,
		camera.problem ? camera.problem
			: L.toArray(camera.profiles).map((p) => E('div', {}, [ '%s %s %d×%d'.format(p.role || p.name || '', p.codec || '', p.width || 0, p.height || 0) ])),
		E('button', {
			'class': 'btn cbi-button cbi-button-add',
			'click': ui.createHandlerFn(section, addFound, section, camera, user, password)
		}, [ _('Add') ])
	]);

	if (!rows.length)
		return [ E('p', {}, [ E('em', {}, [ _('No camera answered. ONVIF may be off in its settings, or it is in another network.') ]) ]) ];

	return [
		format.table([ _('Camera'), _('Address'), _('Streams'), '' ], rows, ''),
		!user ? E('p', {}, [ _('A camera that asks for a login tells its streams only to who gives it: search again with user and password.') ]) : ''
	];
}

function discover(section) {
	const user = E('input', { 'type': 'text', 'class': 'cbi-input-text', 'id': 'umbrella-user', 'autocomplete': 'off' });
	const password = E('input', { 'type': 'password', 'class': 'cbi-input-text', 'id': 'umbrella-password', 'autocomplete': 'off' });
	const found = E('div', { 'aria-live': 'polite' });

	const search = async () => {
		dom.content(found, E('p', { 'class': 'spinning' }, [ _('Searching. This takes up to half a minute.') ]));

		try {
			const answer = await service.discover(user.value, password.value);

			dom.content(found, [ ...foundNodes(section, L.toArray(answer.cameras), user.value, password.value) ]);
		}
		catch (e) {
			dom.content(found, [ ...failureNodes(e) ]);
		}
	};

	ui.showModal([ _('Discover cameras') ], [
		E('p', {}, [ _('Asks for ONVIF cameras in the local network. User and password are those of the cameras, if they want any.') ]),
		E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title', 'for': 'umbrella-user' }, [ _('User') ]),
			E('div', { 'class': 'cbi-value-field' }, [ user ])
		]),
		E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title', 'for': 'umbrella-password' }, [ _('Password') ]),
			E('div', { 'class': 'cbi-value-field' }, [ password ])
		]),
		found,
		E('div', { 'class': 'right' }, [
			E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Close') ]), ' ',
			E('button', { 'class': 'btn cbi-button cbi-button-action', 'click': ui.createHandlerFn(section, search) }, [ _('Search') ])
		])
	]);
}

/* Adds the buttons that ask the node, for those who may. */
function addButtons(s) {
	if (!L.hasViewPermission())
		return;

	s.renderRowActions = function(section_id) {
		const cell = form.GridSection.prototype.renderRowActions.call(this, section_id);

		cell.lastElementChild.prepend(E('button', {
			'class': 'btn cbi-button cbi-button-neutral',
			'title': _('Ask the camera what it sends'),
			'click': ui.createHandlerFn(this, test, section_id)
		}, [ _('Test') ]));

		return cell;
	};

	const renderAdd = s.renderSectionAdd;

	s.renderSectionAdd = function() {
		const node = renderAdd.apply(this, arguments);

		node.appendChild(E('button', {
			'class': 'btn cbi-button cbi-button-action',
			'style': 'margin-left:.5em',
			'click': ui.createHandlerFn(this, discover, this)
		}, [ _('Discover') ]));

		return node;
	};
}

function states(answer) {
	return new Map(L.toArray(answer?.cameras).map((camera) => [ camera.id, format.camera(camera) ]));
}

return view.extend({
	load() {
		return Promise.all([
			service.state(),
			uci.load('umbrella')
		]);
	},

	render([ state ]) {
		const map = new form.Map('umbrella', _('Umbrella: cameras'), _('IP cameras in the rooms, beside people.'));
		const live = service.liveColumn(service.cameras, states, (known) => [ known ? _('not in use') : '–' ]);

		/* The node takes up to 20 s for a camera, as long as LuCI waits for anything. */
		L.env.rpctimeout = Math.max(L.env.rpctimeout ?? 20, 30);

		addButtons(addCameras(map, live));

		return map.render().then((node) => service.withNotice(state, node));
	}
});
