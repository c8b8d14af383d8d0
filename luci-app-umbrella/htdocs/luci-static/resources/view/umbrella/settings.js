'use strict';
'require form';
'require poll';
'require rpc';
'require uci';
'require ui';
'require umbrella.values as values';
'require view';

const callServiceList = rpc.declare({
	object: 'service',
	method: 'list',
	params: [ 'name' ],
	expect: { '': {} }
});

function isRunning(services) {
	return Object.values(services?.umbrella?.instances ?? {}).some((instance) => instance.running);
}

/* Returns the address of the web client, or null if only a proxy knows it. */
function clientURL() {
	const place = values.splitHostPort(uci.get('umbrella', 'main', 'listen') || ':8081');
	const prefix = (uci.get('umbrella', 'main', 'prefix') || '').replace(/\/+$/, '');

	if (!place || uci.get('umbrella', 'main', 'tls') === 'off')
		return null;

	let host = place.host;

	if (host === '' || host === '0.0.0.0' || host === '::')
		host = window.location.hostname;
	else if (host.includes(':'))
		host = '[' + host + ']';

	return 'https://' + host + ':' + place.port + prefix + '/sfu';
}

function statusNodes(running) {
	if (running) {
		const url = clientURL();

		return [
			E('strong', { 'style': 'color:green' }, [ _('Running') ]),
			' – ',
			url ? E('a', { 'href': url, 'target': '_blank', 'rel': 'noreferrer' }, [ url ])
				: _('open it by the address of the proxy in front of it')
		];
	}

	return [
		E('strong', { 'style': 'color:red' }, [ _('Not running') ]),
		' – ',
		values.isTrue(uci.get('umbrella', 'main', 'enabled') ?? '1')
			? _('the system log tells why: %s').format('logread -e umbrella')
			: _('it is not enabled')
	];
}

function updateStatus() {
	const node = document.getElementById('umbrella-status');

	return callServiceList('umbrella').then((services) => {
		if (node)
			node.replaceChildren(...statusNodes(isRunning(services)));
	});
}

/* Has a value that is set pass the test, or else says what is allowed. */
function check(option, test, allowed) {
	option.validate = function(section_id, value) {
		return value === '' || test(value) || _('Expecting: %s').format(allowed);
	};
}

/* Adds a check that looks at other options as well. It is given a function that
 * returns the value of an option as the form has it. */
function checkWith(option, others, problem) {
	const before = option.validate ?? (() => true);

	option.validate = function(section_id, value) {
		const valid = before.call(this, section_id, value);

		if (valid !== true)
			return valid;

		return problem(value, (name) => this.section.formvalue(section_id, name)
			?? uci.get('umbrella', section_id, name) ?? '', section_id) ?? true;
	};

	for (let name of others) {
		const other = option.section.getOption(name);
		const changed = other.onchange;

		other.onchange = function(ev, section_id) {
			changed?.apply(this, arguments);
			this.section.getOption(option.option)?.triggerValidation(section_id);
		};
	}
}

/* The node takes all the words that OpenWrt has for a boolean. */
function boolean(option, byDefault) {
	option.default = byDefault;
	option.cfgvalue = function(section_id) {
		const value = uci.get('umbrella', section_id, this.option);

		return value == null || value === '' ? null : (values.isTrue(value) ? '1' : '0');
	};
}

/* A choice that is the default is not written. */
function choice(option, byDefault) {
	option.default = byDefault;
	option.write = function(section_id, value) {
		if (value === byDefault && !uci.get('umbrella', section_id, this.option))
			return;

		return uci.set('umbrella', section_id, this.option, value);
	};
}

/* An address with a login is shown in the table without it and typed masked. */
function maskLogin(option) {
	option.textvalue = function(section_id) {
		const value = this.cfgvalue(section_id);

		return value ? '%h'.format(values.redactURL(value)) : null;
	};
	option.renderWidget = function(section_id, option_index, cfgvalue) {
		this.password = !!cfgvalue && cfgvalue.includes('@');

		return form.Value.prototype.renderWidget.call(this, section_id, option_index, cfgvalue);
	};
}

/* Says whether another section of the type has the same value. */
function isTaken(type, section_id, value, valueOf) {
	return uci.sections('umbrella', type).some((other) => other['.name'] !== section_id && valueOf(other) === value);
}

