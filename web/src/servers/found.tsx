import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "../ui/controls";
import { sentence } from "../ui/sentence";
import { ask } from "./api";
import { draftOfFound, profileWords, type CameraDraft, type Found } from "./cameras";
import { Complaint, Field, PasswordInput, Progress } from "./section";

interface Props {
  onClose: () => void;
  onChosen: (found: Partial<CameraDraft>) => void;
}

/** Looks for cameras on the local network; one of them can be taken. */
export function FindCameras({ onClose, onChosen }: Props): JSX.Element {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [found, setFound] = useState<Found[] | null>(null);
  const running = useRef<AbortController | null>(null);
  const cancel = () => {
    running.current?.abort();
    running.current = null;
    setBusy(false);
  };
  useEffect(() => cancel, []);
  const find = async () => {
    const mine = new AbortController();
    running.current = mine;
    setBusy(true);
    setError("");
    const got = await ask<{ cameras: Found[] }>("servers/cameras/discover", { user: user.trim(), password }, mine.signal);
    if (running.current !== mine) return;
    running.current = null;
    setBusy(false);
    if (got.ok) setFound(got.value.cameras);
    else setError(got.error);
  };
  return (
    <Dialog title="Find cameras" onClose={onClose}>
      <form
        class="stack"
        onInput={() => setError("")}
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void find();
        }}
      >
        <Field label="User" option="user" problem={undefined} hint="Of the cameras. Most tell their addresses only to one.">
          {(more) => <input class="input" {...more} value={user} onInput={(event) => setUser(event.currentTarget.value)} />}
        </Field>
        <Field label="Password" option="password" problem={undefined} hint="It goes to the cameras, hashed where they can.">
          {(more) => <PasswordInput more={more} value={password} onInput={setPassword} />}
        </Field>
        <Complaint words={error} />
        <div role="status" class="stack">
          {busy && <p class="hint">Looking in the local network. This takes up to half a minute.</p>}
          {!busy && found?.length === 0 && (
            <p>No camera answered. Is ONVIF switched on in the camera’s settings, and is it in this network?</p>
          )}
        </div>
        {busy && <Progress longest={30} label="The search runs" />}
        {!busy &&
          found?.map((camera) => (
            <section key={camera.address} class="card found" aria-label={camera.address}>
              <h3>{camera.name || camera.model || camera.address}</h3>
              <p class="quiet">{[camera.address, camera.manufacturer, camera.model].filter(Boolean).join(", ")}</p>
              {camera.problem && <p>{sentence(camera.problem)}</p>}
              <div class="found-streams">
                {camera.profiles.map((profile) => (
                  <button
                    key={profile.url}
                    type="button"
                    class={profile.role === "main" ? "button button-main" : "button"}
                    onClick={() => onChosen(draftOfFound(camera, profile, user.trim(), password))}
                  >
                    Take {profileWords(profile)}
                  </button>
                ))}
              </div>
            </section>
          ))}
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={busy ? cancel : onClose}>
            {busy ? "Cancel the search" : "Close"}
          </button>
          <button type="submit" class="button button-main" disabled={busy}>
            {busy ? "Looking…" : "Find"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
