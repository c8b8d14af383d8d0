import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { silent } from "../call/sources";
import { corners, type Corner, type OwnPicture } from "../state/settings";
import { useApp, useStore } from "./context";
import { Dialog, IconButton } from "./controls";
import { Icon } from "./icons";
import { moved, nameOf, nearest, wordsOf } from "./corners";
import { Video } from "./video";

/** The own picture where it is no tile: above the others in a corner, or just a word that it is sent. */
export function OwnView({ inGrid }: { inGrid: boolean }): JSX.Element | null {
  const app = useApp();
  const viewOnly = useStore(app.call.store, (s) => s.viewOnly);
  const wall = useStore(app.ui, (s) => s.wall);
  const { place } = useStore(app.ui, (s) => s.own);
  const sends = useStore(app.media.store, (s) => !silent(s.camera));
  if (viewOnly || wall || place === "grid") return null;
  if (place === "floating") return inGrid ? null : <Floating />;
  if (!sends) return null;
  return (
    <button type="button" class="own-mark" onClick={() => app.ui.set({ dialog: "own" })}>
      <Icon name="camera" />
      Your camera is on<span class="heard">, and your picture is hidden from you only: change that</span>
    </button>
  );
}

/** Moves with a pointer or the arrow keys, and stays in the corner that is next. */
function Floating(): JSX.Element {
  const app = useApp();
  const { corner } = useStore(app.ui, (s) => s.own);
  const mirrored = useMirrored();
  const camera = useStore(app.media.store, (s) => s.camera);
  const muted = useStore(app.media.store, (s) => silent(s.microphone));
  const [drag, setDrag] = useState<{ x: number; y: number } | null>(null);
  const from = useRef({ x: 0, y: 0 });
  const sends = !silent(camera);
  const words = `Your picture, ${wordsOf(corner)}${sends ? "" : ", camera off"}${muted ? ", muted" : ""}`;
  return (
    <div
      class={`own own-${corner} ${drag ? "own-dragged" : ""}`}
      role="group"
      aria-roledescription="movable picture"
      aria-label={words}
      aria-describedby="own-keys"
      tabIndex={0}
      data-own-picture={corner}
      style={drag ? { translate: `${drag.x}px ${drag.y}px` } : undefined}
      onKeyDown={(event) => {
        const next = moved(corner, event.key);
        if (!next || event.target !== event.currentTarget) return;
        event.preventDefault();
        app.setOwn({ corner: next });
      }}
      onPointerDown={(event) => {
        if (event.button !== 0 || (event.target as HTMLElement).closest("button")) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { x: event.clientX, y: event.clientY };
        setDrag({ x: 0, y: 0 });
      }}
      onPointerMove={(event) => {
        if (drag) setDrag({ x: event.clientX - from.current.x, y: event.clientY - from.current.y });
      }}
      onPointerUp={(event) => {
        if (!drag) return;
        const own = event.currentTarget.getBoundingClientRect();
        const stage = event.currentTarget.parentElement?.getBoundingClientRect();
        setDrag(null);
        if (stage) app.setOwn({ corner: nearest(own, stage) });
      }}
      onPointerCancel={() => setDrag(null)}
    >
      {sends ? (
        <Video track={camera.track} class={`own-video ${mirrored ? "mirrored" : ""}`} />
      ) : (
        <span class="own-off">
          <Icon name="cameraOff" />
        </span>
      )}
      {muted && <Icon name="microphoneOff" class="own-muted" />}
      <span id="own-keys" hidden>
        The arrow keys move it to another corner.
      </span>
      <IconButton icon="more" label="How you see yourself" class="round-tile" onClick={() => app.ui.set({ dialog: "own" })} />
    </div>
  );
}

/** Is the own picture shown as in a mirror? */
export function useMirrored(): boolean {
  const app = useApp();
  const front = useStore(app.media.store, (s) => s.mirrored);
  return useStore(app.ui, (s) => s.own.mirrored) && front;
}

const places: [place: OwnPicture["place"], words: string][] = [
  ["grid", "Among the others"],
  ["floating", "Small, in a corner"],
  ["hidden", "Nowhere: only the others see it"],
];

export function OwnDialog({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title="How you see yourself" onClose={onClose}>
      <OwnFields />
    </Dialog>
  );
}

/** What one can choose about the own picture. */
export function OwnFields(): JSX.Element {
  const app = useApp();
  const own = useStore(app.ui, (s) => s.own);
  return (
    <div class="stack">
      <fieldset class="choice">
        <legend class="field-label">Your own picture</legend>
        {places.map(([place, words]) => (
          <label key={place} class="check">
            <input type="radio" name="own-place" checked={own.place === place} onChange={() => app.setOwn({ place })} /> {words}
          </label>
        ))}
      </fieldset>
      {own.place === "floating" && (
        <label class="field">
          <span class="field-label">Corner</span>
          <select class="input" value={own.corner} onChange={(event) => app.setOwn({ corner: event.currentTarget.value as Corner })}>
            {corners.map((corner) => (
              <option key={corner} value={corner}>
                {nameOf(corner)}
              </option>
            ))}
          </select>
        </label>
      )}
      <label class="check">
        <input type="checkbox" checked={own.mirrored} onChange={(event) => app.setOwn({ mirrored: event.currentTarget.checked })} /> Show it to me as in a
        mirror
      </label>
      <p class="hint">The others never see it mirrored.</p>
    </div>
  );
}
