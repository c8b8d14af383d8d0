'use strict';
'require baseclass';

/* LuCI says what is wrong with a field while the mouse is over it. Here it stands
 * under the field, for each field of a form at once, on phones as well. */

function show(field) {
	const wrong = [ ...field.querySelectorAll('[data-tooltip-style="error"]') ].map((input) => input.getAttribute('data-tooltip').replace(/\s+/g, ' '));
	const text = [ ...new Set(wrong) ].join(' ');
	let line = field.querySelector('.umbrella-problem');

	if (!line && text) {
		line = E('div', { 'class': 'umbrella-problem', 'role': 'status' });
		field.appendChild(line);
	}

	if (line && line.textContent !== text)
		line.textContent = text;
}

let watched = false;

/* Starts to show what is wrong, in the page and in the windows that it opens. */
function watch() {
	if (watched)
		return;

	watched = true;
	new MutationObserver(() => {
		for (let field of document.querySelectorAll('.cbi-value-field'))
			show(field);
	}).observe(document.body, { attributeFilter: [ 'data-tooltip' ], childList: true, subtree: true });
}

return baseclass.extend({ watch });
