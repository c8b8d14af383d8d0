/** How a track's tile is seen: its size in device pixels, or not at all. */
export interface TileView {
  visible: boolean;
  width: number;
  height: number;
  /** The user holds on to it, whoever speaks. */
  pinned: boolean;
}

export interface Setting {
  trackId: string;
  paused: boolean;
  width: number;
  height: number;
  pinned: boolean;
}

// A tile's size is told in steps, so that dragging a window is not a flood.
const step = 16;
// A tile that became smaller may be large again in a moment, as when somebody
// else says a word. So long, in milliseconds, the node is not told.
const shrinkTime = 1_000;

/**
 * Subscriptions knows what this browser wants of others' pictures, and what of
 * that the node was not told yet. A track that no tile ever showed is wanted.
 */
export class Subscriptions {
  private readonly wanted = new Map<string, TileView>();
  private readonly told = new Map<string, Setting>();
  /** Since when tiles are smaller than the node knows. */
  private readonly smaller = new Map<string, number>();
  private hidden = false;

  /** A tile shows a track; null when the tile is gone. */
  set(trackId: string, view: TileView | null): void {
    if (view) this.wanted.set(trackId, view);
    else if (this.wanted.has(trackId)) this.wanted.set(trackId, { visible: false, width: 0, height: 0, pinned: false });
  }

  /** The whole page is hidden: no picture is wanted. */
  setHidden(hidden: boolean): void {
    this.hidden = hidden;
  }

  /** Forgets the tracks that are no more. */
  keep(trackIds: ReadonlySet<string>): void {
    for (const id of this.wanted.keys()) if (!trackIds.has(id)) this.wanted.delete(id);
    for (const id of this.told.keys()) if (!trackIds.has(id)) this.told.delete(id);
    for (const id of this.smaller.keys()) if (!trackIds.has(id)) this.smaller.delete(id);
  }

  /** A new session: the node knows nothing of what it was told. */
  forget(): void {
    this.told.clear();
    this.smaller.clear();
  }

  /** Is the node to send this track now, as far as it was told? */
  wants(trackId: string): boolean {
    const told = this.told.get(trackId);
    return told !== undefined && !told.paused;
  }

  /** What is to be told now, in milliseconds since 1970; it counts as told. */
  take(now: number): Setting[] {
    const news: Setting[] = [];
    for (const [trackId, view] of this.wanted) {
      const paused = this.hidden || !view.visible;
      const was = this.told.get(trackId);
      let size = rounded(view);
      const held = was && !paused && isSmaller(size, was) && !this.isDue(trackId, now);
      if (!held) this.smaller.delete(trackId);
      // A paused tile's size does not matter: it keeps the last one.
      if (was && (held || paused)) size = was;
      const is = { trackId, paused, width: size.width, height: size.height, pinned: view.pinned };
      if (was?.paused === is.paused && was.width === is.width && was.height === is.height && was.pinned === is.pinned) continue;
      this.told.set(trackId, is);
      news.push(is);
    }
    return news;
  }

  /** In how many milliseconds there will be more to tell; Infinity for never. */
  wait(now: number): number {
    return Math.min(...this.smaller.values()) + shrinkTime - now;
  }

  /** Has a tile that is smaller now been so for long enough? */
  private isDue(trackId: string, now: number): boolean {
    const since = this.smaller.get(trackId) ?? now;
    this.smaller.set(trackId, since);
    return now - since >= shrinkTime;
  }
}

type Box = Pick<Setting, "width" | "height">;

/** Smaller, and larger in no way, than a tile that plays. */
function isSmaller(size: Box, was: Setting): boolean {
  const { width, height } = was;
  return !was.paused && size.width <= width && size.height <= height && (size.width < width || size.height < height);
}

function rounded(view: TileView): Box {
  const up = (n: number) => Math.ceil(n / step) * step;
  return { width: up(view.width), height: up(view.height) };
}
