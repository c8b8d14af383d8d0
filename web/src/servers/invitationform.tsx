import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Dialog } from "../ui/controls";
import { ask } from "./api";
import { accessWords, durations, invitationBody, invitationProblems, newInvitation, type Invitation } from "./invitations";
import type { RoomRule } from "./model";
import { QRCode } from "./qr";
import { Check, Complaint, countWords, Field, useProblems } from "./section";

interface Props {
  rooms: readonly RoomRule[];
  onClose: () => void;
}

/** Makes an invitation, and shows it. */
export function InvitationDialog({ rooms, onClose }: Props): JSX.Element {
  const [draft, setDraft] = useState(() => newInvitation(rooms));
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState<Invitation | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const { problems, error, show, onInput } = useProblems(form);
  const id = useId();
  const set = (patch: Partial<typeof draft>) => setDraft((d) => ({ ...d, ...patch }));

  const make = async () => {
    const found = invitationProblems(draft);
    show(found, countWords(found));
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    const got = await ask<Invitation>("invitations", invitationBody(draft));
    setBusy(false);
    if (got.ok) setMade(got.value);
    else show(got.problems, countWords(got.problems) || got.error);
  };

  if (made) return <Made invitation={made} room={draft.room.trim()} once={draft.once} onClose={onClose} />;
  return (
    <Dialog title="Make an invitation" onClose={onClose}>
      <form
        ref={form}
        class="stack"
        noValidate
        onInput={onInput}
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void make();
        }}
      >
        <Field label="Room" option="room" problem={problems.room} hint={accessWords(draft.room, rooms)}>
          {(more: object) => (
            <input
              class="input"
              {...more}
              list={`${id}-rooms`}
              maxLength={64}
              value={draft.room}
              onInput={(event) => set({ room: event.currentTarget.value })}
            />
          )}
        </Field>
        <datalist id={`${id}-rooms`}>
          {rooms.map((r) => (
            <option key={r.name} value={r.name} />
          ))}
        </datalist>
        <Field label="Name of the guest" option="name" problem={problems.name} hint="The others see it. Empty: they type one themselves.">
          {(more) => <input class="input" {...more} value={draft.name} onInput={(event) => set({ name: event.currentTarget.value })} />}
        </Field>
        <fieldset class="choice" aria-describedby={problems.rights ? `${id}-rights` : undefined}>
          <legend class="field-label">What they may do</legend>
          <Check checked={draft.subscribe} onChange={(subscribe) => set({ subscribe })}>
            See and hear the others
          </Check>
          <Check checked={draft.publish} onChange={(publish) => set({ publish })}>
            Be seen and heard
          </Check>
          <Check checked={draft.moderate} onChange={(moderate) => set({ moderate })}>
            Moderate: mute and remove others, lock the room
          </Check>
          {problems.rights && (
            <p class="field-problem" id={`${id}-rights`} role="alert">
              {problems.rights}
            </p>
          )}
        </fieldset>
        <Field label="It holds for" option="hours" problem={problems.hours} hint="Whoever is in the room then stays in it.">
          {(more: object) => (
            <select class="input" {...more} value={draft.hours} onInput={(event) => set({ hours: Number(event.currentTarget.value) })}>
              {durations.map(([hours, words]) => (
                <option key={hours} value={hours}>
                  {words}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Check checked={draft.once} onChange={(once) => set({ once })}>
          For one guest: the first browser that opens it
        </Check>
        <Complaint words={error} />
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-main" disabled={busy}>
            {busy ? "Making it…" : "Make it"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface MadeProps {
  invitation: Invitation;
  room: string;
  once: boolean;
  onClose: () => void;
}

function Made({ invitation, room, once, onClose }: MadeProps): JSX.Element {
  const link = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState("");
  useEffect(() => link.current?.select(), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(invitation.url);
      setSaid("The link is copied.");
    } catch {
      // An insecure page, or no permission.
      link.current?.select();
      setSaid("The browser does not let this page copy: the link is selected, copy it yourself.");
    }
  };
  const until = new Date(invitation.expires).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return (
    <Dialog title={`An invitation to ${room}`} onClose={onClose}>
      <div class="stack">
        <label class="field">
          <span class="field-label">Link</span>
          <span class="beside">
            <input class="input secret" ref={link} readOnly value={invitation.url} onFocus={(event) => event.currentTarget.select()} />
            <button type="button" class="button button-main" onClick={() => void copy()}>
              Copy
            </button>
          </span>
        </label>
        <p class={said ? "hint" : "heard"} role="status">
          {said}
        </p>
        <QRCode text={invitation.url} label="The link as a QR code" />
        <p>
          It holds until {until}
          {once && ", for the first browser that opens it"}. It is not shown again: whoever has it can come in.
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Done
          </button>
        </div>
      </div>
    </Dialog>
  );
}
