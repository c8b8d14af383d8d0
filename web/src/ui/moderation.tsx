import { create } from "@bufbuild/protobuf";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { shownName } from "../call/room";
import { MuteSchema, ParticipantKind, PromoteSchema, TrackSource } from "../proto/umbrella/v1/signal_pb";
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
  const { nodeName } = participant;
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
        {mutable.map(({ sources, icon, label, hint, said }) =>
          participant.tracks.some((t) => !t.muted && sources.includes(t.source)) ? (
            <button
              key={label}
              type="button"
              class="menu-item"
              onClick={() => {
                if (app.moderate({ case: "mute", value: create(MuteSchema, { participantId, sources }) })) app.say(said(name));
                onClose();
              }}
            >
              <Icon name={icon} />
              <span>
                {label}
                <span class="hint menu-hint">{hint}</span>
              </span>
            </button>
          ) : null,
        )}
        {!nodeName && participant.kind === ParticipantKind.PERSON && (
          <button
            type="button"
            class="menu-item"
            onClick={() => {
              app.moderate({ case: "promote", value: create(PromoteSchema, { participantId, moderator: !participant.moderator }) });
              onClose();
            }}
          >
            <Icon name="people" />
            <span>
              {participant.moderator ? "Take back the right to moderate" : "Make a moderator"}
              <span class="hint menu-hint">
                {participant.moderator ? "They can mute and remove nobody any more." : "Of this room, until everybody has left it. They can mute, remove, lock and invite."}
              </span>
            </span>
          </button>
        )}
        {nodeName ? (
          <p class="hint">{`They came in at ${nodeName}: only moderators there can remove them or make them a moderator.`}</p>
        ) : (
          <button type="button" class="menu-item" onClick={() => setRemoves(true)}>
            <Icon name="leave" />
            <span>
              Remove
              <span class="hint menu-hint">Their call ends.</span>
            </span>
          </button>
        )}
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

interface Mutable {
  sources: TrackSource[];
  icon: "microphoneOff" | "cameraOff" | "screenStop";
  label: string;
  hint: string;
  said: (name: string) => string;
}

/** What of somebody a moderator can mute. */
const mutable: Mutable[] = [
  {
    sources: [TrackSource.MICROPHONE],
    icon: "microphoneOff",
    label: "Mute the microphone",
    hint: "Nobody hears them until they turn it on again.",
    said: (name) => `You have muted the microphone of ${name}.`,
  },
  {
    sources: [TrackSource.CAMERA],
    icon: "cameraOff",
    label: "Turn the camera off",
    hint: "Nobody sees them until they turn it on again.",
    said: (name) => `You have turned off the camera of ${name}.`,
  },
  {
    sources: [TrackSource.SCREEN, TrackSource.SCREEN_AUDIO],
    icon: "screenStop",
    label: "Stop the screen",
    hint: "Until they share it again.",
    said: (name) => `You have stopped the screen of ${name}.`,
  },
];

/** Asks for the admin's password. It closes when the node has made one a moderator. */
export function ModeratorDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const app = useApp();
  const refusal = useStore(app.ui, (s) => s.refusal);
  const [password, setPassword] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), [refusal]);
  return (
    <Dialog title="Become a moderator" onClose={onClose}>
      <form
        class="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (password) app.becomeModerator(password);
        }}
      >
        <label class="field">
          <span class="field-label">Password of the admin</span>
          <input
            ref={input}
            class="input"
            type="password"
            name="admin-password"
            autoComplete="off"
            value={password}
            aria-invalid={refusal !== ""}
            aria-describedby="moderator-problem"
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <p class={refusal ? "field-problem" : "hint"} id="moderator-problem" role={refusal ? "alert" : undefined}>
          {refusal || "It is the one of /servers and /status. You moderate this room until you leave it for good."}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-main" disabled={!password}>
            Become a moderator
          </button>
        </div>
      </form>
    </Dialog>
  );
}
