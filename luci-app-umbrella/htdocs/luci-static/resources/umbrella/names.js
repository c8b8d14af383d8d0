'use strict';
'require baseclass';

/* The node's rules for names (internal/names): letters of all scripts, and nothing
 * that cannot be seen. Each text is an array of characters. */

const joining = /^[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Nko}\p{Script=Mandaic}\p{Script=Phags_Pa}\p{Script=Manichaean}\p{Script=Psalter_Pahlavi}\p{Script=Adlam}\p{Script=Hanifi_Rohingya}\p{Script=Sogdian}\p{Script=Chorasmian}\p{Script=Old_Uyghur}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Meetei_Mayek}\p{Script=Chakma}\p{Script=Balinese}\p{Script=Javanese}\p{Script=Newa}\p{Script=Tirhuta}]$/u;
const spaceless = /^[\p{Script=Khmer}\p{Script=Thai}\p{Script=Lao}\p{Script=Myanmar}\p{Script=Tai_Le}\p{Script=New_Tai_Lue}\p{Script=Tai_Tham}\p{Script=Tibetan}]$/u;
/* Characters of the canonical combining class 9. */
const virama = /^[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0e3a\u0eba\u0f84\u1039\u103a\u1714\u1715\u1734\u17d2\u1a60\u1b44\u1baa\u1bab\u1bf2\u1bf3\u2d7f\ua806\ua82c\ua8c4\ua953\ua9c0\uaaf6\uabed\u{10a3f}\u{11046}\u{1107f}\u{110b9}\u{11133}\u{11134}\u{111c0}\u{11235}\u{112ea}\u{1134d}\u{11442}\u{114c2}\u{115bf}\u{1163f}\u{116b6}\u{1172b}\u{11839}\u{1193d}\u{1193e}\u{119e0}\u{11a34}\u{11a47}\u{11a99}\u{11c3f}\u{11d44}\u{11d45}\u{11d97}]$/u;
const pictograph = /^[\u{1f000}-\u{1faff}\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\u00a9\u00ae\u203c\u2049\u2122\u2139\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2934\u2935\u3030\u303d\u3297\u3299]$/u;
const variation = /^[\ufe00-\ufe0f\u{e0100}-\u{e01ef}\u180b-\u180f]$/u;
const unseen = /^[\u034f\u17b4\u17b5\u115f\u1160\u2800\u3164\uffa0\u{1d159}]$/u;
const skinTone = /^[\u{1f3fb}-\u{1f3ff}]$/u;
const tag = /^[\u{e0020}-\u{e007f}]$/u;
const shown = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const word = /^[\p{L}\p{M}]$/u;
const digit = /^[\p{Nd}_.-]$/u;
const mark = /^\p{M}$/u;
const overlay = /^[\p{Mn}\p{Me}]$/u;
const symbol = /^[\p{So}\p{Sm}\p{Po}\p{Nd}]$/u;
const hebrew = /^\p{Script=Hebrew}$/u;
const kana = /^[\p{Script=Katakana}\p{Script=Hiragana}\p{Script=Han}\p{Script=Common}]$/u;
const han = /^\p{Script=Han}$/u;
const mongolian = /^\p{Script=Mongolian}$/u;
const blanks = /[\t\p{Zs}]+/gu;
const ends = /^ | $/g;
const lookAlike = [ /^\p{Script=Latin}$/u, /^\p{Script=Cyrillic}$/u, /^\p{Script=Greek}$/u, /^\p{Script=Armenian}$/u, /^\p{Script=Cherokee}$/u, /^\p{Script=Coptic}$/u, /^\p{Script=Lisu}$/u ];

const cancelTag = '\u{e007f}';
const blackFlag = '\u{1f3f4}';

function isJoiner(c) {
	return c === '\u200c' || c === '\u200d';
}

