import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { silent } from "../call/sources";
import { ParticipantKind } from "../proto/umbrella/v1/signal_pb";
import { useApp, useSize, useStore } from "./context";
import { gridLayout, stageLayout } from "./layout";
import { TileView } from "./tile";
import { useMirrored } from "./ownpicture";
import { mainTile, tilesOf, withoutOwn, type Tile } from "./tiles";

/** The tiles, and which of them is large. */
export function useTiles(): { tiles: Tile[]; main: number } {
  const app = useApp();
  const room = useStore(app.call.store, (s) => s.room);
  const codecs = useStore(app.call.store, (s) => s.codecs);
  const refused = useStore(app.call.store, (s) => s.refused);
  const leftOut = useStore(app.call.store, (s) => s.leftOut);
  const media = useStore(app.media.store, (s) => s);
  const ui = useStore(app.ui, (s) => s);
  const own = {
    camera: !silent(media.camera),
    screen: media.screen !== null,
    muted: silent(media.microphone),
  };
  const all = tilesOf(room, own, { codecs, refused, leftOut });
  const tiles = withoutOwn(all, ui.own.place).filter((t) => !ui.wall || t.kind === ParticipantKind.CAMERA);
  const main = mainTile(tiles, {
    layout: ui.wall ? "grid" : ui.layout,
    pinned: ui.pinned,
    dismissed: ui.dismissed,
    speaker: ui.speaker?.participantId ?? "",
  });
  return { tiles, main };
}

/** All tiles, in a grid or with one of them large. */
export function Stage({ tiles, main }: { tiles: Tile[]; main: number }): JSX.Element {
  const app = useApp();
  const streams = useStore(app.call.store, (s) => s.streams);
  const media = useStore(app.media.store, (s) => s);
  const mirrored = useMirrored();
  const [ref, box] = useSize();
  const scroller = useRef<HTMLDivElement | null>(null);
  scroller.current = ref.current;
  useFullScreenKey(ref);

  const wall = useStore(app.ui, (s) => s.wall);
  const gap = wall ? 2 : box.width < 600 ? 6 : 10;
  const { rects, content } = main >= 0 ? stageLayout(tiles.length, main, box, gap) : gridLayout(tiles.length, box, gap);
  const trackOf = (tile: Tile) =>
    tile.own ? (tile.source === "screen" ? media.screen : media.camera.track) : (streams.get(tile.trackId) ?? null);

  return (
    <div class="stage" ref={ref} tabIndex={content.width > box.width || content.height > box.height ? 0 : undefined} role="region" aria-label="Participants">
      <div class="stage-content" style={{ width: `${content.width}px`, height: `${content.height}px` }}>
        {tiles.map((tile, i) => {
          const rect = rects[i];
          return (
            rect && (
              <TileView
                key={tile.key}
                tile={tile}
                rect={rect}
                large={i === main && tiles.length > 1}
                track={trackOf(tile)}
                mirrored={mirrored}
                scroller={scroller}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

/** Keeps track of the tile that fills the screen. */
function useFullScreenKey(ref: { current: HTMLElement | null }): void {
  const app = useApp();
  useEffect(() => {
    const look = () => {
      const element = document.fullscreenElement;
      const tile = element && ref.current?.contains(element) ? (element as HTMLElement).dataset : null;
      app.ui.set({ fullScreen: tile ? `${tile.participantId ?? ""} ${tile.source ?? ""}` : "" });
    };
    document.addEventListener("fullscreenchange", look);
    return () => document.removeEventListener("fullscreenchange", look);
  }, [app, ref]);
}
