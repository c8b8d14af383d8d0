'use strict';
'require baseclass';

/* QR codes as in ISO/IEC 18004: bytes, error correction level M, versions 1 to 20
 * (at most 666 bytes). The web client takes encode() of this file, too. */

/* By version: check words of a block, then pairs of a number of blocks and their
 * data words (table 9). */
const blocks = [ null,
	[ 10, [ 1, 16 ] ], [ 16, [ 1, 28 ] ], [ 26, [ 1, 44 ] ], [ 18, [ 2, 32 ] ], [ 24, [ 2, 43 ] ],
	[ 16, [ 4, 27 ] ], [ 18, [ 4, 31 ] ], [ 22, [ 2, 38 ], [ 2, 39 ] ], [ 22, [ 3, 36 ], [ 2, 37 ] ], [ 26, [ 4, 43 ], [ 1, 44 ] ],
	[ 30, [ 1, 50 ], [ 4, 51 ] ], [ 22, [ 6, 36 ], [ 2, 37 ] ], [ 22, [ 8, 37 ], [ 1, 38 ] ], [ 24, [ 4, 40 ], [ 5, 41 ] ], [ 24, [ 5, 41 ], [ 5, 42 ] ],
	[ 28, [ 7, 45 ], [ 3, 46 ] ], [ 28, [ 10, 46 ], [ 1, 47 ] ], [ 26, [ 9, 43 ], [ 4, 44 ] ], [ 26, [ 3, 44 ], [ 11, 45 ] ], [ 26, [ 3, 41 ], [ 13, 42 ] ]
];

/* Centres of alignment patterns (annex E). */
const alignments = [ null, [], [ 6, 18 ], [ 6, 22 ], [ 6, 26 ], [ 6, 30 ], [ 6, 34 ],
	[ 6, 22, 38 ], [ 6, 24, 42 ], [ 6, 26, 46 ], [ 6, 28, 50 ], [ 6, 30, 54 ], [ 6, 32, 58 ], [ 6, 34, 62 ],
	[ 6, 26, 46, 66 ], [ 6, 26, 48, 70 ], [ 6, 26, 50, 74 ], [ 6, 30, 54, 78 ], [ 6, 30, 56, 82 ], [ 6, 30, 58, 86 ], [ 6, 34, 62, 90 ] ];

const masks = [
	(y, x) => (y + x) % 2 === 0,
	(y) => y % 2 === 0,
	(y, x) => x % 3 === 0,
	(y, x) => (y + x) % 3 === 0,
	(y, x) => ((y >> 1) + Math.floor(x / 3)) % 2 === 0,
	(y, x) => y * x % 2 + y * x % 3 === 0,
	(y, x) => (y * x % 2 + y * x % 3) % 2 === 0,
	(y, x) => ((y + x) % 2 + y * x % 3) % 2 === 0
];

/* The field of 256 elements with x^8 + x^4 + x^3 + x^2 + 1. */
function multiply(a, b) {
	let product = 0;

	for (; b; b >>= 1, a = a << 1 ^ (a & 0x80 ? 0x11d : 0))
		if (b & 1)
			product ^= a;

	return product;
}

/* Returns the check words of a block (Reed-Solomon). */
function checkWords(data, count) {
	let generator = [ 1 ];

	for (let i = 0, root = 1; i < count; i++, root = multiply(root, 2)) {
		const next = [ ...generator, 0 ];

		generator.forEach((g, j) => { next[j + 1] ^= multiply(g, root); });
		generator = next;
	}

	const rest = [ ...data, ...new Array(count).fill(0) ];

	for (let i = 0; i < data.length; i++)
		for (let j = count, factor = rest[i]; j >= 0; j--)
			rest[i + j] ^= multiply(generator[j], factor);

	return rest.slice(data.length);
}

function capacity(version) {
	return blocks[version].slice(1).reduce((sum, [ count, size ]) => sum + count * size, 0);
}

/* Returns all words in the order in which they are drawn. */
function words(bytes, version) {
	const length = capacity(version);
	const bits = [];
	const push = (value, count) => { for (let i = count - 1; i >= 0; i--) bits.push(value >> i & 1); };

	push(4, 4);
	push(bytes.length, version < 10 ? 8 : 16);
	bytes.forEach((byte) => push(byte, 8));
	push(0, Math.min(4, length * 8 - bits.length));
	push(0, -bits.length & 7);

	const data = [];

	for (let i = 0; i < bits.length; i += 8)
		data.push(parseInt(bits.slice(i, i + 8).join(''), 2));

	for (let pad = 0xec; data.length < length; pad ^= 0xec ^ 0x11)
		data.push(pad);

	const parts = [];
	let at = 0;

	for (let [ count, size ] of blocks[version].slice(1))
		for (; count > 0; count--, at += size)
			parts.push(data.slice(at, at + size));

	const checks = parts.map((part) => checkWords(part, blocks[version][0]));
	const inTurn = (lists) => {
		const out = [];

		for (let i = 0; i < Math.max(...lists.map((list) => list.length)); i++)
			lists.forEach((list) => { if (i < list.length) out.push(list[i]); });

		return out;
	};

	return [ ...inTurn(parts), ...inTurn(checks) ];
}

/* Returns value with the remainder of its division by a polynomial below it. */
function withRemainder(value, polynomial, bits) {
	let rest = value << bits;

	for (let i = 31 - Math.clz32(rest); i >= bits; i--)
		if (rest >> i & 1)
			rest ^= polynomial << (i - bits);

	return value << bits | rest;
}

