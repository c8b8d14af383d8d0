import type { DeviceKind } from "./capture";

/** What enumerateDevices tells of one device. */
export type Listed = Pick<MediaDeviceInfo, "deviceId" | "groupId" | "kind" | "label">;

/** A device that is open, and what the system looked like when it was opened. */
export interface Use {
  device: Listed | undefined;
  /** The system's default at that time. */
  system: Listed | undefined;
  /** The chosen device was there, and did not open. */
  refused: boolean;
}

const inputs: Record<DeviceKind, MediaDeviceKind> = { microphone: "audioinput", camera: "videoinput" };

/** Chromium lists the system's choices a second time, under these ids. */
const isAlias = ({ deviceId }: Listed) => deviceId === "default" || deviceId === "communications";

const real = (list: readonly Listed[], kind: DeviceKind) => list.filter((d) => d.kind === inputs[kind] && !isAlias(d));

const behind = (list: readonly Listed[], kind: DeviceKind, alias: Listed) =>
  real(list, kind).find((d) => d.groupId !== "" && d.groupId === alias.groupId) ?? alias;

/** Reports whether the list has a device of that kind. */
export const hasAny = (list: readonly Listed[], kind: DeviceKind): boolean => list.some((d) => d.kind === inputs[kind]);

/**
 * What the system uses where nobody has chosen: the first of its kind (Media Capture
 * and Streams §10.2). An alias stays one where nothing tells which device it means.
 */
export function systemDefault(list: readonly Listed[], kind: DeviceKind): Listed | undefined {
  const first = list.find((d) => d.kind === inputs[kind]);
  return first && isAlias(first) ? behind(list, kind, first) : first;
}

/** The chosen device, if it is there. One that was plugged in again may have another id. */
export function chosenIn(list: readonly Listed[], kind: DeviceKind, deviceId: string, label: string): Listed | undefined {
  if (!deviceId) return undefined;
  const all = real(list, kind);
  return all.find((d) => d.deviceId === deviceId) ?? (label ? all.find((d) => d.label === label) : undefined);
}

/** Describes what has just been opened. */
export function useOf(list: readonly Listed[], kind: DeviceKind, openId: string | undefined, chosen: Listed | undefined): Use {
  const open = list.find((d) => d.kind === inputs[kind] && d.deviceId === openId);
  const device = open && isAlias(open) ? behind(list, kind, open) : open;
  return { device, system: systemDefault(list, kind), refused: chosen !== undefined && device?.deviceId !== chosen.deviceId };
}

/**
 * Which device to open instead of the one in use, now that the list is another;
 * undefined to stay. A chosen device is used whenever it is there. Without it, the
 * microphone follows the system; a camera stays, so that nobody is seen by surprise.
 */
export function moveTo(list: readonly Listed[], kind: DeviceKind, use: Use, chosen: Listed | undefined): Listed | undefined {
  const { device } = use;
  const system = systemDefault(list, kind);
  if (!system) return undefined;
  if (chosen && !use.refused) return chosen.deviceId === device?.deviceId ? undefined : chosen;
  // Some drivers take a device away without an end of its track.
  if (device && !isAlias(device) && !list.some((d) => d.deviceId === device.deviceId)) return system;
  if (chosen || kind === "camera" || !use.system) return undefined;
  const same = (other: Listed) => other.deviceId === system.deviceId && other.groupId === system.groupId;
  return same(use.system) || (device && same(device)) ? undefined : system;
}

/**
 * Where sound is to come out: the chosen speaker while it is there, else the system's
 * choice, which is "". Not every browser changes over by itself, or back again
 * (w3c/mediacapture-output#88).
 */
export function speakerIn(list: readonly Listed[], speakerId: string): string {
  const speakers = list.filter((d) => d.kind === "audiooutput");
  return speakers.length === 0 || speakers.some((d) => d.deviceId === speakerId) ? speakerId : "";
}
