import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { shownName } from "../call/room";
import type { Participant } from "../proto/umbrella/v1/signal_pb";
import { useApp, useStore } from "./context";
import { Dialog } from "./controls";
import { Icon } from "./icons";
import { isolate } from "./isolate";
import { lockElsewhere } from "./words";

/** What a moderator can do about somebody else. */
export function ModerationDialog({ participantId, onClose }: { participantId: string; onClose: () => void }): JSX.Element | null {
  const app = useApp();
  const participant = useStore(app.call.store, (s) => s.room.participants.find((p) => p.id === participantId));
  const [removes, setRemoves] = useState(false);
  // Gone meanwhile.
  useEffect(() => {
    if (!participant) onClose();
  }, [participant]);
  if (!participant) return null;
  const name = isolate(shownName(participant));
  if (participant.nodeName)
    return (
      <Dialog title={name} onClose={onClose}>
        <p>{`They came in at ${participant.nodeName}: only moderators there can mute or remove them.`}</p>
      </Dialog>
    );
  return removes ? (
    <Dialog key="removes" title={`Remove ${name}?`} onClose={onClose}>
      <Removal
        onKeep={onClose}
        onRemove={() => {
          app.moderate({ case: "remove", value: participantId });
          onClose();
        }}
      />
    </Dialog>
  ) : (
    <Dialog key="choice" title={name} onClose={onClose}>
      <div>
        {isHeardOrSeen(participant) && (
          <button
            type="button"
            class="menu-item"
            onClick={() => {
              app.moderate({ case: "mute", value: participantId });
              onClose();
            }}
          >
            <Icon name="microphoneOff" />
            <span>
              Mute
              <span class="hint menu-hint">Nothing is heard or seen of them until they turn it on again.</span>
            </span>
          </button>
        )}
        <button type="button" class="menu-item" onClick={() => setRemoves(true)}>
          <Icon name="leave" />
          <span>
            Remove
            <span class="hint menu-hint">Their call ends.</span>
          </span>
        </button>
      </div>
    </Dialog>
  );
}

function Removal({ onKeep, onRemove }: { onKeep: () => void; onRemove: () => void }): JSX.Element {
  const { locked, participants } = useStore(useApp().call.store, (s) => s.room);
  const keep = useRef<HTMLButtonElement>(null);
  // A second press of the same key does no harm.
  useEffect(() => keep.current?.focus(), []);
  return (
    <div class="stack">
      <p>
        {locked ? "Their call ends. The room is locked: they cannot come back." : "Their call ends. To keep them from coming back, lock the room as well."}
        {lockElsewhere(participants)}
      </p>
      <div class="dialog-buttons">
        <button type="button" class="button" ref={keep} onClick={onKeep}>
          Cancel
        </button>
        <button type="button" class="button button-danger" onClick={onRemove}>
          Remove
        </button>
      </div>
    </div>
  );
}

function isHeardOrSeen(participant: Participant): boolean {
  return participant.tracks.some((t) => !t.muted);
}
