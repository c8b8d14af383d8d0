import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { canShareScreen } from "../call/capture";
import type { Media } from "../call/media";
import { ParticipantKind } from "../proto/umbrella/v1/signal_pb";
import { useApp, useMedia, useNow, useStore } from "./context";
import { IconButton, MenuButton, type MenuItem } from "./controls";
import { invitingBy } from "./inviting";
import { Dialogs } from "./dialogs";
import { Icon } from "./icons";
import { DeviceButton } from "./lobby";
import { deviceNotice } from "./notices";
import { SidePanel } from "./panels";
import { useShortcuts } from "./shortcuts";
import { OwnView } from "./ownpicture";
import { SharingBar } from "./sharing";
import { Sounds, SoundGate } from "./sounds";
import { Stage, useTiles } from "./stage";
import { toggleFullScreen } from "./tile";
import type { Tile } from "./tiles";
import { lookAfter } from "../state/lookafter";
import { Toasts } from "./toasts";
import { useResting, useScreenOn } from "./wall";
import { blockedWords, secondsUntil } from "./words";

/** The call itself. */
export function CallView(): JSX.Element {
  const app = useApp();
  const room = useStore(app.ui, (s) => s.room);
  const panel = useStore(app.ui, (s) => s.panel);
  const viewOnly = useStore(app.call.store, (s) => s.viewOnly);
  const heading = useRef<HTMLHeadingElement>(null);
  const wall = useStore(app.ui, (s) => s.wall);
  const { tiles, main } = useTiles();
  const resting = useResting(wall);
  useScreenOn();
  useEffect(() => lookAfter(app), [app]);
  useShortcuts(main >= 0 ? (tiles[main]?.key ?? "") : "");
  useEffect(() => heading.current?.focus(), []);
  return (
    <div class={`call ${panel ? "call-with-panel" : ""} ${wall ? "call-wall" : ""} ${
        resting ? "call-resting" : ""
      }`}>
      <main class="call-main">
        <h1 class="heard" tabIndex={-1} ref={heading}>
          Call in room {room}
        </h1>
        <Banner />
        <SharingBar />
        <SoundGate />
        <div class="stage-frame">
          <LockMark />
          {tiles.length > 0 && <Stage tiles={tiles} main={main} />}
          <Alone tiles={tiles} />
          <OwnView inGrid={tiles.some((t) => t.own && t.source === "camera")} />
        </div>
      </main>
      <SidePanel />
      <Toasts inCall />
      <Controls tiles={tiles} main={main} viewOnly={viewOnly} />
      <Sounds />
      <Dialogs />
    </div>
  );
}

/** What is wrong with the connection, or with the own devices. */
function Banner(): JSX.Element | null {
  const app = useApp();
  const phase = useStore(app.call.store, (s) => s.phase);
  const retryAt = useStore(app.call.store, (s) => s.retryAt);
  const blocked = useStore(app.call.store, (s) => s.mediaBlocked);
  const media = useStore(app.media.store, (s) => s);
  const viewOnly = useStore(app.call.store, (s) => s.viewOnly);
  const elsewhere = useStore(app.ui, (s) => s.elsewhere);
  const hearHere = useStore(app.ui, (s) => s.hearHere);
  const maySubscribe = useStore(app.call.store, (s) => s.room.maySubscribe);
  const now = useNow(phase === "reconnecting" && retryAt !== null);
  if (phase === "reconnecting") {
    return (
      <div class="banner banner-alert">
        <p role="alert">The connection is lost. You stay in the call.</p>
        <p>
          {retryAt === null ? "Reconnecting…" : `Next try in ${secondsUntil(retryAt, now)}.`}{" "}
          {retryAt !== null && (
            <button type="button" class="link" onClick={() => app.call.retryNow()}>
              Try now
            </button>
          )}
        </p>
      </div>
    );
  }
  if (blocked) {
    return (
      <div class="banner banner-alert" role="alert">
        <p>{blockedWords(app.call.ways)}</p>
      </div>
    );
  }
  for (const kind of ["microphone", "camera"] as const) {
    const notice = viewOnly ? null : deviceNotice(kind, media[kind]);
    if (!notice) continue;
    return (
      <div class="banner" key={kind}>
        <p role="status">{notice.text}</p>
        {notice.again && (
          <button type="button" class="link" onClick={() => app.media.retry(kind)}>
            Try again
          </button>
        )}
      </div>
    );
  }
  if (elsewhere && viewOnly && !hearHere) {
    return (
      <div class="banner">
        <p role="status">You hear this room in your other tab.</p>
        <button type="button" class="link" onClick={() => app.ui.set({ hearHere: true })}>
          Hear it here as well
        </button>
      </div>
    );
  }
  if (!maySubscribe) {
    return (
      <div class="banner" role="status">
        <p>
          {viewOnly
            ? "Your invitation is neither to be seen and heard nor to see and hear the others."
            : "Your invitation is to be seen and heard: you cannot see or hear the others."}
        </p>
      </div>
    );
  }
  return null;
}

