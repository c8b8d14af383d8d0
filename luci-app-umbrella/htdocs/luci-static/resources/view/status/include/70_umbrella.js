'use strict';
'require baseclass';
'require umbrella.format as format';
'require umbrella.service as service';

return baseclass.extend({
	title: _('Umbrella'),

	load() {
		return Promise.all([
			service.state(),
			service.status()
		]);
	},

	render([ state, status ]) {
		const link = E('a', { 'href': L.url('admin/services/umbrella/overview') }, [ _('Overview') ]);

		/* Who may not ask has no card. */
		if (!status && state.running == null)
			return null;

		const refused = state.refused ? [ [ _('Settings'), _('refused') ] ] : [];

		if (!status)
			return format.facts([
				[ _('State'), [ state.running ? _('running, but without an answer on the bus') : _('not running'), ' – ', link ] ]
			].concat(refused));

		const rooms = L.toArray(status.rooms), trunks = L.toArray(status.trunks), cameras = L.toArray(status.cameras);
		const people = rooms.reduce((sum, room) => sum + L.toArray(room.participants).length, 0);
		const down = cameras.filter((camera) => camera.phase === 'CAMERA_PHASE_DOWN');
		const up = trunks.filter((trunk) => L.toArray(trunk.links).length);
		const urls = format.joinURLs(status.urls);

		return format.facts([
			[ _('State'), [ _('running for %s').format(format.since(status.startedAtMs, status.nowMs)), ' – ', link ] ],
			[ _('Participants'), _('%d (rooms: %d)').format(people, rooms.length) ],
			[ _('Trunks'), _('%d of %d connected').format(up.length, trunks.length) ],
			[ _('Cameras'), down.length
				? _('%d of %d down: %s').format(down.length, cameras.length, down.map((camera) => camera.name || camera.id).join(', '))
				: _('%d, none down').format(cameras.length) ]
		].concat(refused, urls.length ? [ [ _('Join'), format.link(urls[0]) ] ] : []));
	}
});