/* A joiner without meaning that a keyboard has left behind. */
function strays(text, i) {
	if (!isJoiner(text[i]) || i === 0 || !joining.test(text[i - 1]))
		return false;

	if (i + 1 === text.length || text[i + 1] === ' ')
		return !virama.test(text[i - 1]);

	return isJoiner(text[i + 1]);
}

function withoutStrays(text) {
	return text.filter((c, i) => !strays(text, i));
}

function joins(text, i) {
	if (!isJoiner(text[i]) || i === 0)
		return false;

	if (virama.test(text[i - 1]))
		return true;

	if (i + 1 === text.length)
		return false;

	if (joining.test(text[i - 1]) && joining.test(text[i + 1]))
		return true;

	let base = i - 1;

	while (base > 0 && (variation.test(text[base]) || skinTone.test(text[base]) || tag.test(text[base])))
		base--;

	return text[i] === '\u200d' && pictograph.test(text[base]) && pictograph.test(text[i + 1]);
}

function varies(text, i) {
	if (i === 0 || !variation.test(text[i]))
		return false;

	const before = text[i - 1];

	if (text[i] === '\ufe0e' || text[i] === '\ufe0f')
		return pictograph.test(before) || symbol.test(before);

	return text[i] >= '\u180b' && text[i] <= '\u180f' ? mongolian.test(before) : han.test(before);
}

function flags(text, i) {
	let first = i, last = i;

	if (!tag.test(text[i]))
		return false;

	while (first > 0 && tag.test(text[first - 1]) && text[first - 1] !== cancelTag)
		first--;

	while (last < text.length - 1 && text[last] !== cancelTag && tag.test(text[last + 1]))
		last++;

	return first > 0 && text[first - 1] === blackFlag && text[last] === cancelTag && last - first >= 3 && last - first <= 6;
}

/* Accents have a letter, and are few. */
function marksSit(text) {
	let run = 0;

	if (mark.test(text[0]))
		return false;

	return text.every((c) => {
		run = overlay.test(c) && !variation.test(c) ? run + 1 : 0;
		return run <= 8;
	});
}

function partOfWord(text, i) {
	const before = text[i - 1] ?? '', after = text[i + 1] ?? '';

	switch (text[i]) {
	case '\u00b7':
		return before.toLowerCase() === 'l' && after.toLowerCase() === 'l';

	case '\u05f3':
	case '\u05f4':
		return hebrew.test(before);

	case '\u30fb':
		return kana.test(before);
	}

	return false;
}

function mixesAlphabets(text) {
	let of = null;

	return text.some((c) => {
		if (!word.test(c)) {
			of = null;
			return false;
		}

		const alphabet = lookAlike.find((script) => script.test(c)) ?? of;
		const mixed = of != null && alphabet !== of;

		of = alphabet;
		return mixed;
	});
}

/* A zero-width space in a script that writes no spaces is left out. */
function breaksLine(c, i, text) {
	return c === '\u200b' && (spaceless.test(text[i - 1] ?? '') || spaceless.test(text[i + 1] ?? ''));
}

return baseclass.extend({
	isRoom(value) {
		const text = withoutStrays([...value.normalize('NFKC')]);
		const inRoom = (c) => (word.test(c) || digit.test(c)) && !unseen.test(c) && !variation.test(c);

		return text.length >= 1 && text.length <= 64 && text[0] !== '.' && marksSit(text)
			&& text.every((c, i) => inRoom(c) || joins(text, i) || partOfWord(text, i)) && !mixesAlphabets(text);
	},

	isPerson(value) {
		const typed = withoutStrays([...value]).filter((c, i, all) => !breaksLine(c, i, all)).join('');
		const text = [...typed.replace(blanks, ' ').replace(ends, '').normalize('NFC')];
		const visible = (c) => (shown.test(c) || pictograph.test(c)) && !unseen.test(c) && !variation.test(c) && c !== '\ufffd';

		return text.length >= 1 && text.length <= 64 && marksSit(text)
			&& text.every((c, i) => visible(c) || joins(text, i) || varies(text, i) || flags(text, i));
	}
});
