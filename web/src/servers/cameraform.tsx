import type { JSX, TargetedInputEvent } from "preact";
import { useState } from "preact/hooks";
import { ask } from "./api";
import { cameraDraft, cameraOptions, cameraProblems, type Camera, type CameraDraft } from "./cameras";
import { Check, Field, SectionForm } from "./section";

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

const hidden = "“…” stands for the user and the password that are stored.";

/** Adds or changes a camera. */
export function CameraForm({ camera, names, found, onClose, onSaved }: Props): JSX.Element {
  const [draft, setDraft] = useState<CameraDraft>(() => ({ ...cameraDraft(camera, names), ...found }));
  const set = (patch: Partial<CameraDraft>) => setDraft((d) => ({ ...d, ...patch }));
  const text = (key: "name" | "title" | "url" | "substream" | "room") => ({
    value: draft[key],
    onInput: (event: TargetedInputEvent<HTMLInputElement>) => set({ [key]: event.currentTarget.value }),
  });
  return (
    <SectionForm
      section={{ word: "camera", name: draft.name, isNew: camera === null }}
      check={() => cameraProblems(draft)}
      options={() => cameraOptions(draft)}
      onClose={onClose}
      onSaved={onSaved}
    >
      {(problems) => (
        <>
          {!camera && (
            <Field
              label="Name in the settings"
              option="section"
              problem={problems.section ?? problems.name}
              hint="Letters, digits and ‘_’; the section of the settings."
            >
              {(more) => <input class="input" {...more} {...text("name")} />}
            </Field>
          )}
          <Field label="Name that people see" option="name" problem={camera ? problems.name : undefined} hint="Such as “Front door”.">
            {(more) => <input class="input" {...more} {...text("title")} />}
          </Field>
          <Field
            label="Address"
            option="url"
            problem={problems.url}
            hint={camera?.url.includes("…") ? hidden : "rtsp://USER:PASSWORD@HOST/PATH of the large picture."}
          >
            {(more) => <input class="input" inputMode="url" placeholder="rtsp://user:password@192.168.1.64/stream1" {...more} {...text("url")} />}
          </Field>
          <Test name={camera?.name ?? ""} option="url" url={draft.url} />
          <Field
            label="Address of the small picture"
            option="substream"
            problem={problems.substream}
            hint={camera?.substream.includes("…") ? hidden : "Small tiles and slow phones get this one. It may be empty."}
          >
            {(more) => <input class="input" inputMode="url" {...more} {...text("substream")} />}
          </Field>
          <Field label="Room" option="room" problem={problems.room} hint="Whoever is in it sees the camera.">
            {(more) => <input class="input" {...more} {...text("room")} />}
          </Field>
          <Field label="Way of the pictures" option="transport" problem={problems.transport} hint="TCP where a firewall or the Wi-Fi loses UDP.">
            {(more: object) => (
              <select class="input" {...more} value={draft.transport} onChange={(event) => set({ transport: event.currentTarget.value })}>
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

/** Looks what a camera sends, and says so. */
function Test(look: { name: string; option: string; url: string }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [words, setWords] = useState("");
  const test = async () => {
    setBusy(true);
    setWords("Looking at the camera. This takes up to 20 seconds…");
    const got = await ask<{ text: string }>("servers/cameras/probe", look);
    setBusy(false);
    setWords(got.ok ? got.value.text : got.error);
  };
  return (
    <>
      <button type="button" class="button" disabled={busy || !look.url.trim()} onClick={() => void test()}>
        {busy ? "Testing…" : "Test"}
      </button>
      <pre class={words ? "probe" : "heard"} role="status">
        {words}
      </pre>
    </>
  );
}
