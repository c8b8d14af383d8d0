import { num, rate, type ParticipantStatus, type Status, type TrunkStatus } from "./model";

/** A node in the picture. */
export interface Place {
  id: string;
  name: string;
  /** People, cameras and streams at it, as lines of text. */
  who: string[];
  /** How it is joined with this node; null for this node itself. */
  way: Way | null;
}

export interface Way {
  /** "beyond": reached over other nodes, by a way that is not known here. */
  state: "connected" | "connecting" | "waiting" | "down" | "beyond";
  trunks: string[];
  sent: number;
  received: number;
}

/** This node first, then its neighbours, then those further away. */
export function placesOf(status: Status): Place[] {
  const at = new Map<string, ParticipantStatus[]>();
  const names = new Map<string, string>();
  for (const p of (status.rooms ?? []).flatMap((r) => r.participants ?? [])) {
    const id = p.nodeId ?? "";
    const here = at.get(id);
    if (here) here.push(p);
    else at.set(id, [p]);
    if (p.nodeName) names.set(id, p.nodeName);
  }
  const whoAt = (id: string) => whoIn(at.get(id) ?? []);
  const places: Place[] = [{ id: status.nodeId ?? "", name: status.nodeName || "this node", who: whoAt(""), way: null }];
  const known = new Set(["", places[0]?.id]);
  for (const trunk of status.trunks ?? []) {
    for (const link of trunk.links ?? []) {
      const id = link.nodeId ?? "";
      const sent = num(link.sentBitsPerSecond);
      const received = num(link.receivedBitsPerSecond);
      const before = places.find((p) => p.id === id)?.way;
      if (before) {
        before.trunks.push(trunk.name ?? "");
        before.sent += sent;
        before.received += received;
        continue;
      }
      known.add(id);
      places.push({
        id,
        name: link.nodeName || names.get(id) || "nameless",
        who: whoAt(id),
        way: { state: "connected", trunks: [trunk.name ?? ""], sent, received },
      });
    }
    if (!trunk.links?.length) {
      const state = trunk.problem ? "down" : trunk.url ? "connecting" : "waiting";
      places.push({ id: `trunk ${trunk.name ?? ""}`, name: hostOf(trunk), who: [], way: { state, trunks: [trunk.name ?? ""], sent: 0, received: 0 } });
    }
  }
  for (const id of at.keys()) {
    if (known.has(id)) continue;
    places.push({ id, name: names.get(id) || "nameless", who: whoAt(id), way: { state: "beyond", trunks: [], sent: 0, received: 0 } });
  }
  return places;
}

function hostOf(trunk: TrunkStatus): string {
  try {
    return new URL(trunk.url ?? "").host;
  } catch {
    return `whoever knows the secret of ${trunk.name ?? ""}`;
  }
}

const mostLines = 5;

/** One who is in several rooms is named once. */
function whoIn(participants: readonly ParticipantStatus[]): string[] {
  const lines = new Set<string>();
  let nameless = 0;
  for (const p of participants) {
    const kind = p.kind === "PARTICIPANT_KIND_CAMERA" ? " (camera)" : p.kind === "PARTICIPANT_KIND_STREAM" ? " (stream)" : "";
    if (p.name) lines.add(p.name + kind);
    else nameless++;
  }
  if (nameless > 0) lines.add(nameless === 1 ? "1 viewer" : `${nameless} viewers`);
  const all = [...lines];
  if (all.length <= mostLines) return all;
  return [...all.slice(0, mostLines - 1), `and ${all.length - mostLines + 1} more`];
}

/** What stands beside a line, from this node's side. */
export function wayWords(way: Way): string[] {
  switch (way.state) {
    case "connected":
      return [`→ ${rate(way.sent)}`, `← ${rate(way.received)}`];
    case "beyond":
      return ["over others"];
    default:
      return [way.state];
  }
}

