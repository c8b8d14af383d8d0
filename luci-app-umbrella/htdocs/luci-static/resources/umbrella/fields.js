'use strict';
'require baseclass';
'require form';
'require uci';
'require ui';
'require umbrella.options as options';
'require umbrella.values as values';

/* LuCI shows what a validation says in one line, however long: short ones stay on
 * the screen of a phone. */
function fold(words) {
	return words.replace(/(?=.{43})(.{1,42}) /g, '$1\n');
}

/* Has a value that is set pass the test, or else says what is allowed. */
function check(option, test, allowed) {
	option.validate = function(section_id, value) {
		return value === '' || test(value) || fold(_('Expecting: %s').format(allowed));
	};
}

/* Returns the title of an option between quotation marks, for a sentence. */
function quoted(type, name) {
	return _('“%s”').format(options.of(type, name).title);
}

/* Adds an option of the settings with its title, its help and its check; in the tab,
 * if one is given. */
function add(section, widget, name, tab) {
	const { title, help, allowed, test } = options.of(section.sectiontype, name);
	const option = tab
		? section.taboption(tab, widget, name, title, help) // html: fixed words
		: section.option(widget, name, title, help); // html: fixed words

	if (test)
		check(option, test, allowed);

	return option;
}

/* Adds a check that looks at other options as well. It is given a function that
 * returns the value of an option as the form has it. */
function checkWith(option, others, problem) {
	const before = option.validate ?? (() => true);

	option.validate = function(section_id, value) {
		const valid = before.call(this, section_id, value);

		if (valid !== true)
			return valid;

		const words = problem(value, (name) => this.section.formvalue(section_id, name)
			?? uci.get('umbrella', section_id, name) ?? '', section_id);

		return words ? fold(words) : true;
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

/* Returns the title of a section's window: nameOf(section_id), or words that are
 * always the same where that has characters that mean something in HTML. Names
 * cannot be escaped there: LuCI decodes a title before it makes HTML of it. */
function titleOf(nameOf, otherwise) {
	const plain = /^[\p{L}\p{M}\p{N}_. -]+$/u;

	return (section_id) => {
		const name = nameOf(section_id);

		return plain.test(name ?? '') ? name : otherwise;
	};
}

/* Says whether another section of the type has the same value. */
function isTaken(type, section_id, value, valueOf) {
	return uci.sections('umbrella', type).some((other) => other['.name'] !== section_id && valueOf(other) === value);
}

/* What a limit of 0 means. */
function limit(value) {
	return value === '0' ? _('no limit') : value;
}

const umlauts = { 'ä': 'ae', 'ö': 'oe', 'ü': 'ue', 'ß': 'ss', 'æ': 'ae', 'ø': 'oe', 'å': 'aa', 'œ': 'oe', 'ł': 'l', 'đ': 'd', 'ð': 'd', 'þ': 'th', 'ı': 'i' };

/* Returns a name for a section that is not taken, made of a name that people typed.
 * UCI allows letters from a to z, digits and '_'; a name that has none of them gives
 * the other word and a number. */
function freeName(typed, otherwise) {
	const plain = typed.normalize('NFC').toLowerCase()
		.replace(/[äöüßæøåœłđðþı]/g, (letter) => umlauts[letter])
		.normalize('NFKD').replace(/\p{M}/gu, '')
		.replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').substring(0, 32);
	const base = plain || otherwise;
	let name = plain || otherwise + '1';

	for (let i = 2; uci.get('umbrella', name); i++)
		name = plain ? base + '_' + i : base + i;

	return name;
}

/* Adds a section and opens its form. Who dismisses the form has not added it. */
function addSection(section, section_id, settings) {
	uci.add('umbrella', section.sectiontype, section_id);

	for (let name in settings)
		if (settings[name])
			uci.set('umbrella', section_id, name, settings[name]);

	section.map.addedSection = section_id;

	return section.renderMoreOptionsModal(section_id);
}

/* Has people add a section by a name of their own language. settingsOf(typed,
 * section_id) returns what the new section starts with; names can be suggested. */
function addByName(section, label, otherwise, settingsOf, suggested = []) {
	/* The name of the section is not for people. */
	section.anonymous = true;
	section.addremove = true;
	section.nodescriptions = true;

	section.renderSectionAdd = function(extra_class) {
		const disabled = this.map.readonly || null;
		const input = E('input', { 'type': 'text', 'class': 'cbi-input-text cbi-section-create-name', 'maxlength': 64,
			'placeholder': label, 'aria-label': label, 'disabled': disabled, 'list': 'umbrella-suggested' });
		const add = () => {
			const typed = input.value.trim();
			const section_id = freeName(typed, otherwise);

			return addSection(this, section_id, settingsOf(typed, section_id));
		};
		const button = E('button', { 'class': 'cbi-button cbi-button-add', 'title': this.addbtntitle, 'disabled': disabled,
			'click': ui.createHandlerFn(this, add) }, [ this.addbtntitle ]);

		input.addEventListener('keydown', (ev) => {
			if (ev.key === 'Enter') {
				ev.preventDefault();
				button.click();
			}
		});

		return E('div', { 'class': 'cbi-section-create umbrella-create %s'.format(extra_class ?? '') }, [
			E('div', {}, [ input, E('datalist', { 'id': 'umbrella-suggested' }, suggested.map((name) => E('option', { 'value': name }))) ]),
			button
		]);
	};
}

/* Returns the names of the rooms that the settings and the node know. */
function knownRooms(status) {
	const named = (type) => uci.sections('umbrella', type);
	const all = [ 'main' ].concat(
		named('room').map((room) => room.name || (room['.anonymous'] ? null : room['.name'])),
		named('camera').map((camera) => camera.room),
		named('backhaul').flatMap((trunk) => L.toArray(trunk.room)),
		L.toArray(status?.rooms).map((room) => room.name));

	return [ ...new Set(all.filter((name) => name && values.isRoomName(name))) ].sort((a, b) => a.localeCompare(b));
}

/* Offers the rooms that are known; others can be typed, and the placeholder is the one
 * that holds if nothing is chosen. */
function offerRooms(option, status) {
	for (let name of knownRooms(status))
		if (name !== option.placeholder)
			option.value(name); // html: LuCI shows a choice as text
}

return baseclass.extend({ add, quoted, checkWith, boolean, choice, limit, titleOf, isTaken, freeName, addSection, addByName, knownRooms, offerRooms });
