import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { hashOf, initials } from "../call/names";
import { ParticipantKind, QualityLevel } from "../proto/umbrella/v1/signal_pb";
import { useApp, useStore } from "./context";
import { IconButton } from "./controls";
import { Bars, Icon } from "./icons";
import { isolate } from "./isolate";
import { drawnIn, fitOf, type Rect } from "./layout";
import type { Tile } from "./tiles";
import { Video } from "./video";
import { VolumeButton } from "./volume";
import { qualityWords, strengthOf } from "./quality";

const hues = 8;

interface Props {
  tile: Tile;
  rect: Rect;
  large: boolean;
  track: MediaStreamTrack | null;
  mirrored: boolean;
  /** What it scrolls in. */
  scroller: { current: HTMLElement | null };
}

export function TileView({ tile, rect, large, track, mirrored, scroller }: Props): JSX.Element {
  const app = useApp();
  const pinned = useStore(app.ui, (s) => s.pinned === tile.key);
  const talk = useStore(app.call.store, (s) => (s.talk?.to === tile.participantId ? s.talk : null));
  const publishes = useStore(app.call.store, (s) => !s.viewOnly);
  const participant = useStore(app.call.store, (s) => s.room.participants.find((p) => p.id === tile.participantId));
  const wall = useStore(app.ui, (s) => s.wall);
  const full = useStore(app.ui, (s) => s.fullScreen);
  const root = useRef<HTMLDivElement>(null);
  const [aspect, setAspect] = useState(0);
  const inView = useInView(root, scroller);
  const shown = inView && (full === "" || full === tile.key);
  const box = full === tile.key ? { width: window.innerWidth, height: window.innerHeight } : rect;
  const fit = tile.source === "screen" ? "contain" : fitOf(aspect || 16 / 9, box.width / Math.max(1, box.height));
  useSubscription(tile.trackId, shown, pinned, aspect ? drawnIn(box, aspect, fit) : box);

  const picture = tile.picture && track !== null;
  const stalled = useStore(app.call.store, (s) => s.stalled.has(tile.trackId));
  const note = tile.problem || (picture && stalled ? "Picture paused: your connection is slow" : "");
  const speaking = tile.level > 0 && !tile.muted;
  const small = rect.width < 180 || rect.height < 110;
  const label = describe(tile, note);

  return (
    <div
      ref={root}
      class={`tile ${large ? "tile-large" : ""} ${small ? "tile-small" : ""} ${speaking ? "tile-speaking" : ""} ${
        stalled || (tile.quality === QualityLevel.LOST && !tile.own) ? "tile-lost" : ""
      }`}
      role="group"
      aria-label={label}
      onClick={wall ? () => app.pin(tile.key) : undefined}
      data-tile=""
      data-participant-id={tile.participantId}
      data-participant-name={tile.name}
      data-source={tile.source}
      data-own={tile.own}
      data-muted={tile.muted}
      data-speaking={speaking}
      data-picture={picture && aspect > 0}
      style={{
        left: `${rect.x}px`,
        top: `${rect.y}px`,
        width: `${rect.width}px`,
        height: `${rect.height}px`,
      }}
    >
      {(!picture || aspect === 0) && <Face tile={tile} note={note} waiting={picture} side={Math.min(rect.width, rect.height)} />}
      <Video
        track={picture ? track : null}
        class={`tile-video tile-${fit} ${tile.own && tile.source === "camera" && mirrored ? "mirrored" : ""} ${
          picture && aspect > 0 ? "" : "unseen"
        }`}
        onPicture={setAspect}
      />
      {note && picture && aspect > 0 && (
        <div class="face">
          <p class="face-note face-note-over" title={note}>
            {note}
          </p>
        </div>
      )}
      <div class="tile-label">
        {tile.source === "screen" ? (
          <Icon name="screen" />
        ) : (
          tile.muted && tile.kind !== ParticipantKind.CAMERA && <Icon name="microphoneOff" class="tile-muted" />
        )}
        {pinned && <Icon name="pin" />}
        {/* A block of its own, so that a name from right to left is cut at its end. */}
        <bdi class="tile-name" dir="auto" title={label}>
          {tile.own && tile.source === "screen" ? nameOn(tile) : tile.name}
        </bdi>
        <span class="tile-suffix">{suffixOf(tile)}</span>
        {tile.node && (
          <span class="tile-node">
            at <bdi>{tile.node}</bdi>
          </span>
        )}
        {tile.source === "camera" && tile.quality !== QualityLevel.UNSPECIFIED && !small && (
          <Bars strength={strengthOf(tile.quality)} label={qualityWords(tile.quality)} />
        )}
      </div>
      <div class="tile-actions" onClick={(event) => event.stopPropagation()}>
        {tile.takesSound && publishes && (
          <IconButton
            icon="microphone"
            label={`${talk?.live === false ? "Calling" : "Talk to"} ${isolate(tile.name)}`}
            class="round-tile"
            tone={talk ? "on" : ""}
            pressed={talk !== null}
            onClick={() => app.talk(tile.participantId)}
          />
        )}
        <IconButton
          icon={pinned ? "unpin" : "pin"}
          label={pinned ? `Unpin ${nameOn(tile)}` : `Pin ${nameOn(tile)}`}
          class="round-tile"
          onClick={() => app.pin(tile.key)}
        />
        {canFill && (
          <IconButton
            icon={full === tile.key ? "shrink" : "expand"}
            label={full === tile.key ? "Exit full screen" : `Show ${nameOn(tile)} full screen`}
            class="round-tile"
            onClick={() => {
              if (root.current) toggleFullScreen(root.current);
            }}
          />
        )}
        {tile.own && tile.source === "camera" && (
          <IconButton icon="more" label="How you see yourself" class="round-tile" onClick={() => app.ui.set({ dialog: "own" })} />
        )}
        {participant && !small && <VolumeButton participant={participant} class="round-tile" />}
        <ModerateButton participantId={tile.participantId} kind={tile.kind} name={tile.name} class="round-tile" />
      </div>
    </div>
  );
}