/** The whole picture in words. */
export function pictureWords(places: readonly Place[]): string {
  return places
    .map((p) => {
      const who = p.who.length > 0 ? p.who.join(", ") : "nobody";
      if (!p.way) return `This node, ${p.name}: ${who}.`;
      switch (p.way.state) {
        case "connected":
          return `${p.name}, connected by the trunk ${p.way.trunks.join(" and ")}, sent ${rate(p.way.sent)}, received ${rate(p.way.received)}: ${who}.`;
        case "beyond":
          return `${p.name}, reached over other nodes: ${who}.`;
        default:
          return `${p.name}, trunk ${p.way.trunks.join(" and ")}: ${p.way.state}.`;
      }
    })
    .join(" ");
}

export interface Box {
  place: Place;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** From the box of this node to another one, with words at a point of it. */
export interface Line {
  way: Way;
  path: string;
  x: number;
  y: number;
  anchor: "start" | "middle";
}

export interface Picture {
  width: number;
  height: number;
  boxes: Box[];
  lines: Line[];
}

const boxWidth = 210;
const wayWidth = 110;
const rowGap = 20;
const lineHeight = 18;
const indent = 36;
const beside = 44;

const heightOf = (p: Place) => 40 + lineHeight * p.who.length;

/** Draws into a width in pixels: to both sides where they fit, else downwards. */
export function draw(places: readonly Place[], width: number): Picture {
  const [center, ...others] = places;
  if (!center) return { width, height: 0, boxes: [], lines: [] };
  const sides = others.length > 1 ? 2 : 1;
  const needed = boxWidth + sides * (wayWidth + boxWidth);
  return width >= needed ? drawAcross(center, others, width, needed, sides) : drawDown(center, others, width);
}

function drawAcross(center: Place, others: readonly Place[], width: number, needed: number, sides: number): Picture {
  const gap = wayWidth + Math.min(120, (width - needed) / sides);
  const left = (width - boxWidth - sides * (gap + boxWidth)) / 2;
  const middleX = left + (sides === 2 ? boxWidth + gap : 0);
  const columns = [others.filter((_, i) => i % sides === 0), others.filter((_, i) => i % sides === 1)];
  const tall = (list: readonly Place[]) => list.reduce((sum, p) => sum + heightOf(p) + rowGap, -rowGap);
  const height = Math.max(heightOf(center), ...columns.map(tall)) + 4;
  const middle: Box = { place: center, x: middleX, y: (height - heightOf(center)) / 2, width: boxWidth, height: heightOf(center) };
  const picture: Picture = { width, height, boxes: [middle], lines: [] };
  for (const [side, list] of columns.entries()) {
    let y = (height - tall(list)) / 2;
    for (const place of list) {
      const box: Box = { place, x: side === 0 ? middleX + boxWidth + gap : left, y, width: boxWidth, height: heightOf(place) };
      y += box.height + rowGap;
      picture.boxes.push(box);
      const fromX = side === 0 ? middleX + boxWidth : middleX;
      const toX = side === 0 ? box.x : box.x + boxWidth;
      const fromY = middle.y + middle.height / 2;
      const toY = box.y + box.height / 2;
      const bend = (fromX + toX) / 2;
      if (place.way) {
        picture.lines.push({
          way: place.way,
          path: `M${fromX} ${fromY}C${bend} ${fromY} ${bend} ${toY} ${toX} ${toY}`,
          // Near the other node, where lines have parted.
          x: (bend + toX) / 2,
          y: toY,
          anchor: "middle",
        });
      }
    }
  }
  return picture;
}

function drawDown(center: Place, others: readonly Place[], width: number): Picture {
  const picture: Picture = { width, height: 0, boxes: [], lines: [] };
  const wide = Math.min(width - 4, 420);
  const top: Box = { place: center, x: 2, y: 2, width: wide, height: heightOf(center) };
  picture.boxes.push(top);
  let y = top.y + top.height;
  for (const place of others) {
    y += beside;
    const box: Box = { place, x: 2 + indent, y, width: wide - indent, height: heightOf(place) };
    picture.boxes.push(box);
    if (place.way) {
      const toY = box.y + box.height / 2;
      picture.lines.push({ way: place.way, path: `M${2 + indent / 2} ${top.y + top.height}V${toY}H${box.x}`, x: box.x + 2, y: y - beside / 2, anchor: "start" });
    }
    y += box.height;
  }
  picture.height = y + 2;
  return picture;
}
