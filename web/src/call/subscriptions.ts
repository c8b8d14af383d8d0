/** How a track's tile is seen: its size in device pixels, or not at all. */
export interface TileView {
  visible: boolean;
  width: number;
  height: number;
}

export interface Setting {
  trackId: string;
  paused: boolean;
  width: number;
  height: number;
}

// A tile's size is told in steps, so that dragging a window is not a flood.
const step = 16;

/**
 * Subscriptions knows what this browser wants of others' pictures, and what of
 * that the node was not told yet. A track that no tile ever showed is wanted.
 */
export class Subscriptions {
  private readonly wanted = new Map<string, TileView>();
  private readonly told = new Map<string, Setting>();
  private hidden = false;

  /** A tile shows a track; null when the tile is gone. */
  set(trackId: string, view: TileView | null): void {
    if (view) this.wanted.set(trackId, view);
    else if (this.wanted.has(trackId)) this.wanted.set(trackId, { visible: false, width: 0, height: 0 });
  }

  /** The whole page is hidden: no picture is wanted. */
  setHidden(hidden: boolean): void {
    this.hidden = hidden;
  }

  /** Forgets the tracks that are no more. */
  keep(trackIds: ReadonlySet<string>): void {
    for (const id of this.wanted.keys()) if (!trackIds.has(id)) this.wanted.delete(id);
    for (const id of this.told.keys()) if (!trackIds.has(id)) this.told.delete(id);
  }

  /** A new session: the node knows nothing of what it was told. */
  forget(): void {
    this.told.clear();
  }

  /** What is to be told now; it counts as told. */
  take(): Setting[] {
    const news: Setting[] = [];
    for (const [trackId, view] of this.wanted) {
      const paused = this.hidden || !view.visible;
      const was = this.told.get(trackId);
      // A paused tile's size does not matter: it keeps the last one.
      const size = paused && was ? was : rounded(view);
      const is = { trackId, paused, width: size.width, height: size.height };
      if (was?.paused === is.paused && was.width === is.width && was.height === is.height) continue;
      this.told.set(trackId, is);
      news.push(is);
    }
    return news;
  }
}

function rounded(view: TileView): { width: number; height: number } {
  const up = (n: number) => Math.ceil(n / step) * step;
  return { width: up(view.width), height: up(view.height) };
}