function LockMark(): JSX.Element | null {
  const locked = useStore(useApp().call.store, (s) => s.room.locked);
  if (!locked) return null;
  return (
    <p class="lock-mark">
      <Icon name="lock" /> Locked<span class="heard">: nobody else can come into this room</span>
    </p>
  );
}

function Alone({ tiles }: { tiles: Tile[] }): JSX.Element | null {
  const app = useApp();
  const others = useStore(app.call.store, (s) => s.room.participants.length > 1);
  const joined = useStore(app.call.store, (s) => s.phase === "joined");
  const wall = useStore(app.ui, (s) => s.wall);
  const by = useStore(app.call.store, (s) => invitingBy(s.room));
  if (wall) return tiles.length === 0 && joined ? <p class="alone alone-only">There is no camera in this room.</p> : null;
  if (others ? tiles.length > 0 : !joined) return null;
  return (
    <div class={`alone ${tiles.length === 0 ? "alone-only" : ""}`}>
      <p>{others ? "Nobody can be seen or heard yet." : "Nobody else is here yet."}</p>
      {by && (
        <button type="button" class="button button-main" onClick={() => app.copyLink()}>
          <Icon name="link" /> {by === "link" ? "Copy the link to invite" : "Copy an invitation"}
        </button>
      )}
    </div>
  );
}

function Controls({ tiles, main, viewOnly }: { tiles: Tile[]; main: number; viewOnly: boolean }): JSX.Element {
  const app = useApp();
  const room = useStore(app.ui, (s) => s.room);
  const panel = useStore(app.ui, (s) => s.panel);
  const unread = useStore(app.ui, (s) => s.unread);
  const count = useStore(app.call.store, (s) => s.room.participants.length);
  const media = useStore(app.media.store, (s) => s);
  const wall = useStore(app.ui, (s) => s.wall);
  const wallSilent = useStore(app.ui, (s) => s.wallSilent);
  const cameras = useStore(app.call.store, (s) => s.room.participants.some((p) => p.kind === ParticipantKind.CAMERA));
  const by = useStore(app.call.store, (s) => invitingBy(s.room));
  const large = main >= 0;
  const mainKey = large ? (tiles[main]?.key ?? "") : "";
  const sharing = media.screen !== null;
  const wide = useMedia("(min-width: 45rem)");
  const touch = useMedia("(pointer: coarse)");
  const panels = <PanelButtons panel={panel} unread={unread} count={count} />;

  const more: MenuItem[] = [
    {
      label: large ? "Show everyone in a grid" : "Show who speaks large",
      icon: large ? "grid" : "speaker",
      onChoose: () => app.toggleLayout(mainKey),
    },
    ...(wall || cameras
      ? [{ label: wall ? "Show everyone" : "Show the cameras only", icon: "cctv" as const, onChoose: () => app.toggleWall() }]
      : []),
    ...(wall
      ? [{ label: wallSilent ? "Turn the wall's sound on" : "Turn the wall's sound off", icon: "sound" as const, onChoose: () => app.setWallSilent(!wallSilent) }]
      : []),
    ...(by
      ? [
          { label: by === "link" ? "Copy the link to invite" : "Copy an invitation", icon: "link" as const, onChoose: () => app.copyLink() },
          { label: "Invite by QR code", icon: "qr" as const, onChoose: () => app.showLink() },
        ]
      : []),
    ...(viewOnly ? [] : [{ label: "How you see yourself", icon: "eye" as const, onChoose: () => app.ui.set({ dialog: "own" }) }]),
    ...(fullScreenPossible
      ? [{ label: "Full screen", icon: "expand" as const, onChoose: () => toggleFullScreen(document.documentElement) }]
      : []),
    { label: "Devices and picture", icon: "settings", onChoose: () => app.ui.set({ dialog: "devices" }) },
    { label: "Help", icon: "help", onChoose: () => app.ui.set({ dialog: "help" }) },
  ];

  return (
    <nav class="controls" aria-label="Call controls">
      {wide && (
        <div class="controls-side">
          <span class="room-name" title={room}>
            {room}
          </span>
          {by && (
            <IconButton icon="link" label={by === "link" ? "Copy link" : "Copy an invitation"} class="round-quiet" onClick={() => app.copyLink()} />
          )}
        </div>
      )}
      <div class="controls-main">
        {viewOnly ? (
          <span class="watching">
            <Icon name="eye" /> Watching
          </span>
        ) : (
          <>
            <div class="pair">
              <DeviceButton kind="microphone" shortcut="M" />
              {wide && <MenuButton label="Choose a microphone or speaker" icon="chevron" items={soundItems(media, app.media)} />}
            </div>
            <div class="pair">
              <DeviceButton kind="camera" shortcut="V" />
              {wide && <MenuButton label="Choose a camera" icon="chevron" items={cameraItems(media, app.media)} />}
            </div>
            {touch && canSwitch(media) && (
              <IconButton icon="flip" label="Switch camera" onClick={() => app.media.switchCamera()} />
            )}
            {canShareScreen() && (
              <IconButton
                icon={sharing ? "screenStop" : "screen"}
                label={sharing ? "Stop sharing" : "Share screen"}
                shortcut="S"
                tone={sharing ? "on" : ""}
                onClick={() => void app.toggleScreen()}
              />
            )}
          </>
        )}
        {!wide && panels}
        <MenuButton label="More" icon="more" items={more} />
        <IconButton icon="leave" label="Leave" tone="danger" onClick={() => app.leave()} />
      </div>
      {wide && (
        <div class="controls-side controls-end">
          <IconButton
            icon={large ? "grid" : "speaker"}
            label={large ? "Grid layout" : "Speaker layout"}
            shortcut="L"
            onClick={() => app.toggleLayout(mainKey)}
          />
          {panels}
        </div>
      )}
    </nav>
  );
}