/** Opens what a moderator can do about somebody; nothing where there is nothing to be done. */
export function ModerateButton(p: { participantId: string; kind: ParticipantKind; name: string; class: string }): JSX.Element | null {
  const app = useApp();
  const may = useStore(app.call.store, (s) => s.room.moderator && s.room.selfId !== p.participantId);
  if (!may || p.kind === ParticipantKind.CAMERA) return null;
  return (
    <IconButton
      icon="more"
      label={`Mute or remove ${isolate(p.name)}`}
      class={p.class}
      onClick={() => app.ui.set({ dialog: "moderation", subject: p.participantId })}
    />
  );
}

/** What stands in for a picture. */
function Face({ tile, note, waiting, side }: { tile: Tile; note: string; waiting: boolean; side: number }): JSX.Element {
  const said = note || (tile.quality === QualityLevel.LOST && !tile.own ? "Connection lost" : "");
  const size = Math.max(32, side * 0.36);
  const letters = initials(tile.name);
  const icon = tile.kind === ParticipantKind.CAMERA ? "cctv" : tile.kind === ParticipantKind.STREAM ? "broadcast" : null;
  return (
    <div class={`face ${said ? "face-with-note" : ""}`}>
      <div
        class={`avatar hue-${hashOf(tile.name, hues)} ${waiting ? "avatar-waiting" : ""}`}
        aria-hidden="true"
        style={{ width: `${size}px`, height: `${size}px`, fontSize: `${size * 0.36}px` }}
      >
        {tile.source === "screen" ? <Icon name="screen" /> : icon ? <Icon name={icon} /> : letters || "?"}
      </div>
      {said && (
        <p class="face-note" title={said}>
          {said}
        </p>
      )}
    </div>
  );
}

function nameOn(tile: Tile): string {
  return tile.own && tile.source === "screen" ? "Your screen" : `${isolate(tile.name)}${suffixOf(tile)}`;
}

function suffixOf(tile: Tile): string {
  if (tile.own) return tile.source === "screen" ? "" : " (you)";
  return tile.source === "screen" ? "’s screen" : "";
}

function describe(tile: Tile, note: string): string {
  const parts = [nameOn(tile)];
  if (tile.node) parts.push(`at ${tile.node}`);
  if (tile.source === "camera" && tile.muted && tile.kind !== ParticipantKind.CAMERA) parts.push("muted");
  if (note) parts.push(note);
  else if (!tile.picture && tile.source === "camera") parts.push("camera off");
  return parts.join(", ");
}

interface IosVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

const canFill =
  "requestFullscreen" in HTMLElement.prototype || "webkitEnterFullscreen" in HTMLVideoElement.prototype;

/** A phone by Apple fills the screen with a video only. */
export function toggleFullScreen(element: HTMLElement): void {
  if (document.fullscreenElement) {
    void document.exitFullscreen();
  } else if ("requestFullscreen" in element) {
    element.requestFullscreen().catch(() => {
      // Refused by the browser's policy; the tile stays as it is.
    });
  } else {
    (element as HTMLElement).querySelector<IosVideo>("video")?.webkitEnterFullscreen?.();
  }
}

function useInView(root: { current: HTMLElement | null }, scroller: { current: HTMLElement | null }): boolean {
  const [inView, setInView] = useState(true);
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const observer = new IntersectionObserver(
      (entries) => {
        const last = entries[entries.length - 1];
        if (last) setInView(last.isIntersecting);
      },
      // A little early, so that a tile that scrolls in has its picture.
      { root: scroller.current, rootMargin: "60px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [root, scroller]);
  return inView;
}

/** Tells the node whether the tile is seen, and how large its picture is. */
function useSubscription(trackId: string, visible: boolean, pinned: boolean, box: { width: number; height: number }): void {
  const { call } = useApp();
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(box.width * ratio);
  const height = Math.round(box.height * ratio);
  useEffect(() => {
    if (trackId) call.setTileView(trackId, { visible, width, height, pinned });
  }, [call, trackId, visible, width, height, pinned]);
  useEffect(() => {
    if (!trackId) return;
    return () => call.setTileView(trackId, null);
  }, [call, trackId]);
}
