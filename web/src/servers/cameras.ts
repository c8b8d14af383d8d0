import { stateOfCamera, type CameraState } from "../status/camerastate";
import type { CameraStatus } from "../status/model";
import type { Problems } from "./api";

/** One camera of the settings. */
export interface Camera {
  name: string;
  enabled: boolean;
  title: string;
  /** Without the user and the password, and with an ellipsis for what else is secret. */
  url: string;
  substream: string;
  /** Of both; there may be none. */
  user: string;
  hasPassword: boolean;
  transport: string;
  room: string;
  audio: boolean;
  onDemand: boolean;
  variables: string[];
  status: CameraStatus | null;
}

export function cameraState(camera: Camera, nowMs: number): CameraState {
  return camera.enabled && camera.status ? stateOfCamera(camera.status, nowMs) : { kind: "off", words: "Turned off", detail: [] };
}

/** What the form holds: everything as it is typed. */
export interface CameraDraft {
  name: string;
  title: string;
  url: string;
  user: string;
  /** Empty: the stored one stays, unless it is to be forgotten. */
  password: string;
  /** The stored password is to be removed. */
  forget: boolean;
  substream: string;
  transport: string;
  room: string;
  audio: boolean;
  onDemand: boolean;
  enabled: boolean;
}

export function cameraDraft(camera: Camera | null, names: readonly string[]): CameraDraft {
  if (!camera) {
    let n = 1;
    while (names.includes(`camera${n}`)) n++;
    return {
      name: `camera${n}`, title: "", url: "", user: "", password: "", forget: false, substream: "", transport: "auto", room: "main",
      audio: true, onDemand: true, enabled: true,
    };
  }
  const { name, title, url, user, substream, transport, room, audio, onDemand, enabled } = camera;
  return {
    name, title: title === name ? "" : title, url, user, password: "", forget: false, substream, transport, room, audio, onDemand, enabled,
  };
}

/** What is sent to the node. */
export function cameraBody(draft: CameraDraft, isNew: boolean): object {
  const flag = (on: boolean) => (on ? "1" : "0");
  return {
    ...(isNew ? { name: draft.name.trim() } : {}),
    options: {
      enabled: flag(draft.enabled),
      name: draft.title.trim(),
      url: draft.url.trim(),
      substream: draft.substream.trim(),
      transport: draft.transport,
      room: draft.room.trim(),
      audio: flag(draft.audio),
      on_demand: flag(draft.onDemand),
    },
    credentials: credentialsOf(draft),
  };
}

/** The user and the password; null is the stored one. */
export function credentialsOf({ user, password, forget }: CameraDraft): { user: string; password: string | null } {
  return { user: user.trim(), password: password || forget ? password : null };
}

export function cameraProblems(draft: CameraDraft, hasPassword: boolean): Problems {
  const problems: Problems = {};
  if (!draft.name.trim()) problems.section = "A camera needs a name in the settings.";
  if (!/^rtsps?:\/\/./iu.test(draft.url.trim())) problems.url = "An address that begins with rtsp:// or rtsps://.";
  if (!draft.user.trim() && (draft.password || (hasPassword && !draft.forget))) problems.user = "A password belongs to a user: which one?";
  return problems;
}

/** Takes the user and the password out of an address that was typed or pasted with them. */
export function takenApart(url: string): { url: string; user: string; password: string } | null {
  const [, scheme = "", user = "", , password = "", place = ""] = /^(rtsps?:\/\/)([^:/?#]*)(:([^/?#]*))?@([^@/?#]+(?:[/?#].*)?)$/iu.exec(url.trim()) ?? [];
  if (!place || user.includes("…")) return null;
  return { url: scheme + place, user: unescaped(user), password: unescaped(password) };
}

/** The draft with the user and the password of its addresses in their own fields. */
export function sorted(draft: CameraDraft): CameraDraft {
  const main = takenApart(draft.url);
  const next = main ? { ...draft, ...main, forget: false } : draft;
  const sub = takenApart(next.substream);
  // The small picture may have others than the large one.
  const same = sub && sub.user === next.user && sub.password === next.password;
  return same ? { ...next, substream: sub.url } : next;
}

/** People paste passwords with a "%" that escapes nothing. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A camera that was found on the network. */
export interface Found {
  address: string;
  name: string;
  manufacturer: string;
  model: string;
  problem: string;
  profiles: Profile[];
}

export interface Profile {
  name: string;
  url: string;
  codec: string;
  width: number;
  height: number;
  role: string;
}

/** "H264 1920×1080". */
export function profileWords({ codec, width, height, name }: Profile): string {
  return [codec, width > 0 ? `${width}×${height}` : ""].filter(Boolean).join(" ") || name;
}

/** What is taken of a camera that was found: its large and its small stream. */
export function draftOfFound(found: Found, profile: Profile, user: string, password: string): Partial<CameraDraft> {
  const sub = found.profiles.find((p) => p.role === "sub" && p.url !== profile.url && p.codec === profile.codec);
  return { title: (found.name || found.model).slice(0, 64), url: profile.url, user, password, substream: sub?.url ?? "" };
}
