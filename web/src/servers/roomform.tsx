import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { accesses, roomBody, roomDraft, roomProblems, type RoomSection } from "./rooms";
import { Field, PasswordInput, SectionForm } from "./section";

interface Props {
  /** Null to add one. */
  room: RoomSection | null;
  onClose: () => void;
  /** It was saved; the sentence says how that went. */
  onSaved: (words: string) => void;
}

/** Adds or changes a room with rules of its own. */
export function RoomForm({ room, onClose, onSaved }: Props): JSX.Element {
  const [draft, setDraft] = useState(() => roomDraft(room));
  const set = (patch: Partial<typeof draft>) => setDraft((d) => ({ ...d, ...patch }));
  const stored = room?.hasPassword ?? false;
  return (
    <SectionForm
      section={{ word: "room", name: room?.name ?? draft.name, isNew: room === null }}
      check={() => roomProblems(draft, stored)}
      body={() => roomBody(draft)}
      onClose={onClose}
      onSaved={onSaved}
    >
      {(problems) => (
        <>
          <Field
            label="Name"
            option="name"
            problem={problems.name}
            hint={room && draft.name.trim() !== room.name ? "Links and invitations to the old name no longer lead here." : "It is part of the address that people open."}
          >
            {(more) => <input class="input" maxLength={64} {...more} value={draft.name} onInput={(event) => set({ name: event.currentTarget.value })} />}
          </Field>
          <Field label="Who may enter" option="access" problem={problems.access} hint="Whoever is in the room when you save stays in it.">
            {(more: object) => (
              <select class="input" {...more} value={draft.access} onInput={(event) => set({ access: event.currentTarget.value })}>
                {accesses.map(([access, words]) => (
                  <option key={access} value={access}>
                    {words}
                  </option>
                ))}
              </select>
            )}
          </Field>
          {draft.access === "password" ? (
            <Field
              label="Password"
              option="password"
              problem={problems.password}
              hint={stored ? "One is stored. Leave this empty to keep it." : "It is stored so that nobody can read it, not even you."}
            >
              {(more) => <PasswordInput more={more} value={draft.password} onInput={(password) => set({ password })} />}
            </Field>
          ) : (
            stored && <p class="hint">The stored password is removed when you save.</p>
          )}
          <Field
            label="At most how many people"
            option="max_participants"
            problem={problems.max_participants}
            hint="Those who come in at this access point. Empty: no limit."
          >
            {(more) => (
              <input
                class="input"
                inputMode="numeric"
                {...more}
                value={draft.maxParticipants}
                onInput={(event) => set({ maxParticipants: event.currentTarget.value })}
              />
            )}
          </Field>
        </>
      )}
    </SectionForm>
  );
}
