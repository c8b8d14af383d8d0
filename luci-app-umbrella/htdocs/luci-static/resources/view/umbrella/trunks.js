'use strict';
'require form';
'require uci';
'require umbrella.fields as fields';
'require umbrella.format as format';
'require umbrella.service as service';
'require umbrella.values as values';
'require view';

function addTrunks(map, live, status) {
	const s = map.section(form.GridSection, 'backhaul', _('Trunks'), _('With an address this node dials the other one; without, it waits for the other node.'));
	let o;

	s.addbtntitle = _('Add a trunk');
	fields.addByName(s, _('Name of the other node'), 'trunk', () => ({}));

	// html: no HTML gets through
	s.modaltitle = fields.titleOf((section_id) => section_id, _('Trunk'));

	o = s.option(form.DummyValue, '_name', _('Name'));
	o.modalonly = false;
	o.textvalue = (section_id) => [ section_id ];

	o = fields.add(s, form.Flag, 'enabled');
	o.editable = true;
	fields.boolean(o, '1');

	o = fields.add(s, form.Value, 'url');
	o.placeholder = 'wss://HOST/PATH/wsb';
	o.textvalue = function(section_id) {
		const value = this.cfgvalue(section_id);

		return [ value ? values.redactURL(value) : _('dialled by the other node') ];
	};

	o = fields.add(s, form.Value, 'secret');
	o.password = true;
	o.modalonly = true;
	fields.checkWith(o, [ 'url', 'enabled' ], (value, get, section_id) => {
		/* Trunks that come in are told apart by their secrets. */
		const waitsBy = (trunk) => values.isTrue(trunk.enabled || '1') && !trunk.url ? trunk.secret : null;

		if (value !== '' && waitsBy({ enabled: get('enabled'), url: get('url'), secret: value })
			&& fields.isTaken('backhaul', section_id, value, waitsBy))
			return _('Another trunk has this secret');
	});

	fields.checkWith(s.getOption('url'), [ 'enabled', 'secret' ], (value, get) => {
		if (value === '' && get('enabled') !== '0' && get('secret') === '')
			return _('A trunk that is enabled needs an address, or %s to be dialled with').format(fields.quoted('backhaul', 'secret'));
	});

	const needsTLS = (value, get) => {
		if (value !== '' && get('url').toLowerCase().startsWith('ws:'))
			return _('Cannot be checked: %s has to begin with wss://').format(fields.quoted('backhaul', 'url'));
	};

	o = fields.add(s, form.Value, 'fingerprint');
	o.modalonly = true;
	fields.checkWith(o, [ 'url' ], needsTLS);

	o = fields.add(s, form.Value, 'ca');
	o.datatype = 'file';
	o.modalonly = true;
	fields.checkWith(o, [ 'url' ], needsTLS);

	o = fields.add(s, form.DynamicList, 'room');
	fields.offerRooms(o, status);
	o.textvalue = function(section_id) {
		const rooms = L.toArray(this.cfgvalue(section_id));

		return [ rooms.length ? rooms.join(', ') : _('all') ];
	};

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
			service.status(),
			uci.load('umbrella')
		]);
	},

	render([ state, status ]) {
		const map = new form.Map('umbrella', _('Umbrella: trunks'), _('Connections to other nodes, whose rooms are one with those here.'));
		const live = service.liveColumn(service.trunks, states, (known) => [ known ? _('not in use') : '–' ]);

		addTrunks(map, live, status);

		return map.render().then((node) => service.withNotice(state, node));
	}
});