/* A name that another section has would overwrite that section. */
function refuseTakenNames(section) {
	section.renderSectionAdd = function() {
		const node = form.GridSection.prototype.renderSectionAdd.apply(this, arguments);
		const input = node.querySelector('.cbi-section-create-name');
		const button = node.querySelector('.cbi-button-add');

		if (input)
			ui.addValidator(input, 'uciname', true, (name) => {
				if (!uci.get('umbrella', name))
					return true;

				button.disabled = true;

				return _('The name is taken by another section');
			}, 'blur', 'keyup');

		return node;
	};
}

function addMain(map) {
	const s = map.section(form.NamedSection, 'main', 'umbrella', _('Node'));
	let o;

	o = s.option(form.Flag, 'enabled', _('Enabled'), _('Run at all.'));
	boolean(o, '1');
	o.rmempty = false;

	o = s.option(form.Value, 'listen', _('Web address'), _('TCP address of the web server.'));
	o.placeholder = ':8081';
	check(o, values.isListen, _('HOST:PORT or :PORT, with a port from 1 to 65535 and an IPv6 address in brackets'));

	o = s.option(form.Value, 'prefix', _('Path prefix'), _('Path below which everything is served.'));
	check(o, values.isPrefix, _('a path such as /umbrella: at most 128 letters, digits, \'-\', \'_\', \'.\', \'~\' and \'/\', starting with \'/\', without \'.\' or \'..\' as a part'));

	o = s.option(form.ListValue, 'tls', _('HTTPS'), _('Where HTTPS gets its certificate: from the node\'s own CA, from cert and key, or no HTTPS behind a proxy.'));
	o.value('auto', _('auto'));
	o.value('files', _('files'));
	o.value('off', _('off'));
	choice(o, 'auto');

	o = s.option(form.Value, 'cert', _('Certificate'), _('PEM file of the certificate and its chain, for tls \'files\'.'));
	o.datatype = 'file';
	o.depends('tls', 'files');
	o.rmempty = false;
	check(o, values.isPath, _('the path of a file that is there'));

	o = s.option(form.Value, 'key', _('Private key'), _('PEM file of the certificate\'s private key, for tls \'files\'.'));
	o.datatype = 'file';
	o.depends('tls', 'files');
	o.rmempty = false;
	check(o, values.isPath, _('the path of a file that is there'));

	o = s.option(form.Value, 'media_port', _('Media port'), _('UDP and TCP port of all audio and video.'));
	o.datatype = 'port';
	o.placeholder = '8082';
	check(o, values.isPort, _('a port number from 1 to 65535'));
	checkWith(o, [ 'listen' ], (value, get) => {
		const place = values.splitHostPort(get('listen') || ':8081');

		if (place?.port === (value || '8082'))
			return _('is the port of listen as well');
	});

	o = s.option(form.DynamicList, 'public_address', _('Public addresses'), _('Address by which the node is reached from outside, beside those of its interfaces.'));
	check(o, values.isPublicAddress, _('an IP address or a DNS name, without a port'));

	o = s.option(form.DynamicList, 'trusted_proxy', _('Trusted proxies'), _('Proxy whose X-Forwarded-For is believed.'));
	check(o, values.isProxy, _('an IP address or a network such as 192.168.1.0/24'));

	o = s.option(form.Value, 'state_dir', _('State directory'), _('Directory of what the node itself writes, such as its CA.'));
	o.datatype = 'directory';
	o.placeholder = '/etc/umbrella';
	check(o, values.isPath, _('the path of a directory'));

	o = s.option(form.ListValue, 'log_level', _('Log level'), _('The least level that is logged.'));
	o.value('debug', _('debug'));
	o.value('info', _('info'));
	o.value('warn', _('warn'));
	o.value('error', _('error'));
	choice(o, 'info');
}

