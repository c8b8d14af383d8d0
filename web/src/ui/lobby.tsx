import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { mediaProblem, type DeviceKind } from "../call/capture";
import { defaultRoom, initials } from "../call/names";
import { useApp, useStore } from "./context";
import { IconButton } from "./controls";
import { DeviceFields, LevelBar } from "./devices";
import { Icon, Mark } from "./icons";
import { NodeLinks } from "./nodelinks";
import { Video } from "./video";
import { endingWords, mediaWords } from "./words";

/** The room before the room: name, camera, microphone. */
export function Lobby(): JSX.Element {
  const app = useApp();
  const fixedRoom = useStore(app.ui, (s) => s.room);
  const invited = useStore(app.ui, (s) => s.invited);
  const invitedAs = useStore(app.ui, (s) => s.invitedAs);
  const elsewhere = useStore(app.ui, (s) => s.elsewhere);
  const phase = useStore(app.call.store, (s) => s.phase);
  const ending = useStore(app.call.store, (s) => s.ending);
  const [room, setRoom] = useState(fixedRoom || defaultRoom);
  const [name, setName] = useState(() => new URLSearchParams(location.search).get("name") ?? app.settings.name);
  const [password, setPassword] = useState("");
  const [asked, setAsked] = useState(false);
  const [problems, setProblems] = useState<Partial<Record<string, string>>>({});
  const [shown, setShown] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  const joining = phase === "joining";
  const wrongPassword = ending?.reason === "wrong-password";

  useEffect(() => {
    void app.media.open();
  }, [app]);
  useEffect(() => {
    if (fixedRoom) setRoom(fixedRoom);
  }, [fixedRoom]);
  useEffect(() => {
    if (!wrongPassword) return;
    show(asked ? { password: "That password is not right." } : {});
    setAsked(true);
  }, [ending]);
  // The first field that is wrong, once it is marked so.
  useEffect(() => {
    const wrong = form.current?.querySelector<HTMLInputElement>('[aria-invalid="true"]') ?? (asked ? form.current?.querySelector<HTMLInputElement>("[name=password]") : null);
    wrong?.focus();
  }, [shown, asked]);

  const show = (next: typeof problems) => {
    setProblems(next);
    setShown((n) => n + 1);
  };
  const enter = (viewOnly: boolean) => {
    if (joining) return;
    show(app.join(fixedRoom || room, invitedAs || name, viewOnly, password));
  };
  // What was said of a field, or of the name, holds until that is changed.
  const edited = (field: "room" | "name" | "password") => {
    setProblems((all) => ({ ...all, [field]: undefined }));
    if (field === "name" && ending?.reason === "bad-name") app.call.forgetEnding();
  };
  const words = ending && !wrongPassword && ending.reason !== "left" ? endingWords(ending, window.isSecureContext) : null;
  const note = (field: string) =>
    problems[field] ? (
      <p class="field-problem" id={`${field}-problem`} role="alert">
        {problems[field]}
      </p>
    ) : null;
  const attributes = (field: string) => ({
    "aria-invalid": problems[field] !== undefined,
    "aria-describedby": problems[field] ? `${field}-problem` : undefined,
  });

  return (
    <main class="lobby">
      <header class="lobby-head">
        <p class="brand">
          <Mark /> Umbrella
        </p>
      </header>
      <div class="lobby-body">
        <Preview name={invitedAs || name} />
        <form
          class="card lobby-form"
          ref={form}
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            enter(false);
          }}
        >
          <h1>
            {fixedRoom ? (
              <>
                {invited ? "You are invited to" : "Room"} <span class="room-name">{fixedRoom}</span>
              </>
            ) : (
              "Start or enter a call"
            )}
          </h1>
          {words && (
            <div class="alert" role="alert" data-starting={words.reload}>
              <Icon name="warning" />
              <div>
                <p class="alert-title">{words.title}</p>
                <p>{words.text}</p>
                {words.trust && <TrustLink />}
                {words.reload && (
                  <button type="button" class="link" onClick={() => location.reload()}>
                    Reload the page
                  </button>
                )}
                {words.invited && (
                  <button type="button" class="link" onClick={() => app.forgetInvitation()}>
                    Try without it
                  </button>
                )}
              </div>
            </div>
          )}
          {!fixedRoom && (
            <label class="field">
              <span class="field-label">Room</span>
              <input
                class="input"
                name="room"
                value={room}
                maxLength={64}
                autoComplete="off"
                autoCapitalize="none"
                spellcheck={false}
                {...attributes("room")}
                onInput={(event) => {
                  edited("room");
                  setRoom(event.currentTarget.value.replaceAll(" ", "-"));
                }}
              />
              {note("room")}
            </label>
          )}
          <label class="field">
            <span class="field-label">Your name</span>
            <input
              class="input"
              name="name"
              dir="auto"
              value={invitedAs || name}
              readOnly={invitedAs !== ""}
              autoComplete="name"
              autoCapitalize="words"
              {...attributes("name")}
              onInput={(event) => {
                edited("name");
                setName(event.currentTarget.value);
              }}
            />
            {invitedAs ? <p class="hint">Your invitation gives you this name.</p> : note("name")}
          </label>
          {asked && (
            <label class="field">
              <span class="field-label">Password of the room</span>
              <input
                class="input"
                name="password"
                type="password"
                value={password}
                autoComplete="current-password"
                {...attributes("password")}
                onInput={(event) => {
                  edited("password");
                  setPassword(event.currentTarget.value);
                }}
              />
              {problems.password ? note("password") : <p class="hint">This room has a password.</p>}
            </label>
          )}
          {elsewhere && (
            <p class="hint" role="status">
              You are in this call in another tab. When you join here, the call moves to this tab.
            </p>
          )}
          <div class="lobby-buttons">
            <button type="submit" class="button button-main" disabled={joining}>
              {joining ? "Joining…" : "Join"}
            </button>
            <button type="button" class="button" disabled={joining} onClick={() => enter(true)}>
              <Icon name="eye" /> Just watch
            </button>
          </div>
          {fixedRoom && (
            <p class="lobby-other">
              <a
                href="sfu"
                onClick={(event) => {
                  event.preventDefault();
                  app.toLobby("");
                }}
              >
                Enter another room
              </a>
            </p>
          )}
          <details class="lobby-devices">
            <summary>Choose devices</summary>
            <div class="stack">
              <DeviceFields />
              <NoDevices />
            </div>
          </details>
        </form>
      </div>
      <footer class="lobby-foot">
        <NodeLinks />
      </footer>
    </main>
  );
}