function PanelButtons(p: { panel: string; unread: number; count: number }): JSX.Element {
  const app = useApp();
  return (
    <>
      <IconButton
        icon="people"
        label="People"
        shortcut="P"
        tone={p.panel === "people" ? "on" : ""}
        expanded={p.panel === "people"}
        class="with-count"
        badge={{ count: p.count, words: p.count === 1 ? "1 person" : `${p.count} people` }}
        onClick={() => app.togglePanel("people")}
      />
      <IconButton
        icon="chat"
        label="Chat"
        shortcut="C"
        tone={p.panel === "chat" ? "on" : ""}
        expanded={p.panel === "chat"}
        badge={{ count: p.unread, words: p.unread === 1 ? "1 new message" : `${p.unread} new messages` }}
        onClick={() => app.togglePanel("chat")}
      />
    </>
  );
}

const fullScreenPossible = "requestFullscreen" in HTMLElement.prototype;

function canSwitch(media: Media): boolean {
  return media.devices.filter((d) => d.kind === "videoinput").length > 1;
}

interface Chooser {
  choose(kind: "camera" | "microphone", id: string): void;
  chooseSpeaker(id: string): void;
}

function cameraItems(media: Media, to: Chooser): MenuItem[] {
  const used = media.camera.track?.getSettings().deviceId ?? media.camera.deviceId;
  const items = media.devices
    .filter((d) => d.kind === "videoinput")
    .map((d) => ({ label: d.label, checked: d.deviceId === used, onChoose: () => to.choose("camera", d.deviceId) }));
  return items.length > 0 ? items : [nothing];
}

function soundItems(media: Media, to: Chooser): MenuItem[] {
  const used = media.microphone.track?.getSettings().deviceId ?? media.microphone.deviceId;
  const microphones = media.devices
    .filter((d) => d.kind === "audioinput")
    .map((d, i) => ({
      label: d.label,
      checked: d.deviceId === used,
      group: i === 0 ? "Microphone" : undefined,
      onChoose: () => to.choose("microphone", d.deviceId),
    }));
  const speakers = !("setSinkId" in HTMLMediaElement.prototype)
    ? []
    : media.devices
        .filter((d) => d.kind === "audiooutput")
        .map((d, i) => ({
          label: d.label,
          checked: (d.deviceId === "default" ? "" : d.deviceId) === media.speakerId,
          group: i === 0 ? "Speaker" : undefined,
          onChoose: () => to.chooseSpeaker(d.deviceId === "default" ? "" : d.deviceId),
        }));
  const items = [...microphones, ...speakers];
  return items.length > 0 ? items : [nothing];
}

const nothing: MenuItem = { label: "Nothing to choose", onChoose: () => {} };
