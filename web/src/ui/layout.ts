/** A place for a tile, in CSS pixels within the content. */
export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Box {
  width: number;
  height: number;
}

export interface Layout {
  /** By the tiles' order. */
  rects: Rect[];
  /** The content, which scrolls where it is larger than the box. */
  content: Box;
}

const wide = 16 / 9;
// In an upright box tiles may be upright as well.
const upright = 0.7;
const sideBySide = 1.05;

/** No tile of a grid becomes narrower than this; it scrolls instead. */
export function minTileWidth(box: Box): number {
  return box.width < 600 ? 140 : 200;
}

/**
 * Places tiles in a grid that makes them as large as can be: 16:9, and in an
 * upright box anything down to 7:10. They keep their order, line by line; the
 * last line stands in the middle.
 */
export function gridLayout(count: number, box: Box, gap: number): Layout {
  if (count === 0 || box.width <= 0 || box.height <= 0) return { rects: [], content: { width: 0, height: 0 } };
  const narrowest = box.width < box.height ? upright : wide;
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = {
      width: (box.width - gap * (columns - 1)) / columns,
      height: (box.height - gap * (rows - 1)) / rows,
    };
    if (cell.width <= 0 || cell.height <= 0) continue;
    const tile = fitted(cell, narrowest);
    // At nearly equal sizes side by side is better than one above the other.
    if (tile.width * tile.height * sideBySide >= best.width * best.height) best = { columns, ...tile };
  }
  const min = minTileWidth(box);
  if (best.width < Math.min(min, box.width)) return scrolling(count, box, gap, min);
  const rows = Math.ceil(count / best.columns);
  const top = (box.height - rows * best.height - gap * (rows - 1)) / 2;
  return { rects: lines(count, best.columns, best, box.width, top, gap), content: { ...box } };
}

function fitted(cell: Box, narrowest: number): Box {
  const ratio = cell.width / cell.height;
  if (ratio > wide) return { width: cell.height * wide, height: cell.height };
  if (ratio < narrowest) return { width: cell.width, height: cell.width / narrowest };
  return cell;
}

function scrolling(count: number, box: Box, gap: number, min: number): Layout {
  const columns = Math.max(1, Math.floor((box.width + gap) / (min + gap)));
  const width = (box.width - gap * (columns - 1)) / columns;
  const tile = { width, height: width / wide };
  const rows = Math.ceil(count / columns);
  const height = rows * tile.height + gap * (rows - 1);
  return {
    rects: lines(count, columns, tile, box.width, Math.max(0, (box.height - height) / 2), gap),
    content: { width: box.width, height: Math.max(height, box.height) },
  };
}

function lines(count: number, columns: number, tile: Box, width: number, top: number, gap: number): Rect[] {
  const rects: Rect[] = [];
  for (let i = 0; i < count; i++) {
    const row = Math.floor(i / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = (width - inRow * tile.width - gap * (inRow - 1)) / 2;
    rects.push({
      x: left + (i - row * columns) * (tile.width + gap),
      y: top + row * (tile.height + gap),
      width: tile.width,
      height: tile.height,
    });
  }
  return rects;
}

/**
 * Places one tile large and the others in a strip, which scrolls: to the right
 * of it, or below it in an upright box. The large one's place is in the box,
 * not in the content: it does not scroll.
 */
export function stageLayout(count: number, main: number, box: Box, gap: number): Layout {
  if (count <= 1 || main < 0 || main >= count) return gridLayout(count, box, gap);
  const beside = box.width >= box.height;
  const tile = beside ? stripTileBeside(box) : stripTileBelow(box);
  const others = count - 1;
  const along = beside ? tile.height : tile.width;
  const length = others * along + gap * (others - 1);
  const room = beside ? box.height : box.width;
  // A strip that does not fill its side stands in the middle of it.
  const start = Math.max(0, (room - length) / 2);
  const content = beside
    ? { width: box.width, height: Math.max(box.height, length) }
    : { width: Math.max(box.width, length), height: box.height };
  const rects: Rect[] = [];
  let n = 0;
  for (let i = 0; i < count; i++) {
    if (i === main) {
      rects.push({
        x: 0,
        y: 0,
        width: beside ? box.width - tile.width - gap : box.width,
        height: beside ? box.height : box.height - tile.height - gap,
      });
      continue;
    }
    const at = start + n * (along + gap);
    rects.push(
      beside
        ? { x: box.width - tile.width, y: at, ...tile }
        : { x: at, y: box.height - tile.height, ...tile },
    );
    n++;
  }
  return { rects, content };
}

const clamp = (n: number, low: number, high: number) => Math.max(low, Math.min(high, n));

function stripTileBeside(box: Box): Box {
  const width = clamp(box.width * 0.18, 120, 480);
  return { width, height: width / wide };
}

function stripTileBelow(box: Box): Box {
  const height = clamp(box.height * 0.18, 72, 240);
  return { width: height * (4 / 3), height };
}

// How much of a picture may be cut away to fill its tile.
const leastShown = 0.38;

/** Should a picture fill its tile, or be seen whole? Both are width / height. */
export function fitOf(picture: number, tile: number): "cover" | "contain" {
  return Math.min(picture / tile, tile / picture) >= leastShown ? "cover" : "contain";
}

/** The size at which a picture of that width / height is drawn in a box. */
export function drawnIn(box: Box, picture: number, fit: "cover" | "contain"): Box {
  const byHeight = picture > box.width / box.height === (fit === "cover");
  return byHeight ? { width: box.height * picture, height: box.height } : { width: box.width, height: box.width / picture };
}
