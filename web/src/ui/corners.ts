import type { Corner } from "../state/settings";

interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** "in the upper left corner". */
export function wordsOf(corner: Corner): string {
  return `in the ${nameOf(corner).toLowerCase()} corner`;
}

/** "Upper left". */
export function nameOf(corner: Corner): string {
  const [vertical, horizontal] = corner.split("-");
  return `${vertical === "top" ? "Upper" : "Lower"} ${horizontal ?? ""}`;
}

/** The corner that an arrow key leads to; null for other keys. */
export function moved(corner: Corner, key: string): Corner | null {
  const [vertical, horizontal] = corner.split("-") as ["top" | "bottom", "left" | "right"];
  switch (key) {
    case "ArrowUp":
      return `top-${horizontal}`;
    case "ArrowDown":
      return `bottom-${horizontal}`;
    case "ArrowLeft":
      return `${vertical}-left`;
    case "ArrowRight":
      return `${vertical}-right`;
    default:
      return null;
  }
}

/** The corner of a box that something is nearest to. */
export function nearest(own: Rect, box: Rect): Corner {
  const vertical = own.top + own.height / 2 < box.top + box.height / 2 ? "top" : "bottom";
  const horizontal = own.left + own.width / 2 < box.left + box.width / 2 ? "left" : "right";
  return `${vertical}-${horizontal}`;
}
