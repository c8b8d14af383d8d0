import type { ComponentChildren, InputHTMLAttributes, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Dialog } from "../ui/controls";
import { change } from "./api";
import type { Problems } from "./api";

/** A section of the settings, such as a trunk or a camera. */
export interface Section {
  /** What people call one. */
  word: "trunk" | "camera" | "room";
  /** Its name, as it is typed while it is new. */
  name: string;
  isNew: boolean;
}

const pathOf = (section: Section, name = section.name) => `servers/${section.word}s/${encodeURIComponent(name)}`;

interface Shown {
  problems: Problems;
  error: string;
  /** How often problems were shown. */
  shown: number;
}

/** What is wrong in a form. It belongs to what is typed now. */
export interface FormProblems {
  problems: Problems;
  /** What is wrong with no field in particular. */
  error: string;
  /** Marks fields, and moves the focus to the first of them. */
  show: (problems: Problems, error: string) => void;
  /** For the form: what was wrong with a field is forgotten when it changes. */
  onInput: (event: Event) => void;
}

export function useProblems(form: { current: HTMLFormElement | null }): FormProblems {
  const [{ problems, error, shown }, set] = useState<Shown>({ problems: {}, error: "", shown: 0 });
  // The first field that is wrong, once it is marked so.
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [shown]);
  return {
    problems,
    error,
    show: (next, words) => set((was) => ({ problems: next, error: words, shown: was.shown + 1 })),
    onInput: (event) => {
      const { name } = event.target as HTMLInputElement;
      set((was) => ({ ...was, problems: Object.fromEntries(Object.entries(was.problems).filter(([option]) => option !== name)), error: "" }));
    },
  };
}

/** "2 fields need another look." */
export function countWords(problems: Problems): string {
  const count = Object.keys(problems).length;
  return count === 0 ? "" : count === 1 ? "One field needs another look." : `${count} fields need another look.`;
}

interface FormProps {
  section: Section;
  /** What can be told before the node is asked, by option. */
  check: () => Problems;
  /** What is sent to the node. */
  body: () => object;
  onClose: () => void;
  /** It was saved; the sentence says how that went. */
  onSaved: (words: string) => void;
  /** The fields; problems are by option. */
  children: (problems: Problems) => ComponentChildren;
}

/** Adds or changes a section. */
export function SectionForm({ section, check, body, onClose, onSaved, children }: FormProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const { problems, error, show, onInput } = useProblems(form);
  const { word, isNew } = section;
  const name = section.name.trim();

  const save = async () => {
    const found = check();
    // Where something is wrong already, the node is asked for all the rest of it.
    const only = Object.keys(found).length > 0 ? { check: true } : {};
    setBusy(true);
    const outcome = await change(isNew ? "POST" : "PATCH", isNew ? `servers/${word}s` : pathOf(section), { ...body(), ...only });
    setBusy(false);
    if (outcome.ok && !only.check) {
      onSaved(`The ${word} ${name} was ${isNew ? "added" : "changed"}. ${outcome.problem}`.trim());
      return;
    }
    const all = { ...(outcome.ok ? {} : outcome.problems), ...found };
    const fields = [...(form.current?.querySelectorAll<HTMLInputElement>("[name]") ?? [])].map((e) => e.name);
    const elsewhere = Object.entries(all).filter(([option]) => !fields.includes(option));
    const words = outcome.ok ? "Not saved." : outcome.error;
    show(all, [words, countWords(all), ...elsewhere.map(([option, text]) => `${option}: ${text ?? ""}`)].filter(Boolean).join(" "));
  };

  return (
    <Dialog title={isNew ? `Add a ${word}` : `Change the ${word} ${name}`} onClose={onClose}>
      <form
        ref={form}
        class="stack"
        noValidate
        onInput={onInput}
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void save();
        }}
      >
        {children(problems)}
        <Complaint words={error} />
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-main" disabled={busy}>
            {busy ? "Saving…" : isNew ? "Add" : "Save"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A cell of a table that narrow screens show as a list, with the name before the words. */
export function Cell({ name, words }: { name: string; words: string }): JSX.Element {
  return (
    <td role="cell" data-name={name}>
      <span class="cell">{words}</span>
    </td>
  );
}

export function Complaint({ words }: { words: string }): JSX.Element | null {
  if (!words) return null;
  return (
    <p class="alert" role="alert">
      {words}
    </p>
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

export function Field({ label, option, problem, hint, children }: FieldProps): JSX.Element {
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

/** How far something is that takes so many seconds at most, from when it is shown. */
export function Progress({ longest, label }: { longest: number; label: string }): JSX.Element {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const since = Date.now();
    const timer = setInterval(() => setSeconds((Date.now() - since) / 1000), 250);
    return () => clearInterval(timer);
  }, []);
  return <progress class="progress" max={longest} value={seconds} aria-label={label} />;
}

interface PasswordProps {
  value: string;
  onInput: (value: string) => void;
  /** What ties it to its label and its words. */
  more: InputHTMLAttributes;
}

/** A password that is typed, and can be looked at while it is. */
export function PasswordInput({ value, onInput, more }: PasswordProps): JSX.Element {
  const [seen, setSeen] = useState(false);
  // A variable: the types of JSX want to know the type of an input when it is written.
  const kept: object = { ...more, type: seen ? "text" : "password" };
  return (
    <span class="beside">
      <input
        class="input"
        {...kept}
        autoComplete="new-password"
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <button type="button" class="button" aria-pressed={seen} onClick={() => setSeen(!seen)}>
        {seen ? "Hide" : "Show"}
        <span class="heard"> the password</span>
      </button>
    </span>
  );
}

interface CheckProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ComponentChildren;
}

// A form that listens to input draws anew before change comes, which would bring back
// what was there before: so does each field of such a form listen to input.
export function Check({ checked, onChange, children }: CheckProps): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onInput={(event) => onChange(event.currentTarget.checked)} /> {children}
    </label>
  );
}

interface ChangesProps {
  name: string;
  /** Variables that set it. */
  variables: string[];
  fixed: boolean;
  onEdit: () => void;
  onRemove: () => void;
}

/** The cell of a table in which a section can be changed. */
export function Changes({ name, variables, fixed, onEdit, onRemove }: ChangesProps): JSX.Element {
  return (
    <td role="cell" class="trunk-actions">
      {variables.length > 0 ? (
        <span class="hint">Set by {variables.join(", ")}</span>
      ) : (
        !fixed && (
          <span class="cell">
            <button type="button" class="link" aria-label={`Change ${name}`} onClick={onEdit}>
              Change
            </button>
            <button type="button" class="link" aria-label={`Remove ${name}`} onClick={onRemove}>
              Remove
            </button>
          </span>
        )
      )}
    </td>
  );
}

interface QuestionProps {
  section: Section;
  onClose: () => void;
  onSaved: (words: string) => void;
  /** What happens then. */
  children: ComponentChildren;
}

/** Asks before a section is taken away. */
export function RemoveQuestion({ section, onClose, onSaved, children }: QuestionProps): JSX.Element {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const { word, name } = section;
  const remove = async () => {
    setBusy(true);
    const outcome = await change("DELETE", pathOf(section));
    setBusy(false);
    if (outcome.ok) onSaved(`The ${word} ${name} was removed. ${outcome.problem}`.trim());
    else setError(outcome.error);
  };
  return (
    <Dialog title={`Remove the ${word} ${name}?`} onClose={onClose}>
      <div class="stack">
        <p>{children} The settings file keeps everything else, comments included.</p>
        <Complaint words={error} />
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
