'use strict';
'require form';
'require uci';
'require umbrella.fields as fields';
'require umbrella.format as format';
'require umbrella.service as service';
'require umbrella.values as values';
'require view';

function addBackhauls(map, live) {
	const s = map.section(form.GridSection, 'backhaul', _('Trunks'), _('Trunks to other nodes. With an address the node is dialled, with a secret alone it is waited for.'));
	let o;

	s.addremove = true;
	s.nodescriptions = true;
	s.addbtntitle = _('Add a trunk');
	fields.refuseTakenNames(s);

	o = s.option(form.Flag, 'enabled', _('Enabled'), _('Keep this trunk.'));
	o.editable = true;
	fields.boolean(o, '1');

	o = s.option(form.Value, 'url', _('Address'), _('Node to dial; without it, this node waits for a trunk that proves the secret.'));
	o.placeholder = 'wss://HOST/PATH/wsb';
	o.textvalue = function(section_id) {
		const value = this.cfgvalue(section_id);

		return value ? [ values.redactURL(value) ] : null;
	};
	fields.check(o, values.isBackhaulURL, _('wss://HOST/PATH/wsb or ws://HOST/PATH/wsb, without user name, query and fragment'));

	o = s.option(form.Value, 'secret', _('Secret'), _('What both ends of the trunk know.'));
	o.password = true;
	o.modalonly = true;
	fields.check(o, values.isSecret, _('16 to 256 characters that can be printed, without blanks'));
	fields.checkWith(o, [ 'url', 'enabled' ], (value, get, section_id) => {
		/* Trunks that come in are told apart by their secrets. */
		const waitsBy = (trunk) => values.isTrue(trunk.enabled || '1') && !trunk.url ? trunk.secret : null;

		if (value !== '' && waitsBy({ enabled: get('enabled'), url: get('url'), secret: value })
			&& fields.isTaken('backhaul', section_id, value, waitsBy))
			return _('is the secret of another trunk as well');
	});

	const needsTLS = (value, get) => {
		if (value !== '' && get('url').toLowerCase().startsWith('ws:'))
			return _('cannot be checked: the url has to begin with wss://');
	};

	o = s.option(form.Value, 'fingerprint', _('Fingerprint'), _('SHA-256 of the other node\'s certificate, in place of a CA.'));
	o.modalonly = true;
	fields.check(o, values.isFingerprint, _('the SHA-256 of a certificate: 64 hexadecimal digits, with or without colons'));
	fields.checkWith(o, [ 'url' ], needsTLS);

	o = s.option(form.Value, 'ca', _('CA'), _('PEM file of the CA that signed the other node\'s certificate; the system\'s CAs if not set.'));
	o.datatype = 'file';
	o.modalonly = true;
	fields.check(o, values.isPath, _('the path of a file that is there'));
	fields.checkWith(o, [ 'url' ], needsTLS);

	o = s.option(form.DynamicList, 'room', _('Rooms'), _('Room that the trunk joins; all rooms if not set.'));
	o.textvalue = function(section_id) {
		const rooms = L.toArray(this.cfgvalue(section_id));

		return [ rooms.length ? rooms.join(', ') : _('all') ];
	};
	fields.check(o, values.isRoomName, _('1 to 64 letters, digits, \'-\', \'_\' and \'.\', the first one not a \'.\''));

	o = s.option(form.DummyValue, '_connected', _('Connected'));
	o.modalonly = false;
	o.textvalue = function(section_id) {
		return [ live.cell(section_id) ];
	};
}

function states(answer) {
	return new Map(L.toArray(answer?.trunks).map((trunk) => [ trunk.name, format.trunk(trunk) ]));
}

return view.extend({
	load() {
		return Promise.all([
			service.state(),
			uci.load('umbrella')
		]);
	},

	render([ state ]) {
		const map = new form.Map('umbrella', _('Umbrella: peers'), _('Other nodes whose rooms are one with those here.'));
		const live = service.liveColumn(service.trunks, states, (known) => [ known ? _('not in use') : '–' ]);

		addBackhauls(map, live);

		return map.render().then((node) => service.withNotice(state, node));
	}
});