function addRooms(map) {
	const s = map.section(form.GridSection, 'room', _('Rooms'), _('Rooms with rules of their own. A room that is not here can be entered from the local network.'));
	let o;

	s.anonymous = true;
	s.addremove = true;
	s.nodescriptions = true;
	s.addbtntitle = _('Add a room');
	s.modaltitle = (section_id) => uci.get('umbrella', section_id, 'name') || _('Room');

	/* A section with a name of its own names the room. */
	const nameOf = (section) => section.name || (section['.anonymous'] ? null : section['.name']);

	o = s.option(form.Value, 'name', _('Name'), _('Name of the room, as in its address; the section\'s name if not set.'));
	o.textvalue = function(section_id) {
		return '%h'.format(nameOf(uci.get('umbrella', section_id)) ?? '');
	};
	check(o, values.isRoomName, _('1 to 64 letters, digits, \'-\', \'_\' and \'.\', the first one not a \'.\''));
	checkWith(o, [], (value, get, section_id) => {
		const name = value || nameOf({ ...uci.get('umbrella', section_id), name: null });

		if (name == null)
			return _('a room needs one');

		if (isTaken('room', section_id, name, nameOf))
			return _('is the name of another room as well');
	});

	o = s.option(form.ListValue, 'access', _('Access'), _('Who may enter; \'password\' if a password is set.'));
	o.value('', _('not set: password if there is one, or else lan'));
	o.value('lan', _('lan'));
	o.value('password', _('password'));
	o.value('token', _('token'));
	o.value('open', _('open'));
	o.textvalue = function(section_id) {
		return '%h'.format(this.cfgvalue(section_id) || (uci.get('umbrella', section_id, 'password') ? _('password') : _('lan')));
	};

	o = s.option(form.Value, 'password', _('Password'), _('What people have to know to enter.'));
	o.password = true;
	o.modalonly = true;
	o.depends('access', '');
	o.depends('access', 'password');
	check(o, values.isPassword, _('1 to 128 characters that can be printed'));
	checkWith(o, [ 'access' ], (value, get) => {
		if (value === '' && get('access') === 'password')
			return _('access \'password\' needs it');
	});

	o = s.option(form.Value, 'max_participants', _('Participants at most'), _('How many people the room takes; 0 is no limit.'));
	o.datatype = 'range(0, 10000)';
	o.placeholder = '0';
	o.textvalue = function(section_id) {
		return '%h'.format(this.cfgvalue(section_id) || '0');
	};
	check(o, values.isMaxParticipants, _('a whole number from 0 (no limit) to 10000'));
}

function addBackhauls(map) {
	const s = map.section(form.GridSection, 'backhaul', _('Trunks'), _('Trunks to other nodes. With an address the node is dialled, with a secret alone it is waited for.'));
	let o;

	s.addremove = true;
	s.nodescriptions = true;
	s.addbtntitle = _('Add a trunk');
	refuseTakenNames(s);

	o = s.option(form.Flag, 'enabled', _('Enabled'), _('Keep this trunk.'));
	o.editable = true;
	boolean(o, '1');

	o = s.option(form.Value, 'url', _('Address'), _('Node to dial; without it, this node waits for a trunk that proves the secret.'));
	o.placeholder = 'wss://HOST/PATH/wsb';
	o.textvalue = function(section_id) {
		const value = this.cfgvalue(section_id);

		return value ? '%h'.format(values.redactURL(value)) : null;
	};
	check(o, values.isBackhaulURL, _('wss://HOST/PATH/wsb or ws://HOST/PATH/wsb, without user name, query and fragment'));

	o = s.option(form.Value, 'secret', _('Secret'), _('What both ends of the trunk know.'));
	o.password = true;
	o.modalonly = true;
	check(o, values.isSecret, _('16 to 256 characters that can be printed, without blanks'));
	checkWith(o, [ 'url', 'enabled' ], (value, get, section_id) => {
		/* Trunks that come in are told apart by their secrets. */
		const waitsBy = (trunk) => values.isTrue(trunk.enabled || '1') && !trunk.url ? trunk.secret : null;

		if (value !== '' && waitsBy({ enabled: get('enabled'), url: get('url'), secret: value })
			&& isTaken('backhaul', section_id, value, waitsBy))
			return _('is the secret of another trunk as well');
	});

	const needsTLS = (value, get) => {
		if (value !== '' && get('url').toLowerCase().startsWith('ws:'))
			return _('cannot be checked: the url has to begin with wss://');
	};

	o = s.option(form.Value, 'fingerprint', _('Fingerprint'), _('SHA-256 of the other node\'s certificate, in place of a CA.'));
	o.modalonly = true;
	check(o, values.isFingerprint, _('the SHA-256 of a certificate: 64 hexadecimal digits, with or without colons'));
	checkWith(o, [ 'url' ], needsTLS);

	o = s.option(form.Value, 'ca', _('CA'), _('PEM file of the CA that signed the other node\'s certificate; the system\'s CAs if not set.'));
	o.datatype = 'file';
	o.modalonly = true;
	check(o, values.isPath, _('the path of a file that is there'));
	checkWith(o, [ 'url' ], needsTLS);

	o = s.option(form.DynamicList, 'room', _('Rooms'), _('Room that the trunk joins; all rooms if not set.'));
	o.textvalue = function(section_id) {
		const rooms = L.toArray(this.cfgvalue(section_id));

		return '%h'.format(rooms.length ? rooms.join(', ') : _('all'));
	};
	check(o, values.isRoomName, _('1 to 64 letters, digits, \'-\', \'_\' and \'.\', the first one not a \'.\''));
}

