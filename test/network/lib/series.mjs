// What a series of samples tells. A sample is what a page's getStats said at
// one moment (watch.mjs); its counters only rise.

/**
 * @typedef {object} Sample
 * @property {number} at when, in milliseconds since 1970
 * @property {number} height of the picture, in pixels
 * @property {number} frames decoded so far
 * @property {number} frozen seconds of freezes that have ended, so far
 * @property {number} concealed samples of sound that were made up, so far
 * @property {number} concealments of how many gaps
 */

/** Those taken from one moment to another. */
export function between(samples, from, to = Infinity) {
  return samples.filter(({ at }) => at >= from && at <= to);
}

/** What a counter rose by in a second. */
export function perSecond(samples, counter) {
  const [first, last] = ends(samples);
  return ((last[counter] - first[counter]) * 1000) / (last.at - first.at);
}

/** What a counter rose by. */
export function rise(samples, counter) {
  const [first, last] = ends(samples);
  return last[counter] - first[counter];
}

/**
 * The longest time in which the picture stood still, in seconds: as the samples
 * see it, one that has not ended included, or as the browser counted it.
 */
export function longestFreeze(samples) {
  let longest = 0;
  let [moved] = ends(samples);
  samples.forEach((sample, i) => {
    if (sample.frames > moved.frames) moved = sample;
    longest = Math.max(longest, (sample.at - moved.at) / 1000, i > 0 ? sample.frozen - samples[i - 1].frozen : 0);
  });
  return longest;
}

/**
 * The longest gap in the sound, in milliseconds: how much was made up on end.
 * It is known to within what lies between two samples.
 */
export function longestGap(samples) {
  let longest = 0;
  let gap = 0;
  samples.forEach((sample, i) => {
    if (i === 0) return;
    const before = samples[i - 1];
    if (sample.concealments > before.concealments) gap = 0;
    gap += sample.concealed - before.concealed;
    longest = Math.max(longest, gap);
  });
  return longest / 48;
}

/** The longest time between two samples, in milliseconds. */
export function coarseness(samples) {
  return Math.max(...samples.slice(1).map(({ at }, i) => at - samples[i].at));
}

function ends(samples) {
  if (samples.length < 2) throw new Error(`${samples.length} samples tell nothing`);
  return [samples[0], samples.at(-1)];
}
