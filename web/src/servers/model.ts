import type { Problems } from "./api";
import { num, rate, type Long, type TrunkStatus } from "../status/model";
import { sentence } from "../ui/sentence";
import type { Camera } from "./cameras";
import type { KnownInvitation } from "./invitations";
import type { RoomSection } from "./rooms";

/** What /servers tells in JSON. */
export interface Servers {
  nodeName: string;
  nowMs: number;
  urls: string[];
  problems: string[];
  settings: { file: string; problem: string };
  trunks: Trunk[];
  refused: Refused[];
  cameras: Camera[];
  /** The page is seen by way of a login, which can be ended. */
  login: boolean;
  /** Those of the settings. */
  rooms: RoomSection[];
  /** Who may enter the others: "lan", "token" or "open". */
  otherRooms: string;
  /** Those that hold, or were revoked and have not ended; the newest first. */
  invitations: KnownInvitation[];
}

/** Who may enter a room. */
export interface RoomRule {
  name: string;
  access: string;
}

export interface Trunk {
  name: string;
  enabled: boolean;
  url: string;
  hasSecret: boolean;
  fingerprint: string;
  ca: string;
  rooms: string[];
  variables: string[];
  status: TrunkStatus | null;
}

export interface Refused {
  atMs?: Long;
  address?: string;
  problem?: string;
  times?: number;
}

export interface TrunkState {
  kind: "connected" | "connecting" | "waiting" | "down" | "off";
  words: string;
  /** Why, and what comes next; may be empty. */
  detail: string;
}

export function stateOf(trunk: Trunk, nowMs: number): TrunkState {
  const { status } = trunk;
  if (!trunk.enabled) return { kind: "off", words: "Turned off", detail: "" };
  if (status?.links?.length) {
    const refused = status.links.flatMap((l) => (l.refused ? [sentence(`${l.refused}, of ${l.nodeName ?? ""}`)] : []));
    return { kind: "connected", words: "Connected", detail: refused.join(" ") };
  }
  if (status?.problem) {
    const wait = Math.ceil((num(status.retryAtMs) - nowMs) / 1000);
    return { kind: "down", words: "Down", detail: `${sentence(status.problem)} ${wait > 0 ? `Tried again in ${wait} s.` : "Trying again…"}` };
  }
  if (!trunk.url) return { kind: "waiting", words: "Waiting", detail: "The other node has not dialled yet." };
  return { kind: "connecting", words: "Connecting", detail: "" };
}

/** "nothing", "2 streams, 1.2 Mb/s". */
export function flow(streams: number | undefined, bits: Long | undefined): string {
  if (!streams) return "nothing";
  return `${streams === 1 ? "1 stream" : `${streams} streams`}, ${rate(num(bits))}`;
}

/** What the form holds: everything as it is typed. */
export interface Draft {
  name: string;
  enabled: boolean;
  /** This node dials the other one. */
  dials: boolean;
  url: string;
  secret: string;
  fingerprint: string;
  ca: string;
  rooms: string;
}

export function draftOf(trunk: Trunk | null, names: readonly string[]): Draft {
  return {
    name: trunk?.name ?? freeName(names),
    enabled: trunk?.enabled ?? true,
    dials: trunk ? trunk.url !== "" : true,
    url: trunk?.url ?? "",
    secret: "",
    fingerprint: trunk?.fingerprint ?? "",
    ca: trunk?.ca ?? "",
    rooms: trunk?.rooms.join(", ") ?? "",
  };
}

/** A name for a new trunk that no other one has. */
export function freeName(names: readonly string[]): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? "trunk" : `trunk${n}`;
    if (!names.includes(name)) return name;
  }
}

/** What a draft is sent as. A secret that was not typed stays as it is. */
export function optionsOf(draft: Draft): Record<string, string | string[]> {
  const dialled = (text: string) => (draft.dials ? text.trim() : "");
  return {
    enabled: draft.enabled ? "1" : "0",
    url: dialled(draft.url),
    ...(draft.secret.trim() ? { secret: draft.secret.trim() } : {}),
    fingerprint: dialled(draft.fingerprint),
    ca: dialled(draft.ca),
    room: roomsIn(draft.rooms),
  };
}

export function roomsIn(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/u).filter(Boolean))];
}

/** What can be told before the node is asked, by option. */
export function problemsOf(draft: Draft, hasSecret: boolean): Problems {
  const problems: Problems = {};
  if (!draft.name.trim()) problems.name = "A trunk needs a name.";
  if (draft.dials && !draft.url.trim()) problems.url = "Which node is to be dialled?";
  if (!draft.secret.trim() && !hasSecret) problems.secret = "Both nodes need the same secret.";
  return problems;
}
/** 24 random bytes, in characters that nobody has to escape. */
export function makeSecret(random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (b) => crypto.getRandomValues(b)): string {
  const bytes = random(new Uint8Array(24));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

/** By which address others may dial the node that this page came from. */
export function dialAddress(base: string): string {
  const url = new URL("wsb", base);
  const local = /^(localhost|127\.|\[::1\])/u.test(url.hostname);
  return `${url.protocol === "http:" ? "ws" : "wss"}://${local ? `ADDRESS${url.port ? `:${url.port}` : ""}` : url.host}${url.pathname}`;
}