function addCameras(map) {
	const s = map.section(form.GridSection, 'camera', _('Cameras'), _('IP cameras that rooms can show.'));
	let o;

	s.addremove = true;
	s.nodescriptions = true;
	s.addbtntitle = _('Add a camera');
	refuseTakenNames(s);

	o = s.option(form.Flag, 'enabled', _('Enabled'), _('Use this camera.'));
	o.editable = true;
	boolean(o, '1');

	o = s.option(form.Value, 'name', _('Shown as'), _('Name to show; the section\'s name if not set.'));
	o.textvalue = function(section_id) {
		return '%h'.format(this.cfgvalue(section_id) || section_id);
	};
	check(o, values.isShownName, _('1 to 64 characters that can be printed'));

	o = s.option(form.Value, 'url', _('Address'), _('RTSP address of the main stream.'));
	o.placeholder = 'rtsp://USER:PASSWORD@HOST:PORT/PATH';
	maskLogin(o);
	check(o, values.isCameraURL, _('rtsp://HOST/PATH or rtsps://HOST/PATH, with USER:PASSWORD@ before the host where needed, a port from 1 to 65535, no blanks, and other characters of the password as %XX'));
	checkWith(o, [ 'enabled' ], (value, get) => {
		if (value === '' && get('enabled') !== '0')
			return _('a camera that is enabled needs it');
	});

	o = s.option(form.Value, 'substream', _('Small stream'), _('RTSP address of the same picture in a smaller size.'));
	o.modalonly = true;
	maskLogin(o);
	check(o, values.isCameraURL, _('rtsp://HOST/PATH or rtsps://HOST/PATH, with USER:PASSWORD@ before the host where needed, a port from 1 to 65535, no blanks, and other characters of the password as %XX'));
	checkWith(o, [ 'url' ], (value, get) => {
		if (value !== '' && value === get('url'))
			return _('is the same as url');
	});

	o = s.option(form.ListValue, 'transport', _('Transport'), _('How RTP comes from the camera.'));
	o.value('auto', _('auto'));
	o.value('tcp', _('tcp'));
	o.value('udp', _('udp'));
	o.modalonly = true;
	choice(o, 'auto');

	o = s.option(form.Value, 'room', _('Room'), _('Room that the camera is in.'));
	o.placeholder = 'main';
	o.textvalue = function(section_id) {
		return '%h'.format(this.cfgvalue(section_id) || 'main');
	};
	check(o, values.isRoomName, _('1 to 64 letters, digits, \'-\', \'_\' and \'.\', the first one not a \'.\''));

	o = s.option(form.Flag, 'audio', _('Audio'), _('Take the camera\'s audio, too.'));
	o.modalonly = true;
	boolean(o, '1');

	o = s.option(form.Flag, 'on_demand', _('On demand'), _('Connect to the camera only while somebody watches.'));
	o.modalonly = true;
	boolean(o, '1');

	/* People have to be able to tell the cameras of a room apart. */
	const shownAs = (camera) => values.isTrue(camera.enabled || '1')
		? (camera.room || 'main') + '/' + (camera.name || camera['.name']) : null;

	checkWith(s.getOption('name'), [ 'enabled', 'room' ], (value, get, section_id) => {
		const shown = shownAs({ '.name': section_id, enabled: get('enabled'), room: get('room'), name: value });

		if (shown != null && isTaken('camera', section_id, shown, shownAs))
			return _('is the name of another camera in the room as well');
	});
}

return view.extend({
	load() {
		return Promise.all([
			callServiceList('umbrella'),
			uci.load('umbrella')
		]);
	},

	render([ services ]) {
		const map = new form.Map('umbrella', _('Umbrella'), _('Audio and video calls in the browser, forwarded by the access point itself, and IP cameras in them.'));
		let running = isRunning(services);

		/* Without the section, its options could not be edited. */
		if (!uci.get('umbrella', 'main'))
			uci.add('umbrella', 'umbrella', 'main');

		map.section(form.TypedSection, '_status').render = () => E('div', { 'class': 'cbi-section' }, [
			E('h3', [ _('Service') ]),
			E('p', { 'id': 'umbrella-status' }, statusNodes(running))
		]);

		addMain(map);
		addRooms(map);
		addBackhauls(map);
		addCameras(map);

		return map.render().then((node) => {
			poll.add(updateStatus);

			return node;
		});
	}
});
