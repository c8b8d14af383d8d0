import { isolate } from "../ui/isolate";
import { num, rate, type ParticipantStatus, type Status, type TrunkStatus } from "./model";

/** A node in the picture. */
export interface Place {
  id: string;
  name: string;
  /** People, cameras and streams at it, as lines of text. */
  who: string[];
  /** How it is joined with this node; null for this node itself. */
  way: Way | null;
  /** How many nodes away it is: 0 for this one, 1 for its neighbours. */
  level: number;
  /** Id of the place before it on the way there; empty where that is not known. */
  by: string;
}

/** Two places that are joined besides the ways to them. */
export interface Joined {
  a: string;
  b: string;
}

export interface Way {
  /** "beyond": reached over other nodes. */
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
  const places: Place[] = [{ id: status.nodeId ?? "", name: status.nodeName || "this node", who: whoAt(""), way: null, level: 0, by: "" }];
  const own = places[0]?.id ?? "";
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
        level: 1,
        by: own,
      });
    }
    if (!trunk.links?.length) {
      const state = trunk.problem ? "down" : trunk.url ? "connecting" : "waiting";
      const way: Way = { state, trunks: [trunk.name ?? ""], sent: 0, received: 0 };
      places.push({ id: `trunk ${trunk.name ?? ""}`, name: hostOf(trunk), who: [], way, level: 1, by: own });
    }
  }
  const beyond = (id: string, level: number, by: string) => {
    known.add(id);
    const name = names.get(id) || (by ? `node ${id.slice(0, 4)}` : "nameless");
    places.push({ id, name, who: whoAt(id), way: { state: "beyond", trunks: [], sent: 0, received: 0 }, level, by });
  };
  // From node to node, by ways that are in use where there are any.
  let last = places.filter((p) => p.way?.state === "connected").map((p) => p.id);
  for (let level = 2; last.length > 0; level++) {
    const found = new Map<string, string>();
    for (const used of [true, false]) {
      for (const id of last) {
        for (const way of status.ways ?? []) {
          if ((way.used ?? false) !== used) continue;
          const to = way.a === id ? way.b : way.b === id ? way.a : undefined;
          if (to && !known.has(to) && !found.has(to)) found.set(to, id);
        }
      }
    }
    for (const [id, by] of found) beyond(id, level, by);
    last = [...found.keys()];
  }
  for (const id of at.keys()) if (!known.has(id)) beyond(id, 2, "");
  return places;
}

/** What is joined besides the ways by which the places are reached. */
export function joinedOf(status: Status, places: readonly Place[]): Joined[] {
  const by = new Map(places.map((p) => [p.id, p.by]));
  const own = places[0]?.id;
  return (status.ways ?? [])
    .map(({ a = "", b = "" }) => ({ a, b }))
    .filter(({ a, b }) => by.has(a) && by.has(b) && by.get(a) !== b && by.get(b) !== a && a !== own && b !== own);
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
    if (p.name) lines.add(isolate(p.name) + kind);
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
      return [];
    default:
      return [way.state];
  }
}

/** The whole picture in words. */
export function pictureWords(places: readonly Place[], joined: readonly Joined[] = []): string {
  const name = (id: string) => places.find((p) => p.id === id)?.name ?? id;
  const besides = joined.map(({ a, b }) => `${name(a)} and ${name(b)} are joined too.`);
  return places
    .map((p) => {
      const who = p.who.length > 0 ? p.who.join(", ") : "nobody";
      if (!p.way) return `This node, ${p.name}: ${who}.`;
      switch (p.way.state) {
        case "connected":
          return `${p.name}, connected by the trunk ${p.way.trunks.join(" and ")}, sent ${rate(p.way.sent)}, received ${rate(p.way.received)}: ${who}.`;
        case "beyond":
          return `${p.name}, reached over ${p.by ? name(p.by) : "other nodes"}: ${who}.`;
        default:
          return `${p.name}, trunk ${p.way.trunks.join(" and ")}: ${p.way.state}.`;
      }
    })
    .concat(besides)
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
  /** Between others. */
  besides: string[];
}

const boxWidth = 210;
const wayWidth = 110;
const rowGap = 20;
const lineHeight = 18;
const indent = 36;
const beside = 44;
// Half of what words beside a way take.
const halfWords = 46;
// Ways between others: how far they bend aside, and how many do so apart.
const bulge = 46;
const lanes = 4;
const laneWidth = 9;
// Places this far away and farther stand in one line.
const deepest = 4;

const heightOf = (p: Place) => 40 + lineHeight * p.who.length;

/**
 * Draws into a width in pixels: to both sides where they fit, else to one, else
 * downwards.
 */
export function draw(places: readonly Place[], width: number, joined: readonly Joined[] = []): Picture {
  const [center, ...others] = places;
  if (!center) return { width, height: 0, boxes: [], lines: [], besides: [] };
  for (const sides of others.length > 1 ? [2, 1] : [1]) {
    const across = sort(center, others, sides);
    const columns = across.length - 1;
    const needed = boxWidth + columns * (wayWidth + boxWidth);
    if (width >= needed) return drawAcross(across, width, needed, joined);
  }
  return drawDown(center, others, width, joined);
}

/** One place in the columns: -1 is left of this node, 1 right of it, and so on. */
interface Column {
  at: number;
  places: Place[];
}