function NoDevices(): JSX.Element | null {
  const app = useApp();
  const none = useStore(app.media.store, (s) => s.devices.length === 0);
  return none ? <p class="hint">There is nothing to choose until this page may use the camera or the microphone.</p> : null;
}

/** Leads to the page on certificates, where the node has one of its own. */
export function TrustLink(): JSX.Element | null {
  const [there, setThere] = useState(false);
  useEffect(() => {
    const abort = new AbortController();
    fetch("trust", { method: "HEAD", signal: abort.signal })
      .then((response) => setThere(response.ok))
      .catch(() => {
        // No node, no page.
      });
    return () => abort.abort();
  }, []);
  if (!there) return null;
  return (
    <p>
      <a href="trust">How to make this device trust the network</a>
    </p>
  );
}

/** How one will look and sound. */
function Preview({ name }: { name: string }): JSX.Element {
  const app = useApp();
  const m = useStore(app.media.store, (s) => s);
  const cameraOn = m.camera.wanted && m.camera.track !== null;
  const insecure = mediaProblem();
  return (
    <section class="preview" aria-label="Preview">
      <div class="preview-picture">
        {cameraOn ? (
          <Video track={m.camera.track} class={`preview-video ${m.mirrored ? "mirrored" : ""}`} />
        ) : (
          <div class="preview-off">
            <div class="avatar hue-0" aria-hidden="true">
              {initials(name) || <Icon name="cameraOff" />}
            </div>
            <p>{m.camera.pending ? "Waiting for your camera…" : m.camera.wanted && m.camera.problem ? "" : "Your camera is off"}</p>
          </div>
        )}
        <div class="preview-buttons">
          <DeviceButton kind="microphone" class="round-tile-large" />
          <DeviceButton kind="camera" class="round-tile-large" />
        </div>
      </div>
      {insecure ? <Problem kind="camera" /> : <Problems />}
      <LevelBar />
    </section>
  );
}

function Problems(): JSX.Element {
  const app = useApp();
  const missing = useStore(app.media.store, (s) => s.microphone.problem !== null && s.camera.problem !== null);
  return (
    <>
      <Problem kind="microphone" />
      <Problem kind="camera" />
      {missing && <p class="hint">You can join all the same: you see and hear the others, and can write in the chat.</p>}
    </>
  );
}

function Problem({ kind }: { kind: DeviceKind }): JSX.Element | null {
  const app = useApp();
  const { wanted, problem, track } = useStore(app.media.store, (s) => s[kind]);
  if (!wanted || !problem || track) return null;
  const words = mediaWords(kind, problem);
  const both = problem === "insecure" || problem === "unsupported";
  return (
    <div class="alert" role="alert">
      <Icon name={kind === "camera" ? "cameraOff" : "microphoneOff"} />
      <div>
        <p class="alert-title">{both ? "Camera and microphone not available" : words.title}</p>
        <p>{words.text}</p>
        {words.trust && <TrustLink />}
      </div>
    </div>
  );
}

const deviceLabels = {
  microphone: { on: "Mute microphone", off: "Unmute microphone" },
  camera: { on: "Turn camera off", off: "Turn camera on" },
};

/** Turns the microphone or the camera on or off. What keeps it from that stands at its corner. */
export function DeviceButton({ kind, ...p }: { kind: DeviceKind; class?: string; shortcut?: string }): JSX.Element {
  const app = useApp();
  const { wanted, track, problem } = useStore(app.media.store, (s) => s[kind]);
  const on = wanted && (track !== null || !problem);
  return (
    <IconButton
      icon={on ? kind : `${kind}Off`}
      label={deviceLabels[kind][on ? "on" : "off"]}
      tone={on ? "" : "off"}
      warning={wanted && !on && problem ? mediaWords(kind, problem).title : ""}
      onClick={() => void app.toggleDevice(kind)}
      {...p}
    />
  );
}
