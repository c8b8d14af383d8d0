// Samples of what a page sends and gets, taken inside it, so that they keep
// coming whatever else the tests do.
import { until } from "../../browser/lib/wait.mjs";

const interval = 100; // milliseconds

/**
 * Samples what somebody gets of somebody else from now on.
 *
 * @param {import("../../browser/lib/call.mjs").Person} person
 * @param {string} name of who is watched
 */
export async function watch(person, name) {
  await person.page.evaluate(
    (name, interval) => {
      window.samples = [];
      let busy = false;
      setInterval(async () => {
        const { subscribePC, state } = window.umbrella;
        const watched = state.room.participants.find((p) => p.name === name);
        if (busy || !subscribePC || !watched) return;
        busy = true;
        const reports = [...(await subscribePC.getStats()).values()].filter((r) => r.type === "inbound-rtp");
        busy = false;
        const of = (source) => {
          const track = watched.tracks.find((t) => t.source === source);
          const id = state.streams.get(track?.id)?.id;
          return reports.find((r) => id && r.trackIdentifier === id);
        };
        const [sound, picture] = [of(1), of(2)];
        if (!sound || !picture) return;
        window.samples.push({
          at: Date.now(),
          height: picture.frameHeight ?? 0,
          frames: picture.framesDecoded,
          frozen: picture.totalFreezesDuration ?? 0,
          keyframes: picture.keyFramesDecoded ?? 0,
          bytes: picture.bytesReceived,
          nacks: picture.nackCount ?? 0,
          plis: picture.pliCount ?? 0,
          waited: picture.jitterBufferDelay ?? 0,
          emitted: picture.jitterBufferEmittedCount ?? 0,
          concealed: sound.concealedSamples,
          concealments: sound.concealmentEvents,
          heard: sound.totalSamplesReceived,
        });
      }, interval);
    },
    name,
    interval,
  );
  await until(`samples of what ${person.name} gets of ${name}`, 15_000, 50, async () => (await latest(person)) !== undefined);
}

/** Samples what somebody sends of their picture, each encoding by its rid. */
export async function watchSent(person) {
  await person.page.evaluate((interval) => {
    window.samples = [];
    let busy = false;
    setInterval(async () => {
      const { publishPC } = window.umbrella;
      if (busy || !publishPC) return;
      busy = true;
      const reports = [...(await publishPC.getStats()).values()].filter((r) => r.type === "outbound-rtp" && r.kind === "video");
      busy = false;
      const sample = { at: Date.now() };
      for (const r of reports) {
        sample[r.rid] = { frames: r.framesEncoded ?? 0, bytes: r.bytesSent, limit: r.qualityLimitationReason, height: r.frameHeight ?? 0 };
      }
      window.samples.push(sample);
    }, interval / 2);
  }, interval);
  await until(`samples of what ${person.name} sends`, 15_000, 50, async () => (await latest(person)) !== undefined);
}

/** The last sample of a page; undefined while there is none. */
export async function latest(person) {
  return person.page.evaluate(() => window.samples.at(-1));
}

/** All samples of a page since a moment. */
export async function samplesSince(person, from) {
  return person.page.evaluate((from) => window.samples.filter(({ at }) => at >= from), from);
}