/** Neighbours to so many sides, and each with what is reached over it. */
function sort(center: Place, others: readonly Place[], sides: number): Column[] {
  const sideOf = new Map<string, number>([[center.id, 0]]);
  const columns = new Map<number, Place[]>([[0, [center]]]);
  let turn = 0;
  for (const place of [...others].sort((a, b) => a.level - b.level)) {
    const side = (place.level > 1 && sideOf.get(place.by)) || (sides === 2 && turn++ % 2 === 1 ? -1 : 1);
    sideOf.set(place.id, side);
    const at = side * place.level;
    columns.set(at, [...(columns.get(at) ?? []), place]);
  }
  return [...columns].map(([at, list]) => ({ at, places: list })).sort((a, b) => a.at - b.at);
}

function drawAcross(columns: readonly Column[], width: number, needed: number, joined: readonly Joined[]): Picture {
  const gaps = Math.max(1, columns.length - 1);
  const gap = wayWidth + Math.min(120, (width - needed) / gaps);
  const left = (width - columns.length * boxWidth - (columns.length - 1) * gap) / 2;
  const tall = (list: readonly Place[]) => list.reduce((sum, p) => sum + heightOf(p) + rowGap, -rowGap);
  const inner = Math.max(...columns.map(({ places }) => tall(places))) + 4;
  const picture: Picture = { width, height: inner, boxes: [], lines: [], besides: [] };
  const boxOf = new Map<string, Box & { at: number }>();
  for (const [i, { at, places }] of columns.entries()) {
    let y = (inner - tall(places)) / 2;
    for (const place of places) {
      const box = { place, x: left + i * (boxWidth + gap), y, width: boxWidth, height: heightOf(place) };
      y += box.height + rowGap;
      boxOf.set(place.id, { ...box, at });
      if (at === 0) picture.boxes.unshift(box);
      else picture.boxes.push(box);
    }
  }
  const center = picture.boxes[0];
  const line = (from: Box, to: Box) => {
    const [fromX, toX] = from.x < to.x ? [from.x + from.width, to.x] : [from.x, to.x + to.width];
    const [fromY, toY] = [from.y + from.height / 2, to.y + to.height / 2];
    const bend = (fromX + toX) / 2;
    // Words stand near the other node, where lines have parted.
    return { path: `M${fromX} ${fromY}C${bend} ${fromY} ${bend} ${toY} ${toX} ${toY}`, x: toX + Math.sign(bend - toX) * Math.max(Math.abs(bend - toX) / 2, halfWords), y: toY };
  };
  for (const box of picture.boxes.slice(1)) {
    const from = boxOf.get(box.place.by) ?? center;
    if (box.place.way && from) picture.lines.push({ way: box.place.way, ...line(from, box), anchor: "middle" });
  }
  for (const { a, b } of joined) {
    const [from, to] = [boxOf.get(a), boxOf.get(b)];
    if (!from || !to) continue;
    if (from.at === to.at) {
      // On the side that is farther from this node, in the middle of the gap or at the edge.
      const out = from.at < 0 ? -1 : 1;
      const x = out < 0 ? from.x : from.x + from.width;
      const room = Math.min(bulge, out < 0 ? x : width - x);
      const [y1, y2] = [from.y + from.height / 2, to.y + to.height / 2];
      picture.besides.push(`M${x} ${y1}C${x + out * room} ${y1} ${x + out * room} ${y2} ${x} ${y2}`);
    } else if (from.at * to.at > 0) {
      picture.besides.push(line(from, to).path);
    } else {
      // Below this node.
      const [x1, x2] = [from.x + from.width / 2, to.x + to.width / 2];
      const low = inner + bulge;
      picture.height = low;
      picture.besides.push(`M${x1} ${from.y + from.height}C${x1} ${low} ${x2} ${low} ${x2} ${to.y + to.height}`);
    }
  }
  return picture;
}

function drawDown(center: Place, others: readonly Place[], width: number, joined: readonly Joined[]): Picture {
  const picture: Picture = { width, height: 0, boxes: [], lines: [], besides: [] };
  const aside = joined.length > 0 ? Math.min(joined.length, lanes) * laneWidth + 4 : 0;
  const wide = Math.min(width - 4 - aside, 420);
  const boxOf = new Map<string, Box>();
  const known = new Set([center, ...others].map((p) => p.id));
  let y = 2;
  const put = (place: Place, level: number, from: Box | null) => {
    if (from) y += beside;
    const x = 2 + indent * Math.min(level, deepest);
    const box: Box = { place, x, y, width: wide - x + 2, height: heightOf(place) };
    picture.boxes.push(box);
    boxOf.set(place.id, box);
    if (from && place.way) {
      const down = Math.min(from.x + indent / 2, box.x - indent / 2);
      const toY = box.y + box.height / 2;
      picture.lines.push({ way: place.way, path: `M${down} ${from.y + from.height}V${toY}H${box.x}`, x: box.x + 2, y: y - beside / 2, anchor: "start" });
    }
    y += box.height;
    for (const next of others) {
      if (place === center ? next.level === 1 || !known.has(next.by) : next.level > 1 && next.by === place.id) put(next, level + 1, box);
    }
  };
  put(center, 0, null);
  picture.height = y + 2;
  for (const [i, { a, b }] of joined.entries()) {
    const [from, to] = [boxOf.get(a), boxOf.get(b)];
    if (!from || !to) continue;
    const right = from.x + from.width;
    const lane = right + laneWidth * ((i % lanes) + 1);
    const off = 4 * ((i % lanes) - 1); // of lines that end at one box
    picture.besides.push(`M${right} ${from.y + from.height / 2 + off}H${lane}V${to.y + to.height / 2 + off}H${right}`);
  }
  return picture;
}
