import type { ComponentChildren, InputHTMLAttributes, JSX, TargetedInputEvent } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { change } from "./api";
import { dialAddress, draftOf, makeSecret, optionsOf, problemsOf, type Draft, type Problems, type Trunk } from "./model";
import { Dialog } from "../ui/controls";

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
  const [problems, setProblems] = useState<Problems>({});
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const set = (patch: Partial<Draft>) => setDraft((d) => ({ ...d, ...patch }));

  // The first field that is wrong, once it is marked so.
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problems]);

  const save = async () => {
    const found = problemsOf(draft, trunk?.hasSecret ?? false);
    setProblems(found);
    setError("");
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    const options = optionsOf(draft);
    const outcome = trunk
      ? await change("PATCH", `servers/trunks/${encodeURIComponent(trunk.name)}`, { options })
      : await change("POST", "servers/trunks", { name: draft.name.trim(), options });
    setBusy(false);
    if (outcome.ok) {
      onSaved(`The trunk ${draft.name.trim()} was ${trunk ? "changed" : "added"}. ${outcome.problem}`.trim());
      return;
    }
    const shown = ["name", ...Object.keys(options), "secret"];
    const elsewhere = Object.entries(outcome.problems).filter(([option]) => !shown.includes(option));
    setProblems(outcome.problems);
    setError([outcome.error, ...elsewhere.map(([option, text]) => `${option}: ${text ?? ""}`)].join(" "));
  };

  const text = (key: "name" | "url" | "secret" | "fingerprint" | "ca" | "rooms") => ({
    value: draft[key],
    onInput: (event: TargetedInputEvent<HTMLInputElement>) => set({ [key]: event.currentTarget.value }),
  });

  return (
    <Dialog title={trunk ? `Change the trunk ${trunk.name}` : "Add a trunk"} onClose={onClose}>
      <form
        ref={form}
        class="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void save();
        }}
      >
        <fieldset class="choice">
          <legend class="field-label">Who dials?</legend>
          <label class="check">
            <input type="radio" name="dials" checked={draft.dials} onChange={() => set({ dials: true })} /> This node dials the other one
          </label>
          <label class="check">
            <input type="radio" name="dials" checked={!draft.dials} onChange={() => set({ dials: false })} /> The other node dials this one
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
          <label class="check">
            <input type="checkbox" checked={draft.enabled} onChange={(event) => set({ enabled: event.currentTarget.checked })} /> Keep this
            trunk connected
          </label>
        )}
        {error && (
          <p class="alert" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-main" disabled={busy}>
            {busy ? "Saving…" : trunk ? "Save" : "Add"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldProps {
  label: string;
  option: string;
  problem: string | undefined;
  hint: string;
  /** The input, with what ties it to its label and its words. */
  children: (more: InputHTMLAttributes) => ComponentChildren;
}

function Field({ label, option, problem, hint, children }: FieldProps): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      {children({
        id,
        name: option,
        autoComplete: "off",
        autoCapitalize: "off",
        spellcheck: false,
        "aria-invalid": problem !== undefined,
        "aria-describedby": `${id}-words`,
      })}
      <p id={`${id}-words`} class={problem ? "field-problem" : "hint"}>
        {problem ?? hint}
      </p>
    </div>
  );
}

/** Asks before a trunk is taken away. */
export function RemoveQuestion({ trunk, onClose, onSaved }: { trunk: Trunk; onClose: () => void; onSaved: (words: string) => void }): JSX.Element {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    const outcome = await change("DELETE", `servers/trunks/${encodeURIComponent(trunk.name)}`);
    setBusy(false);
    if (outcome.ok) onSaved(`The trunk ${trunk.name} was removed. ${outcome.problem}`.trim());
    else setError(outcome.error);
  };
  return (
    <Dialog title={`Remove the trunk ${trunk.name}?`} onClose={onClose}>
      <div class="stack">
        <p>
          Whoever is at the other end leaves the calls here, and its secret is forgotten. The settings file keeps everything else, comments
          included.
        </p>
        {error && (
          <p class="alert" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Keep it
          </button>
          <button type="button" class="button button-danger" disabled={busy} onClick={() => void remove()}>
            {busy ? "Removing…" : "Remove"}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