/* Draws what all codes of a version have; what it leaves undefined takes data. */
function frame(version) {
	const size = 17 + 4 * version;
	const grid = Array.from({ length: size }, () => new Array(size));
	const square = (top, left, side, dark) => {
		for (let y = 0; y < side; y++)
			for (let x = 0; x < side; x++)
				if (grid[top + y] && top + y >= 0 && left + x >= 0 && left + x < size)
					grid[top + y][left + x] = dark(Math.max(Math.abs(y - (side - 1) / 2), Math.abs(x - (side - 1) / 2)));
	};

	for (let i = 0; i < size; i++)
		grid[6][i] = grid[i][6] = i % 2 === 0;

	for (let [ y, x ] of [ [ 0, 0 ], [ 0, size - 7 ], [ size - 7, 0 ] ])
		square(y - 1, x - 1, 9, (ring) => ring !== 2 && ring !== 4);

	const centres = alignments[version];
	const last = centres[centres.length - 1];

	for (let y of centres)
		for (let x of centres)
			if (!(y === 6 && x === 6 || y === 6 && x === last || y === last && x === 6))
				square(y - 2, x - 2, 5, (ring) => ring !== 1);

	if (version >= 7) {
		const bits = withRemainder(version, 0x1f25, 12);

		for (let i = 0; i < 18; i++)
			grid[Math.floor(i / 3)][size - 11 + i % 3] = grid[size - 11 + i % 3][Math.floor(i / 3)] = (bits >> i & 1) === 1;
	}

	/* Kept free for now. */
	drawFormat(grid, 0);

	return grid;
}

/* Level M is 00 in the format, so that the mask alone is left of it. */
function drawFormat(grid, mask) {
	const size = grid.length;
	const bits = withRemainder(mask, 0x537, 10) ^ 0x5412;

	for (let i = 0; i < 15; i++) {
		const dark = (bits >> i & 1) === 1;

		grid[i < 6 ? i : i < 8 ? i + 1 : size - 15 + i][8] = dark;
		grid[8][i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i] = dark;
	}

	grid[size - 8][8] = true;
}

/* How hard a code is to read (7.8.3). */
function penalty(grid) {
	const size = grid.length;
	let sum = 0, dark = 0;

	for (let lines of [ grid, grid.map((row, i) => grid.map((other) => other[i])) ])
		for (let line of lines) {
			const text = line.map((d) => d ? '1' : '0').join('');

			for (let run of text.match(/0{5,}|1{5,}/g) ?? [])
				sum += run.length - 2;

			for (let i = 0; i + 11 <= size; i++)
				if ([ '10111010000', '00001011101' ].includes(text.substr(i, 11)))
					sum += 40;
		}

	for (let y = 0; y < size; y++)
		for (let x = 0; x < size; x++) {
			dark += grid[y][x];

			if (y && x && grid[y][x] === grid[y - 1][x] && grid[y][x] === grid[y][x - 1] && grid[y][x] === grid[y - 1][x - 1])
				sum += 3;
		}

	return sum + 10 * Math.floor(Math.abs(dark * 20 / size / size - 10));
}

/* Returns rows of modules, true for dark, or null if the text is too long. */
function encode(text) {
	const bytes = [ ...new TextEncoder().encode(text) ];
	let version = 1;

	while (version < blocks.length && bytes.length > capacity(version) - (version < 10 ? 2 : 3))
		version++;

	if (version === blocks.length)
		return null;

	const drawn = words(bytes, version);
	const empty = frame(version);
	const size = empty.length;
	const places = [];

	/* Pairs of columns from the right, upwards and downwards in turn, beside the
	 * column of the timing pattern. */
	for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
		if (right === 6)
			right = 5;

		for (let i = 0; i < size; i++)
			for (let x of [ right, right - 1 ]) {
				const y = up ? size - 1 - i : i;

				if (empty[y][x] === undefined)
					places.push([ y, x ]);
			}
	}

	let best = null, least = Infinity;

	masks.forEach((isMasked, mask) => {
		const grid = empty.map((row) => [ ...row ]);

		places.forEach(([ y, x ], i) => {
			grid[y][x] = (drawn[i >> 3] >> (7 - i % 8) & 1) === 1 !== isMasked(y, x);
		});
		drawFormat(grid, mask);

		const score = penalty(grid);

		if (score < least) {
			best = grid;
			least = score;
		}
	});

	return best;
}

/* Returns an SVG picture of the code with its quiet zone, or null. */
function picture(text, words) {
	const grid = encode(text);

	if (!grid)
		return null;

	const node = (name, attributes) => {
		const made = document.createElementNS('http://www.w3.org/2000/svg', name);

		for (let key in attributes)
			made.setAttribute(key, attributes[key]);

		return made;
	};
	const side = grid.length + 8;
	const svg = node('svg', { viewBox: '0 0 %d %d'.format(side, side), role: 'img', 'aria-label': words, 'shape-rendering': 'crispEdges',
		style: 'width:13em;max-width:100%;height:auto' });
	const path = grid.map((row, y) => row.map((dark, x) => dark ? 'M%d %dh1v1h-1z'.format(x + 4, y + 4) : '').join('')).join('');

	/* Readers want dark on light, whatever the theme. */
	svg.appendChild(node('rect', { width: side, height: side, fill: '#fff' }));
	svg.appendChild(node('path', { d: path, fill: '#000' }));

	return svg;
}

return baseclass.extend({ encode, picture });
