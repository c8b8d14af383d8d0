'use strict';
'require baseclass';
'require form';
'require uci';
'require umbrella.fields as fields';

/* The login of a camera's addresses in fields of its own. In the settings it is part
 * of the address (RFC 3986, 3.2.1), where most characters of a password have to be
 * escaped. */

function decode(text) {
	try {
		return decodeURIComponent(text);
	}
	catch (e) {
		return text;
	}
}

function encode(text) {
	return encodeURIComponent(text).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
}

/* Returns the address without login, the user and the password. What stands before
 * the last '@' of the host is the login, escaped right or not. */
function split(url) {
	const form = /^([a-z]+:\/\/)([^/?#]*)@(.*)$/i;
	const found = form.exec(url ?? '');

	if (!found)
		return { address: url ?? '', user: '', password: '' };

	const colon = (found[2] + ':').indexOf(':');

	return {
		address: found[1] + found[3],
		user: decode(found[2].substring(0, colon)),
		password: decode(found[2].substring(colon + 1))
	};
}

/* Puts a login into an address that has none. */
function join(address, user, password) {
	if (!address || !user && !password || split(address).address !== address)
		return address;

	return address.replace(/^[a-z]+:\/\//i, (scheme) => scheme + encode(user) + (password ? ':' + encode(password) : '') + '@');
}

function isSame(a, b) {
	return a.address === b.address && a.user === b.user && a.password === b.password;
}

function settingOf(section_id, name) {
	return split(uci.get('umbrella', section_id, name));
}

/* Reports whether the small stream of a camera is asked for with another login. */
function hasOwn(section_id) {
	const main = settingOf(section_id, 'url'), small = settingOf(section_id, 'substream');

	return small.address !== '' && (small.user !== main.user || small.password !== main.password);
}

/* What a field shows is not a setting of its own. */
function isPart(option, valueOf) {
	option.modalonly = true;
	option.cfgvalue = valueOf;
	option.write = option.remove = () => {};
}

function type(option, section_id, value) {
	option?.getUIElement(section_id)?.setValue(value);
	option?.triggerValidation(section_id);
}

/* Moves a login that was typed into an address to its fields. */
function moveLogin(option, section_id, userField, passwordField) {
	const typed = split(option.formvalue(section_id));

	if (!typed.user && !typed.password)
		return;

	type(option, section_id, typed.address);
	type(option.section.getOption(userField), section_id, typed.user);
	type(option.section.getOption(passwordField), section_id, typed.password);
}

function addFields(s, name, userTitle, passwordTitle) {
	// html: fixed words
	const user = s.option(form.Value, '_' + name + '_user', userTitle);
	// html: fixed words
	const password = s.option(form.Value, '_' + name + '_password', passwordTitle);

	isPart(user, (section_id) => settingOf(section_id, name).user);
	isPart(password, (section_id) => settingOf(section_id, name).password);
	password.password = true;
	fields.checkWith(user, [ '_' + name + '_password' ], (value, get) => {
		if (value === '' && get('_' + name + '_password') !== '')
			return _('A password needs a user');
	});

	return [ user, password ];
}

/* Has an address shown and typed without login, and written with it. loginOf(section,
 * section_id) returns the names of the fields that have the login. */
function divide(option, loginOf) {
	const name = option.option;

	option.cfgvalue = (section_id) => settingOf(section_id, name).address;
	option.forcewrite = true;
	option.onchange = function(ev, section_id) {
		moveLogin(this, section_id, ...loginOf(this.section, section_id));
	};
	option.write = function(section_id, value) {
		const [ user, password ] = loginOf(this.section, section_id).map((field) => this.section.formvalue(section_id, field) ?? '');
		const wanted = join(value, user, password);

		/* What did not change stays as it was written, escapes included. */
		if (!isSame(split(wanted), settingOf(section_id, name)))
			uci.set('umbrella', section_id, name, wanted);
	};
}

/* Adds the fields of the login after the address of the main stream. */
function addMain(s, url) {
	addFields(s, 'url', _('User'), _('Password'));
	divide(url, () => [ '_url_user', '_url_password' ]);
}

/* Adds those of the small stream, which are there if it has a login of its own. */
function addSmall(s, substream) {
	const own = s.option(form.Flag, '_substream_login', _('Other login'), _('“Small stream” has another user and password than the main stream.'));

	isPart(own, (section_id) => hasOwn(section_id) ? '1' : '0');

	for (let field of addFields(s, 'substream', _('User of the small stream'), _('Password of the small stream')))
		field.depends('_substream_login', '1');

	divide(substream, (section, section_id) => section.formvalue(section_id, '_substream_login') === '1'
		? [ '_substream_user', '_substream_password' ] : [ '_url_user', '_url_password' ]);
}

return baseclass.extend({ split, join, moveLogin, addMain, addSmall });
