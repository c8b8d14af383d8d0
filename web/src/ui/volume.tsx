import type { JSX } from "preact";
import { useEffect, useId } from "preact/hooks";
import { isMuted, shownName } from "../call/room";
import { TrackKind, type Participant } from "../proto/umbrella/v1/signal_pb";
import { useApp, useStore } from "./context";
import { Dialog, IconButton } from "./controls";
import { isolate } from "./isolate";

/**
 * Can a page make a sound quieter? On an iPhone only its user can: there a page can make
 * it silent. Nothing is made louder than it comes, which would take Web Audio: Chromium
 * does not cancel the echo of what is played by that (crbug.com/687574,
 * twilio/twilio-video.js#323, element-hq/element-call#381).
 */
const canSet = (() => {
  const audio = document.createElement("audio");
  audio.volume = 0.5;
  return audio.volume === 0.5;
})();

/** Opens the volume of somebody who is heard; nothing for others. */
export function VolumeButton({ participant, class: more }: { participant: Participant; class: string }): JSX.Element | null {
  const app = useApp();
  const own = useStore(app.call.store, (s) => s.room.selfId === participant.id);
  const percent = useStore(app.ui, (s) => s.volumes.get(participant.id) ?? 100);
  if (own || !participant.tracks.some((t) => t.kind === TrackKind.AUDIO)) return null;
  const name = isolate(shownName(participant));
  return (
    <IconButton
      icon="sound"
      label={percent < 100 ? `Volume of ${name}, ${percent} percent` : `Volume of ${name}`}
      tone={percent < 100 ? "off" : ""}
      class={more}
      onClick={() => app.ui.set({ dialog: "volume", subject: participant.id })}
    />
  );
}

/** How loud somebody is here. */
export function VolumeDialog({ participantId, onClose }: { participantId: string; onClose: () => void }): JSX.Element | null {
  const app = useApp();
  const participant = useStore(app.call.store, (s) => s.room.participants.find((p) => p.id === participantId));
  const percent = useStore(app.ui, (s) => s.volumes.get(participantId) ?? 100);
  const id = useId();
  // Gone meanwhile.
  useEffect(() => {
    if (!participant) onClose();
  }, [participant]);
  if (!participant) return null;
  const set = (to: number) => app.setVolume(participantId, to);
  return (
    <Dialog title={`Volume of ${isolate(shownName(participant))}`} onClose={onClose}>
      <div class="stack">
        {canSet && (
          <label class="volume" for={id}>
            <span class="heard">Volume of <bdi>{shownName(participant)}</bdi></span>
            <input
              id={id}
              type="range"
              min={0}
              max={100}
              step={5}
              value={percent}
              aria-valuetext={percent === 0 ? "silent" : `${percent} percent`}
              onInput={(event) => set(Number(event.currentTarget.value))}
              onDblClick={() => set(100)}
            />
            <output for={id}>{percent === 0 ? "Silent" : `${percent} %`}</output>
          </label>
        )}
        <p class="hint">
          {canSet ? "Only you hear the difference, in this call. " : "This device’s own buttons set how loud everybody is. "}
          {isMuted(participant) && "They are muted now."}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={() => set(percent === 0 ? 100 : 0)}>
            {percent === 0 ? "Hear them" : "Silence for me"}
          </button>
          {canSet && (
            <button type="button" class="button" disabled={percent === 100} onClick={() => set(100)}>
              Reset
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
