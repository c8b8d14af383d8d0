'use strict';
'require form';
'require uci';
'require umbrella.fields as fields';
'require umbrella.service as service';
'require view';

/* A section with a name of its own names the room. */
function nameOf(section) {
	return section.name || (section['.anonymous'] ? null : section['.name']);
}

function addRooms(map, live, status) {
	const s = map.section(form.GridSection, 'room', _('Rooms'), _('Rooms with rules of their own. The page “Settings” says who may enter the others.'));
	const access = {
		lan: _('people in the local network'),
		password: _('people who know the password'),
		token: _('people with an invitation'),
		open: _('everybody')
	};
	let o;

	s.addbtntitle = _('Add a room');

	/* Those that have no rules of their own yet. */
	const suggested = fields.knownRooms(status).filter((name) => !fields.isTaken('room', null, name, nameOf));

	fields.addByName(s, _('Name of the room'), 'room', (typed, section_id) => ({ name: typed === section_id ? null : typed }), suggested);

	// html: no HTML gets through
	s.modaltitle = fields.titleOf((section_id) => nameOf(uci.get('umbrella', section_id)), _('Room'));

	o = fields.add(s, form.Value, 'name');
	o.cfgvalue = function(section_id) {
		return nameOf(uci.get('umbrella', section_id));
	};
	o.rmempty = false;
	o.textvalue = function(section_id) {
		return [ this.cfgvalue(section_id) ?? '' ];
	};
	fields.checkWith(o, [], (value, get, section_id) => {
		if (fields.isTaken('room', section_id, value, nameOf))
			return _('Another room has this name');
	});

	o = fields.add(s, form.ListValue, 'access');
	o.value('', _('not chosen'));

	for (let word in access)
		o.value(word, access[word]); // html: fixed words

	o.textvalue = function(section_id) {
		const word = this.cfgvalue(section_id) || (uci.get('umbrella', section_id, 'password') ? 'password' : 'lan');

		return [ access[word] ?? word ];
	};

	o = fields.add(s, form.Value, 'password');
	o.password = true;
	o.modalonly = true;
	o.depends('access', '');
	o.depends('access', 'password');
	fields.checkWith(o, [ 'access' ], (value, get) => {
		if (value === '' && get('access') === 'password')
			return _('A room for people who know the password needs one');
	});

	o = fields.add(s, form.Value, 'max_participants');
	o.datatype = 'range(0, 10000)';
	o.placeholder = '0';
	o.textvalue = function(section_id) {
		return [ fields.limit(this.cfgvalue(section_id) || '0') ];
	};

	o = s.option(form.DummyValue, '_people', _('People now'));
	o.modalonly = false;
	o.textvalue = function(section_id) {
		return [ live.cell(nameOf(uci.get('umbrella', section_id))) ];
	};
}

/* Returns how many are in each room, by its name. */
function counts(status) {
	return new Map(L.toArray(status?.rooms).map((room) => [ room.name, [ L.toArray(room.participants).length ] ]));
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
		const map = new form.Map('umbrella', _('Umbrella: rooms'), _('A room is there as soon as somebody enters it. Here are those with rules of their own.'));
		const live = service.liveColumn(service.status, counts, (known) => known ? [ '0' ] : [ '–' ]);

		addRooms(map, live, status);

		return map.render().then((node) => service.withNotice(state, node));
	}
});
