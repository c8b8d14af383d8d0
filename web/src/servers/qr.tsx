import type { JSX } from "preact";
import { encode } from "uqr";

// What readers want free around a code, in modules.
const quiet = 4;

/** A text as a QR code; nothing if it is too long for one. */
export function QRCode({ text, label }: { text: string; label: string }): JSX.Element | null {
  const grid = gridOf(text);
  if (!grid) return null;
  const side = grid.length + 2 * quiet;
  // Readers want dark on light, whatever the theme.
  return (
    <svg class="qr" viewBox={`${-quiet} ${-quiet} ${side} ${side}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <rect x={-quiet} y={-quiet} width={side} height={side} fill="#fff" />
      <path d={pathOf(grid)} fill="#000" />
    </svg>
  );
}

/** Rows of modules, true for dark; null if the text is too long for a code. */
export function gridOf(text: string): boolean[][] | null {
  try {
    return encode(text, { ecc: "M", border: 0 }).data;
  } catch {
    return null;
  }
}

/** Draws the dark modules of rows, one unit wide. */
export function pathOf(grid: readonly (readonly boolean[])[]): string {
  let path = "";
  grid.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      const from = x;
      while (row[x + 1]) x++;
      const width = x + 1 - from;
      path += `M${from} ${y}h${width}v1h-${width}z`;
    }
  });
  return path;
}
