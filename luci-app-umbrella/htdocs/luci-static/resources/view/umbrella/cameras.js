'use strict';
'require dom';
'require form';
'require uci';
'require ui';
'require umbrella.fields as fields';
'require umbrella.format as format';
'require umbrella.login as login';
'require umbrella.service as service';
'require umbrella.values as values';
'require umbrella.words as words';
'require view';

function nameOf(section_id) {
	return uci.get('umbrella', section_id, 'name') || section_id;
}

function addCameras(map, live, status) {
	const s = map.section(form.GridSection, 'camera', _('Cameras'), _('IP cameras that rooms can show.'));
	let o;

	s.addbtntitle = _('Add a camera');
	fields.addByName(s, _('Name of the camera'), 'camera', (typed, section_id) => ({ name: typed === section_id ? null : typed }));

	// html: no HTML gets through
	s.modaltitle = fields.titleOf((section_id) => nameOf(section_id), _('Camera'));

	o = fields.add(s, form.Flag, 'enabled');
	o.editable = true;
	fields.boolean(o, '1');

	o = fields.add(s, form.Value, 'name');
	o.cfgvalue = nameOf;
	o.textvalue = (section_id) => [ nameOf(section_id) ];

	o = fields.add(s, form.Value, 'room');
	o.placeholder = 'main';
	fields.offerRooms(o, status);
	o.textvalue = function(section_id) {
		return [ this.cfgvalue(section_id) || 'main' ];
	};

	o = fields.add(s, form.Value, 'url');
	o.placeholder = 'rtsp://HOST:PORT/PATH';
	o.textvalue = function(section_id) {
		const value = this.cfgvalue(section_id);

		return value ? [ values.redactURL(value) ] : null;
	};
	login.addMain(s, o);
	fields.checkWith(o, [ 'enabled' ], (value, get) => {
		if (value === '' && get('enabled') !== '0')
			return _('A camera that is enabled needs an address');
	});

	o = fields.add(s, form.Value, 'substream');
	o.placeholder = 'rtsp://HOST:PORT/PATH';
	o.modalonly = true;
	login.addSmall(s, o);
	fields.checkWith(o, [ 'url' ], (value, get) => {
		if (value !== '' && value === get('url'))
			return _('The address is that of %s as well').format(fields.quoted('camera', 'url'));
	});

	o = fields.add(s, form.Value, 'onvif');
	o.placeholder = 'http://HOST:PORT';
	o.modalonly = true;
	o.onchange = function(ev, section_id) {
		login.moveLogin(this, section_id, '_url_user', '_url_password');
	};

	o = fields.add(s, form.ListValue, 'transport');
	o.value('auto', _('whichever the camera offers'));
	o.value('tcp', _('TCP'));
	o.value('udp', _('UDP'));
	o.modalonly = true;
	fields.choice(o, 'auto');

	o = fields.add(s, form.Flag, 'audio');
	o.modalonly = true;
	fields.boolean(o, '1');

	o = fields.add(s, form.Flag, 'on_demand');
	o.modalonly = true;
	fields.boolean(o, '1');

	/* People have to be able to tell the cameras of a room apart. */
	const shownAs = (camera) => values.isTrue(camera.enabled || '1')
		? (camera.room || 'main') + '/' + (camera.name || camera['.name']) : null;

	fields.checkWith(s.getOption('name'), [ 'enabled', 'room' ], (value, get, section_id) => {
		const shown = shownAs({ '.name': section_id, enabled: get('enabled'), room: get('room'), name: value });

		if (shown != null && fields.isTaken('camera', section_id, shown, shownAs))
			return _('Another camera in the room has this name');
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
	const verdict = answer.trouble ? [ format.badge('bad', _('cannot be used')) ] : [
		answer.plays ? format.badge('good', _('browsers show it')) : format.badge('bad', _('browsers do not show it')), ' ',
		answer.hears ? format.badge('good', _('with sound')) : format.badge('calm', _('without sound'))
	];

	return [
		E('h5', {}, [ option ]),
		E('p', {}, [ ...verdict ]),
		E('pre', { 'style': 'white-space:pre-wrap;overflow-wrap:anywhere' }, [ answer.text ?? '' ])
	];
}

/* Tries the addresses as the form has them, saved or not. */
function test(section_id) {
	const name = nameOf(section_id);
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

function addFound(section, camera, user, password) {
	const profiles = L.toArray(camera.profiles);
	const main = profiles.find((p) => p.role === 'main') ?? profiles[0];
	const sub = profiles.find((p) => p.role === 'sub' && p.url !== main?.url);
	const shown = camera.name || camera.model || camera.address;

	ui.hideModal();

	return fields.addSection(section, fields.freeName(shown, 'camera'), {
		name: shown.substring(0, 64),
		url: login.join(login.split(main?.url).address, user, password),
		substream: login.join(login.split(sub?.url).address, user, password)
	});
}

function foundNodes(section, cameras, user, password) {
	const rows = cameras.map((camera) => [
		[ E('strong', {}, [ camera.name || camera.address ]), E('br'), [ camera.manufacturer, camera.model ].filter((s) => s).join(' ') ],
		camera.address,
		camera.problem ? words.translate(camera.problem)
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
		!user ? E('p', {}, [ _('A camera with a login lists its streams only after the login: search again with user and password.') ]) : ''
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
			service.status(),
			uci.load('umbrella')
		]);
	},

	render([ state, status ]) {
		const map = new form.Map('umbrella', _('Umbrella: cameras'), _('IP cameras in the rooms, beside people.'));
		const live = service.liveColumn(service.cameras, states, (known) => [ known ? _('not in use') : '–' ]);

		/* The node takes up to 20 s for a camera, as long as LuCI waits for anything. */
		L.env.rpctimeout = Math.max(L.env.rpctimeout ?? 20, 30);

		addButtons(addCameras(map, live, status));

		return map.render().then((node) => service.withNotice(state, node));
	}
});
