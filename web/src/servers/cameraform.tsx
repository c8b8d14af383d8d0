import type { JSX, TargetedInputEvent } from "preact";
import { useState } from "preact/hooks";
import { cameraBody, cameraDraft, cameraProblems, sorted, type Camera, type CameraDraft } from "./cameras";
import { CameraTest } from "./cameratest";
import { Check, Field, PasswordInput, SectionForm } from "./section";

interface Props {
  /** Null to add one. */
  camera: Camera | null;
  /** Of all cameras. */
  names: readonly string[];
  /** What is known of one that was found. */
  found: Partial<CameraDraft>;
  onClose: () => void;
  /** It was saved; the sentence says how that went. */
  onSaved: (words: string) => void;
}

const hidden = "“…” stands for what is stored and secret.";

/** Adds or changes a camera. */
export function CameraForm({ camera, names, found, onClose, onSaved }: Props): JSX.Element {
  const [draft, setDraft] = useState<CameraDraft>(() => ({ ...cameraDraft(camera, names), ...found }));
  const set = (patch: Partial<CameraDraft>) => setDraft((d) => ({ ...d, ...patch }));
  const text = (key: "name" | "title" | "url" | "user" | "substream" | "room") => ({
    value: draft[key],
    onInput: (event: TargetedInputEvent<HTMLInputElement>) => set({ [key]: event.currentTarget.value }),
  });
  const address = (key: "url" | "substream") => ({ ...text(key), onChange: () => setDraft(sorted) });
  const stored = (camera?.hasPassword ?? false) && !draft.forget;
  return (
    <SectionForm
      section={{ word: "camera", name: draft.name, isNew: camera === null }}
      check={() => cameraProblems(sorted(draft), camera?.hasPassword ?? false)}
      body={() => cameraBody(sorted(draft), camera === null)}
      onClose={onClose}
      onSaved={onSaved}
    >
      {(problems) => (
        <>
          {!camera && (
            <Field
              label="Name in the settings"
              option="section"
              problem={problems.section}
              hint="Letters, digits and ‘_’; the section of the settings."
            >
              {(more) => <input class="input" {...more} {...text("name")} />}
            </Field>
          )}
          <Field label="Name that people see" option="name" problem={problems.name} hint="Such as “Front door”.">
            {(more) => <input class="input" {...more} {...text("title")} />}
          </Field>
          <Field
            label="Address"
            option="url"
            problem={problems.url}
            hint={camera?.url.includes("…") ? hidden : "rtsp://HOST/PATH of the large picture, as the camera’s manual has it."}
          >
            {(more) => <input class="input" inputMode="url" placeholder="rtsp://192.168.1.64/stream1" {...more} {...address("url")} />}
          </Field>
          <Field label="User" option="user" problem={problems.user} hint="Of the camera. Empty where it asks for none.">
            {(more) => <input class="input" {...more} {...text("user")} />}
          </Field>
          <Field
            label="Password"
            option="password"
            problem={problems.password}
            hint={stored ? "One is stored. Leave this empty to keep it." : draft.forget ? "The stored one is removed when you save." : "Type it as it is."}
          >
            {(more) => <PasswordInput more={more} value={draft.password} onInput={(password) => set({ password })} />}
          </Field>
          {camera?.hasPassword && (
            <button
              type="button"
              class="link link-start"
              onClick={() => set(draft.forget ? { forget: false, user: camera.user } : { forget: true, user: "", password: "" })}
            >
              {draft.forget ? "Keep the stored user and password" : "Remove the user and the password"}
            </button>
          )}
          <CameraTest name={camera?.name ?? ""} option="url" draft={sorted(draft)} />
          <Field
            label="Address of the small picture"
            option="substream"
            problem={problems.substream}
            hint={
              camera?.substream.includes("…") ? hidden : "Small tiles and slow phones get this one, with the same user and password. It may be empty."
            }
          >
            {(more) => <input class="input" inputMode="url" {...more} {...address("substream")} />}
          </Field>
          {draft.substream.trim() && <CameraTest name={camera?.name ?? ""} option="substream" draft={sorted(draft)} />}
          <Field label="Room" option="room" problem={problems.room} hint="Whoever is in it sees the camera.">
            {(more) => <input class="input" {...more} {...text("room")} />}
          </Field>
          <Field label="Way of the pictures" option="transport" problem={problems.transport} hint="TCP where a firewall or the Wi-Fi loses UDP.">
            {(more: object) => (
              <select class="input" {...more} value={draft.transport} onInput={(event) => set({ transport: event.currentTarget.value })}>
                <option value="auto">UDP, or TCP where that does not work</option>
                <option value="udp">UDP</option>
                <option value="tcp">TCP</option>
              </select>
            )}
          </Field>
          <Check checked={draft.audio} onChange={(audio) => set({ audio })}>
            Take its sound, too
          </Check>
          <Check checked={draft.onDemand} onChange={(onDemand) => set({ onDemand })}>
            Connect only while somebody watches
          </Check>
          {camera && (
            <Check checked={draft.enabled} onChange={(enabled) => set({ enabled })}>
              Use this camera
            </Check>
          )}
        </>
      )}
    </SectionForm>
  );
}
