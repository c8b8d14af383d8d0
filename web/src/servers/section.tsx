import type { ComponentChildren, InputHTMLAttributes, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Dialog } from "../ui/controls";
import { change } from "./api";
import type { Problems } from "./api";

/** A section of the settings, such as a trunk or a camera. */
export interface Section {
  /** What people call one. */
  word: "trunk" | "camera";
  /** Its name, as it is typed while it is new. */
  name: string;
  isNew: boolean;
}

const pathOf = (section: Section, name = section.name) => `servers/${section.word}s/${encodeURIComponent(name)}`;

interface FormProps {
  section: Section;
  /** What can be told before the node is asked, by option. */
  check: () => Problems;
  options: () => Record<string, string | string[]>;
  onClose: () => void;
  /** It was saved; the sentence says how that went. */
  onSaved: (words: string) => void;
  /** The fields; problems are by option. */
  children: (problems: Problems) => ComponentChildren;
}

/** Adds or changes a section. */
export function SectionForm({ section, check, options, onClose, onSaved, children }: FormProps): JSX.Element {
  const [problems, setProblems] = useState<Problems>({});
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const { word, isNew } = section;
  const name = section.name.trim();

  // The first field that is wrong, once it is marked so.
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problems]);

  const save = async () => {
    const found = check();
    setProblems(found);
    setError("");
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    const body = { options: options() };
    const outcome = isNew ? await change("POST", `servers/${word}s`, { name, ...body }) : await change("PATCH", pathOf(section), body);
    setBusy(false);
    if (outcome.ok) {
      onSaved(`The ${word} ${name} was ${isNew ? "added" : "changed"}. ${outcome.problem}`.trim());
      return;
    }
    const shown = [...(form.current?.querySelectorAll<HTMLInputElement>("[name]") ?? [])].map((e) => e.name);
    const elsewhere = Object.entries(outcome.problems).filter(([option]) => !shown.includes(option));
    setProblems(outcome.problems);
    setError([outcome.error, ...elsewhere.map(([option, text]) => `${option}: ${text ?? ""}`)].join(" "));
  };

  return (
    <Dialog title={isNew ? `Add a ${word}` : `Change the ${word} ${name}`} onClose={onClose}>
      <form
        ref={form}
        class="stack"
        noValidate
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

interface CheckProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ComponentChildren;
}

export function Check({ checked, onChange, children }: CheckProps): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} /> {children}
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
