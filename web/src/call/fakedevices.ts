import type { DeviceKind } from "./capture";
import type { Kept } from "./media";

/** FakeTrack is a track of a device in tests. */
export class FakeTrack extends EventTarget {
  enabled = true;
  muted = false;
  readyState: MediaStreamTrackState = "live";
  contentHint = "";
  onmute: (() => void) | null = null;
  onunmute: (() => void) | null = null;
  onended: (() => void) | null = null;

  constructor(
    readonly kind: "audio" | "video",
    readonly deviceId: string,
    readonly label: string,
    readonly id = `${kind} ${++FakeTrack.made}`,
  ) {
    super();
  }
  static made = 0;

  stop(): void {
    this.readyState = "ended";
  }
  getSettings(): MediaTrackSettings {
    return { deviceId: this.deviceId };
  }
  silence(muted: boolean): void {
    this.muted = muted;
    if (muted) this.onmute?.();
    else this.onunmute?.();
  }
  /** The device has gone. */
  end(): void {
    this.readyState = "ended";
    this.onended?.();
  }
}

export const microphone = (deviceId: string, label: string, groupId = label): MediaDeviceInfo => listed("audioinput", deviceId, label, groupId);
export const camera = (deviceId: string, label: string): MediaDeviceInfo => listed("videoinput", deviceId, label, label);
export const speaker = (deviceId: string, label: string): MediaDeviceInfo => listed("audiooutput", deviceId, label, label);

function listed(kind: MediaDeviceKind, deviceId: string, label: string, groupId: string): MediaDeviceInfo {
  const device = { kind, deviceId, label, groupId };
  return { ...device, toJSON: () => device };
}

/** What a browser says of one permission. */
class Permission extends EventTarget {
  state: PermissionState = "granted";

  become(state: PermissionState): void {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

/** FakeDevices stands in for navigator.mediaDevices, and says whether the page is seen. */
export class FakeDevices extends EventTarget {
  list: MediaDeviceInfo[] = [];
  /** What was asked for: the id, or "any", of each request. */
  asked: string[] = [];
  /** Ids that do not open, as if another app had them. */
  busy = new Set<string>();
  /** What getUserMedia refuses with, by the kind of device. */
  readonly refused = new Map<MediaDeviceKind, DOMException>();
  /** What the browser says of each permission. */
  readonly permissions = { microphone: new Permission(), camera: new Permission() };
  /** Called before each answer; what it returns is waited for. */
  before: () => Promise<void> | void = () => {};
  picker: () => Promise<MediaStream> = () => Promise.reject(new DOMException("", "NotAllowedError"));
  readonly page = Object.assign(new EventTarget(), { hidden: false });

  install(): void {
    Object.assign(globalThis, { window: { isSecureContext: true }, document: this.page });
    const query = ({ name }: { name: DeviceKind }) => Promise.resolve(this.permissions[name]);
    const value = { mediaDevices: this, permissions: { query } };
    Object.defineProperty(globalThis, "navigator", { value, configurable: true });
  }

  enumerateDevices(): Promise<MediaDeviceInfo[]> {
    return Promise.resolve(this.list);
  }

  async getUserMedia({ audio, video }: MediaStreamConstraints): Promise<MediaStream> {
    await this.before();
    const open = (kind: MediaDeviceKind, constraints: unknown) => {
      const { deviceId } = constraints as { deviceId?: { exact: string } };
      this.asked.push(deviceId?.exact ?? "any");
      const refused = this.refused.get(kind);
      if (refused) throw refused;
      const device = this.list.find((d) => d.kind === kind && (!deviceId || d.deviceId === deviceId.exact));
      if (!device) throw new DOMException("", "OverconstrainedError");
      if (this.busy.has(device.deviceId)) throw new DOMException("", "NotReadableError");
      return new FakeTrack(kind === "audioinput" ? "audio" : "video", device.deviceId, device.label);
    };
    return stream(audio ? [open("audioinput", audio)] : [], video ? [open("videoinput", video)] : []);
  }

  getDisplayMedia(): Promise<MediaStream> {
    return this.picker();
  }

  /** Other devices than before. */
  change(...list: MediaDeviceInfo[]): void {
    this.list = list;
    this.dispatchEvent(new Event("devicechange"));
  }

  /** The user goes to another app, or comes back. */
  hide(hidden: boolean): void {
    this.page.hidden = hidden;
    this.page.dispatchEvent(new Event("visibilitychange"));
  }
}

export function stream(audio: FakeTrack[], video: FakeTrack[]): MediaStream {
  const tracks = { getAudioTracks: () => audio, getVideoTracks: () => video, getTracks: () => [...audio, ...video] };
  return tracks as unknown as MediaStream;
}

export const kept = (over: Partial<Kept> = {}): Kept => ({
  microphoneOn: true,
  cameraOn: false,
  microphoneId: "",
  cameraId: "",
  speakerId: "",
  quality: "standard",
  codec: "",
  ...over,
});
