'use strict';
'require form';
'require uci';
'require umbrella.fields as fields';
'require umbrella.service as service';
'require umbrella.values as values';
'require view';

function addMain(map) {
	const s = map.section(form.NamedSection, 'main', 'umbrella', _('Node'));
	let o;

	o = s.option(form.Flag, 'enabled', _('Enabled'), _('Run at all.'));
	fields.boolean(o, '1');
	o.rmempty = false;

	o = s.option(form.Value, 'listen', _('Web address'), _('TCP address of the web server.'));
	o.placeholder = ':8081';
	fields.check(o, values.isListen, _('HOST:PORT or :PORT, with a port from 1 to 65535 and an IPv6 address in brackets'));

	o = s.option(form.Value, 'prefix', _('Path prefix'), _('Path below which everything is served.'));
	fields.check(o, values.isPrefix, _('a path such as /umbrella: at most 128 letters, digits, \'-\', \'_\', \'.\', \'~\' and \'/\', starting with \'/\', without \'.\' or \'..\' as a part'));

	o = s.option(form.ListValue, 'tls', _('HTTPS'), _('Where HTTPS gets its certificate: from the node\'s own CA, from cert and key, from a public CA, or no HTTPS behind a proxy.'));
	o.value('auto', _('auto: the node\'s own CA'));
	o.value('files', _('files: a certificate of yours'));
	o.value('acme', _('acme: a public CA'));
	o.value('off', _('off: behind a proxy'));
	fields.choice(o, 'auto');

	o = s.option(form.Value, 'cert', _('Certificate'), _('PEM file of the certificate and its chain, for tls \'files\'.'));
	o.datatype = 'file';
	o.depends('tls', 'files');
	o.rmempty = false;
	fields.check(o, values.isPath, _('the path of a file that is there'));

	o = s.option(form.Value, 'key', _('Private key'), _('PEM file of the certificate\'s private key, for tls \'files\'.'));
	o.datatype = 'file';
	o.depends('tls', 'files');
	o.rmempty = false;
	fields.check(o, values.isPath, _('the path of a file that is there'));

	o = s.option(form.DynamicList, 'acme_domain', _('Certified names'), _('Name to be certified, for tls \'acme\'; the names in public_address if not set.'));
	o.depends('tls', 'acme');
	fields.check(o, values.isDomain, _('a DNS name such as call.example.org'));

	o = s.option(form.Value, 'acme_email', _('E-mail for the CA'), _('Where the public CA may write to, for tls \'acme\'.'));
	o.depends('tls', 'acme');
	fields.check(o, values.isEmail, _('an address such as admin@example.org'));

	o = s.option(form.Value, 'acme_directory', _('Directory of the CA'), _('Directory of the public CA, for tls \'acme\'; that of Let\'s Encrypt if not set.'));
	o.depends('tls', 'acme');
	fields.check(o, values.isDirectoryURL, _('https://HOST/PATH, without user name, query and fragment'));

	o = s.option(form.Value, 'acme_http', _('Address for proofs'), _('TCP address, such as \':80\', where the public CA looks for proofs and people are sent on to HTTPS; if not set, it looks at the web server, which then has to be reached at port 443.'));
	o.depends('tls', 'acme');
	fields.check(o, values.isListen, _('HOST:PORT or :PORT, with a port from 1 to 65535 and an IPv6 address in brackets'));

	o = s.option(form.Value, 'media_port', _('Media port'), _('UDP and TCP port of all audio and video.'));
	o.datatype = 'port';
	o.placeholder = '8082';
	fields.check(o, values.isPort, _('a port number from 1 to 65535'));
	fields.checkWith(o, [ 'listen' ], (value, get) => {
		const place = values.splitHostPort(get('listen') || ':8081');

		if (place?.port === (value || '8082'))
			return _('is the port of listen as well');
	});

	o = s.option(form.Flag, 'turn', _('Relay'), _('Relay audio and video over the web server\'s port (TURN) for those whose firewalls let nothing else through.'));
	fields.boolean(o, '0');

	o = s.option(form.DynamicList, 'turn_url', _('Relay addresses'), _('Where they reach that relay; as they reach the web server if not set.'));
	o.depends('turn', '1');
	fields.check(o, values.isTURNURL, _('turns:HOST:PORT or turn:HOST:PORT, with ?transport=tcp behind it or not'));

	o = s.option(form.DynamicList, 'public_address', _('Public addresses'), _('Address or name by which people reach the node, beside its own; it answers to no other name.'));
	fields.check(o, values.isPublicAddress, _('an IP address or a DNS name, without a port'));

	o = s.option(form.Flag, 'wan', _('Open to the WAN'), _('Have the firewall of the access point let people in from the WAN, too.'));
	fields.boolean(o, '0');

	o = s.option(form.DynamicList, 'trusted_proxy', _('Trusted proxies'), _('Proxy whose X-Forwarded-For is believed.'));
	fields.check(o, values.isProxy, _('an IP address or a network such as 192.168.1.0/24'));

	o = s.option(form.DynamicList, 'cors_origin', _('Web players elsewhere'), _('Origin of pages elsewhere that may publish and watch by WHIP and WHEP; \'*\' is any.'));
	fields.check(o, values.isOrigin, _('an origin such as https://player.example.org, with a port if it has one, or \'*\''));

	o = s.option(form.ListValue, 'access', _('Other rooms'), _('Who may enter rooms that have no section of their own.'));
	o.value('lan', _('lan: local addresses'));
	o.value('token', _('token: invitations'));
	o.value('open', _('open: everybody'));
	fields.choice(o, 'lan');

	o = s.option(form.Value, 'max_rooms', _('Rooms at once'), _('How many rooms may be open at once; 0 is no limit.'));
	o.placeholder = '100';
	fields.check(o, values.isMaxRooms, _('a whole number from 0 (no limit) to 10000'));

	o = s.option(form.Value, 'publish_limit', _('Bit rate of a publisher'), _('How many kbit/s are taken of each person or program that publishes; 0 is no limit.'));
	o.placeholder = '20000';
	fields.check(o, values.isPublishLimit, _('a whole number from 0 (no limit) to 1000000'));

	o = s.option(form.Value, 'admin_password', _('Admin password'), _('What admins log in with; if not set, the first start makes one and shows it in the log.'));
	o.password = true;
	fields.check(o, values.isAdminPassword, _('8 to 128 characters that can be printed, or a hash as `umbrellad hash` prints it'));

	o = s.option(form.Value, 'token_key', _('Key for invitations'), _('PEM file of an Ed25519 public key, of somebody else who makes invitations; nobody becomes an admin by it.'));
	o.datatype = 'file';
	fields.check(o, values.isPath, _('the path of a file that is there'));

	o = s.option(form.Value, 'state_dir', _('State directory'), _('Directory of what the node itself writes, such as its CA.'));
	o.datatype = 'directory';
	o.placeholder = '/etc/umbrella';
	fields.check(o, values.isPath, _('the path of a directory'));

	o = s.option(form.ListValue, 'log_level', _('Log level'), _('The least level that is logged.'));
	o.value('debug', _('debug'));
	o.value('info', _('info'));
	o.value('warn', _('warn'));
	o.value('error', _('error'));
	fields.choice(o, 'info');
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

		addMain(map);

		return map.render().then((node) => service.withNotice(state, node));
	}
});
