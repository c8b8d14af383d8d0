import type { JSX, TargetedInputEvent } from "preact";
import { useState } from "preact/hooks";
import { dialAddress, draftOf, makeSecret, optionsOf, problemsOf, type Draft, type Trunk } from "./model";
import { Check, Field, SectionForm } from "./section";

interface Props {
  /** Null to add one. */
  trunk: Trunk | null;
  /** Of all trunks. */
  names: readonly string[];
  onClose: () => void;
  /** It was saved; the sentence says how that went. */
  onSaved: (words: string) => void;
}

/** Adds or changes a trunk. */
export function TrunkForm({ trunk, names, onClose, onSaved }: Props): JSX.Element {
  const [draft, setDraft] = useState<Draft>(() => draftOf(trunk, names));
  const set = (patch: Partial<Draft>) => setDraft((d) => ({ ...d, ...patch }));
  const text = (key: "name" | "url" | "secret" | "fingerprint" | "ca" | "rooms") => ({
    value: draft[key],
    onInput: (event: TargetedInputEvent<HTMLInputElement>) => set({ [key]: event.currentTarget.value }),
  });

  return (
    <SectionForm
      section={{ word: "trunk", name: draft.name, isNew: trunk === null }}
      check={() => problemsOf(draft, trunk?.hasSecret ?? false)}
      body={() => ({ ...(trunk ? {} : { name: draft.name.trim() }), options: optionsOf(draft) })}
      onClose={onClose}
      onSaved={onSaved}
    >
      {(problems) => (
        <>
          <fieldset class="choice">
            <legend class="field-label">Who dials?</legend>
            <label class="check">
              <input type="radio" name="dials" checked={draft.dials} onInput={() => set({ dials: true })} /> This node dials the other one
            </label>
            <label class="check">
              <input type="radio" name="dials" checked={!draft.dials} onInput={() => set({ dials: false })} /> The other node dials this one
            </label>
          </fieldset>
          {!trunk && (
            <Field label="Name of the trunk" option="name" problem={problems.name} hint="Letters, digits and ‘_’; the section of the settings.">
              {(more) => <input class="input" {...more} {...text("name")} />}
            </Field>
          )}
          {draft.dials && (
            <Field
              label="Address of the other node"
              option="url"
              problem={problems.url}
              hint="wss://HOST/wsb, with the prefix between the two if it has one."
            >
              {(more) => <input class="input" inputMode="url" placeholder="wss://video.example.org/wsb" {...more} {...text("url")} />}
            </Field>
          )}
          <Field
            label="Secret"
            option="secret"
            problem={problems.secret}
            hint={trunk?.hasSecret ? "Leave it empty to keep the present one." : "The same on both nodes; 16 characters at least."}
          >
            {(more) => (
              <span class="beside">
                <input class="input secret" {...more} {...text("secret")} />
                <button type="button" class="button" onClick={() => set({ secret: makeSecret() })}>
                  Make one
                </button>
              </span>
            )}
          </Field>
          {!draft.dials && (
            <p class="hint">
              On the other node, add a trunk that dials <code>{dialAddress(document.baseURI)}</code> with this secret. ADDRESS is how it reaches
              this node.
            </p>
          )}
          {draft.dials && (
            <Field
              label="Fingerprint of its certificate"
              option="fingerprint"
              problem={problems.fingerprint}
              hint="SHA-256, as its page /trust shows it. Not needed where a public authority signed the certificate."
            >
              {(more) => <input class="input" {...more} {...text("fingerprint")} />}
            </Field>
          )}
          {draft.dials && (trunk?.ca ?? "") !== "" && (
            <Field label="File of its CA" option="ca" problem={problems.ca} hint="On this machine, in PEM.">
              {(more) => <input class="input" {...more} {...text("ca")} />}
            </Field>
          )}
          <Field label="Rooms" option="room" problem={problems.room} hint="Those that the trunk joins, with commas between them. Empty: all rooms.">
            {(more) => <input class="input" {...more} {...text("rooms")} />}
          </Field>
          {trunk && (
            <Check checked={draft.enabled} onChange={(enabled) => set({ enabled })}>
              Keep this trunk connected
            </Check>
          )}
        </>
      )}
    </SectionForm>
  );
}
