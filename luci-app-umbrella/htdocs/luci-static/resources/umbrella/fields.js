'use strict';
'require baseclass';
'require form';
'require uci';
'require ui';
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

/* An address with a login is shown in the table without it and typed masked. */
function maskLogin(option) {
	option.textvalue = function(section_id) {
		const value = this.cfgvalue(section_id);

		return value ? [ values.redactURL(value) ] : null;
	};
	option.renderWidget = function(section_id, option_index, cfgvalue) {
		this.password = !!cfgvalue && cfgvalue.includes('@');

		return form.Value.prototype.renderWidget.call(this, section_id, option_index, cfgvalue);
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

return baseclass.extend({ check, checkWith, boolean, choice, maskLogin, titleOf, isTaken, refuseTakenNames });
