'use strict';
'require form';
'require uci';
'require umbrella.fields as fields';
'require umbrella.service as service';
'require umbrella.values as values';
'require view';

function addRooms(map, live) {
	const s = map.section(form.GridSection, 'room', _('Rooms'), _('Rooms with rules of their own. The settings tell who may enter the others.'));
	let o;

	s.anonymous = true;
	s.addremove = true;
	s.nodescriptions = true;
	s.addbtntitle = _('Add a room');

	/* A section with a name of its own names the room. */
	const nameOf = (section) => section.name || (section['.anonymous'] ? null : section['.name']);

	// eslint-disable-next-line html/luci -- no HTML gets through
	s.modaltitle = fields.titleOf((section_id) => nameOf(uci.get('umbrella', section_id)), _('Room'));

	o = s.option(form.Value, 'name', _('Name'), _('Name of the room, as in its address; the section\'s name if not set.'));
	o.textvalue = function(section_id) {
		return [ nameOf(uci.get('umbrella', section_id)) ?? '' ];
	};
	fields.check(o, values.isRoomName, _('1 to 64 letters, digits, \'-\', \'_\' and \'.\', the first one not a \'.\''));
	fields.checkWith(o, [], (value, get, section_id) => {
		const name = value || nameOf({ ...uci.get('umbrella', section_id), name: null });

		if (name == null)
			return _('a room needs one');

		if (fields.isTaken('room', section_id, name, nameOf))
			return _('is the name of another room as well');
	});

	o = s.option(form.ListValue, 'access', _('Access'), _('Who may enter; \'password\' if a password is set.'));
	o.value('', _('not set: password if there is one, or else lan'));
	o.value('lan', _('lan: local addresses'));
	o.value('password', _('password: who knows it'));
	o.value('token', _('token: invitations'));
	o.value('open', _('open: everybody'));
	o.textvalue = function(section_id) {
		return [ this.cfgvalue(section_id) || (uci.get('umbrella', section_id, 'password') ? _('password') : _('lan')) ];
	};

	o = s.option(form.Value, 'password', _('Password'), _('What people have to know to enter.'));
	o.password = true;
	o.modalonly = true;
	o.depends('access', '');
	o.depends('access', 'password');
	fields.check(o, values.isPassword, _('1 to 128 characters that can be printed, or a hash as `umbrellad hash` prints it'));
	fields.checkWith(o, [ 'access' ], (value, get) => {
		if (value === '' && get('access') === 'password')
			return _('access \'password\' needs it');
	});

	o = s.option(form.Value, 'max_participants', _('Participants at most'), _('How many people may be in the room by this node; 0 is no limit.'));
	o.datatype = 'range(0, 10000)';
	o.placeholder = '0';
	o.textvalue = function(section_id) {
		return [ this.cfgvalue(section_id) || '0' ];
	};
	fields.check(o, values.isMaxParticipants, _('a whole number from 0 (no limit) to 10000'));

	o = s.option(form.DummyValue, '_people', _('People now'));
	o.modalonly = false;
	o.textvalue = function(section_id) {
		return [ live.cell(nameOf(uci.get('umbrella', section_id))) ];
	};
}

/* Tells how many are in each room, by its name. */
function counts(status) {
	return new Map(L.toArray(status?.rooms).map((room) => [ room.name, [ L.toArray(room.participants).length ] ]));
}

return view.extend({
	load() {
		return Promise.all([
			service.state(),
			uci.load('umbrella')
		]);
	},

	render([ state ]) {
		const map = new form.Map('umbrella', _('Umbrella: rooms'), _('A room is there as soon as somebody enters it. Here are those with rules of their own.'));
		const live = service.liveColumn(service.status, counts, (known) => known ? [ '0' ] : [ '–' ]);

		addRooms(map, live);

		return map.render().then((node) => service.withNotice(state, node));
	}
});
