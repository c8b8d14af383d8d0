import { stateOfCamera, type CameraState } from "../status/camerastate";
import type { CameraStatus } from "../status/model";
import type { Problems } from "./api";

/** One camera of the settings. */
export interface Camera {
  name: string;
  enabled: boolean;
  title: string;
  /** With an ellipsis for what is secret. */
  url: string;
  substream: string;
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
      name: `camera${n}`, title: "", url: "", substream: "", transport: "auto", room: "main", audio: true, onDemand: true, enabled: true,
    };
  }
  const { name, title, url, substream, transport, room, audio, onDemand, enabled } = camera;
  return { name, title: title === name ? "" : title, url, substream, transport, room, audio, onDemand, enabled };
}

export function cameraOptions(draft: CameraDraft): Record<string, string> {
  const flag = (on: boolean) => (on ? "1" : "0");
  return {
    enabled: flag(draft.enabled),
    name: draft.title.trim(),
    url: draft.url.trim(),
    substream: draft.substream.trim(),
    transport: draft.transport,
    room: draft.room.trim(),
    audio: flag(draft.audio),
    on_demand: flag(draft.onDemand),
  };
}

export function cameraProblems(draft: CameraDraft): Problems {
  const problems: Problems = {};
  if (!draft.name.trim()) problems.section = "A camera needs a name in the settings.";
  if (!/^rtsps?:\/\/./iu.test(draft.url.trim())) problems.url = "An address that begins with rtsp:// or rtsps://.";
  return problems;
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

/** The address of a stream with the user and the password in it. */
export function withUser(url: string, user: string, password: string): string {
  if (!user) return url;
  const secret = [user, ...(password ? [password] : [])].map(encodeURIComponent).join(":");
  return url.replace(/^(rtsps?:\/\/)(?:[^/@]*@)?/iu, (_, scheme: string) => `${scheme}${secret}@`);
}

/** What is taken of a camera that was found: its large and its small stream. */
export function draftOfFound(found: Found, profile: Profile, user: string, password: string): Partial<CameraDraft> {
  const sub = found.profiles.find((p) => p.role === "sub" && p.url !== profile.url && p.codec === profile.codec);
  return {
    title: (found.name || found.model).slice(0, 64),
    url: withUser(profile.url, user, password),
    substream: sub ? withUser(sub.url, user, password) : "",
  };
}
