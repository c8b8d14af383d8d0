'use strict';
'require form';
'require uci';
'require umbrella.fields as fields';
'require umbrella.service as service';
'require umbrella.values as values';
'require view';

function addGeneral(s) {
	const tab = 'general';
	let o;

	s.tab('general', _('General'));

	o = fields.add(s, form.Flag, 'enabled', tab);
	fields.boolean(o, '1');
	o.rmempty = false;

	o = fields.add(s, form.ListValue, 'access', tab);
	o.value('lan', _('people in the local network'));
	o.value('token', _('people with an invitation'));
	o.value('open', _('everybody'));
	fields.choice(o, 'lan');

	o = fields.add(s, form.Value, 'admin_password', tab);
	o.password = true;

	o = fields.add(s, form.Value, 'max_rooms', tab);
	o.placeholder = '100';

	o = fields.add(s, form.Value, 'publish_limit', tab);
	o.placeholder = '20000';
}

function addNetwork(s) {
	const tab = 'network';
	let o;

	s.tab('network', _('Network'));

	o = fields.add(s, form.Value, 'listen', tab);
	o.placeholder = ':8081';

	o = fields.add(s, form.Value, 'media_port', tab);
	o.datatype = 'port';
	o.placeholder = '8082';
	fields.checkWith(o, [ 'listen' ], (value, get) => {
		const place = values.splitHostPort(get('listen') || ':8081');

		if (place?.port === (value || '8082'))
			return _('The port is that of %s as well').format(fields.quoted('umbrella', 'listen'));
	});

	fields.add(s, form.Value, 'prefix', tab);
	fields.add(s, form.DynamicList, 'public_address', tab);

	o = fields.add(s, form.DynamicList, 'zone', tab);
	o.placeholder = 'lan';

	o = fields.add(s, form.Flag, 'wan', tab);
	fields.boolean(o, '0');
}

function addHTTPS(s) {
	const tab = 'https';
	const addFile = (name) => {
		const o = fields.add(s, form.Value, name, tab);

		o.datatype = 'file';
		o.depends('tls', 'files');
		o.rmempty = false;
	};
	let o;

	s.tab('https', _('HTTPS'));

	o = fields.add(s, form.ListValue, 'tls', tab);
	o.value('auto', _('the node\'s own CA'));
	o.value('files', _('files of yours'));
	o.value('acme', _('a public CA'));
	o.value('off', _('no HTTPS: a proxy is in front'));
	fields.choice(o, 'auto');

	addFile('cert');
	addFile('key');

	for (let name of [ 'acme_domain', 'acme_email', 'acme_directory', 'acme_http' ]) {
		o = fields.add(s, name === 'acme_domain' ? form.DynamicList : form.Value, name, tab);
		o.depends('tls', 'acme');
	}
}

function addRelay(s) {
	const tab = 'relay';
	let o;

	s.tab('relay', _('Relay and proxies'));

	o = fields.add(s, form.Flag, 'turn', tab);
	fields.boolean(o, '0');

	o = fields.add(s, form.DynamicList, 'turn_url', tab);
	o.depends('turn', '1');

	fields.add(s, form.DynamicList, 'trusted_proxy', tab);
	fields.add(s, form.DynamicList, 'cors_origin', tab);
}

function addAdvanced(s) {
	const tab = 'advanced';
	let o;

	s.tab('advanced', _('Advanced'));

	o = fields.add(s, form.ListValue, 'log_level', tab);
	o.value('debug', _('debug'));
	o.value('info', _('info'));
	o.value('warn', _('warning'));
	o.value('error', _('error'));
	fields.choice(o, 'info');

	o = fields.add(s, form.Value, 'state_dir', tab);
	o.datatype = 'directory';
	o.placeholder = '/etc/umbrella';

	o = fields.add(s, form.Value, 'token_key', tab);
	o.datatype = 'file';
}

return view.extend({
	load() {
		return Promise.all([
			service.state(),
			uci.load('umbrella')
		]);
	},

	render([ state ]) {
		const map = new form.Map('umbrella', _('Umbrella: settings'), _('Audio and video calls in the browser, forwarded by the access point itself, and IP cameras in them.'));

		/* Without the section, its options could not be edited. */
		if (!uci.get('umbrella', 'main'))
			uci.add('umbrella', 'umbrella', 'main');

		const s = map.section(form.NamedSection, 'main', 'umbrella');

		addGeneral(s);
		addNetwork(s);
		addHTTPS(s);
		addRelay(s);
		addAdvanced(s);

		return map.render().then((node) => service.withNotice(state, node));
	}
});
