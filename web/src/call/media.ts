import { Store } from "../state/store";
import {
  capture,
  mediaProblem,
  permission,
  problemOf,
  sizes,
  watchPermission,
  type DeviceKind,
  type Facing,
  type MediaProblem,
  type VideoQuality,
  type Wish,
} from "./capture";
import { systemClock, type Clock } from "./clock";
import { chosenIn, hasAny, moveTo, useOf, type Use } from "./devices";
import type { VideoCodec } from "./encodings";
import { Interruption } from "./interruption";

export interface Device {
  /** The user's wish: to be heard, or seen. */
  wanted: boolean;
  track: MediaStreamTrack | null;
  problem: MediaProblem | null;
  /** The browser is asked for it just now. */
  pending: boolean;
  /** Chosen by the user; empty for the browser's choice. */
  deviceId: string;
  /** The system silences it: a hardware switch, or a phone call. */
  interrupted: boolean;
}

export interface Media {
  microphone: Device;
  camera: Device;
  /** The other way round, as a mirror shows it; not for a camera at the back. */
  mirrored: boolean;
  screen: MediaStreamTrack | null;
  screenAudio: MediaStreamTrack | null;
  devices: readonly MediaDeviceInfo[];
  /** Where sound comes out; empty for the system's choice. */
  speakerId: string;
  quality: VideoQuality;
  codec: VideoCodec;
}

/** Bits per second for a picture of each quality. */
export const bitRates: Record<VideoQuality, { camera: number; screen: number }> = {
  standard: { camera: 1_500_000, screen: 2_500_000 },
  saving: { camera: 400_000, screen: 1_000_000 },
};

/** Choices that are kept for the next time. */
export interface Kept {
  microphoneOn: boolean;
  cameraOn: boolean;
  microphoneId: string;
  cameraId: string;
  speakerId: string;
  quality: VideoQuality;
  codec: VideoCodec;
}

const kinds = ["microphone", "camera"] as const;
// Problems that may be over when the user comes back to the page.
const passing: readonly MediaProblem[] = ["lost", "busy", "failed"];

/** What LocalMedia does by itself, for who has to be told. */
export interface MediaNews {
  /** Another device is used than before: its name. */
  onMoved(kind: DeviceKind, label: string): void;
  /** What was shared has gone, or the browser's own bar has ended it. */
  onScreenEnded(): void;
}

// What is known of one kind beside its state.
interface Hold {
  use: Use | null;
  /** Name of the chosen device, once it was seen. */
  chosenLabel: string;
  /** Goes up with each choice: what was asked for before it is not wanted any more. */
  choice: number;
  interruption: Interruption;
}

/**
 * LocalMedia is the own camera, microphone and screen. A muted microphone
 * stays open, so that it is back at once; a camera that is off is closed, so
 * that its light is out.
 */
export class LocalMedia {
  readonly store: Store<Media>;
  private queue: Promise<void> = Promise.resolve();
  private closed = false;
  /** Goes up with each close: what was picked for an earlier call is not wanted. */
  private stay = 0;
  private readonly holds: Record<DeviceKind, Hold>;

  constructor(
    kept: Kept,
    private readonly news: MediaNews,
    private readonly clock: Clock = systemClock,
  ) {
    const device = (wanted: boolean, deviceId: string): Device => ({
      wanted,
      track: null,
      problem: null,
      pending: false,
      deviceId,
      interrupted: false,
    });
    this.holds = { microphone: this.hold("microphone"), camera: this.hold("camera") };
    this.store = new Store<Media>({
      microphone: device(kept.microphoneOn, kept.microphoneId),
      camera: device(kept.cameraOn, kept.cameraId),
      mirrored: true,
      screen: null,
      screenAudio: null,
      devices: [],
      speakerId: kept.speakerId,
      quality: kept.quality,
      codec: kept.codec,
    });
    if (mediaProblem() === null) {
      navigator.mediaDevices.addEventListener("devicechange", this.onDevices);
      document.addEventListener("visibilitychange", this.onVisible);
      for (const kind of kinds) void watchPermission(kind, () => this.allowed(kind));
    }
  }

  /** Asks for what is wanted of the microphone and the camera. */
  open(): Promise<void> {
    this.closed = false;
    return this.acquire(kinds.filter((kind) => this.store.state[kind].wanted));
  }

  /** Closes everything. It can be opened again. */
  close(): void {
    this.closed = true;
    this.stay++;
    this.stopScreen();
    for (const kind of kinds) {
      this.holds[kind].choice++;
      this.release(kind);
    }
  }

  /**
   * Turns a device on or off. One that is wished for and could not be had is asked for
   * once more. Resolves when the browser has answered.
   */
  async toggle(kind: DeviceKind): Promise<void> {
    const { wanted, track, problem, interrupted } = this.store.state[kind];
    if (wanted && !track && problem) {
      await this.acquire([kind]);
      return;
    }
    this.patch(kind, { wanted: !wanted });
    if (kind === "microphone" && track) track.enabled = !wanted;
    if (wanted) {
      if (kind === "camera") this.release(kind);
      return;
    }
    if (interrupted) this.release(kind);
    await this.acquire([kind]);
  }

  /** Asks once more for what could not be had, or does not work. */
  retry(kind: DeviceKind): void {
    this.release(kind);
    void this.acquire([kind]);
  }

  choose(kind: DeviceKind, deviceId: string): void {
    this.patch(kind, { deviceId });
    const known = this.store.state.devices.find((d) => d.deviceId === deviceId);
    this.holds[kind].chosenLabel = known?.label ?? "";
    this.holds[kind].choice++;
    if (kind === "camera" && !this.store.state.camera.wanted) return;
    this.retry(kind);
  }

  chooseSpeaker(speakerId: string): void {
    this.store.set({ speakerId });
  }

  chooseQuality(quality: VideoQuality): void {
    this.store.set({ quality });
    const { track } = this.store.state.camera;
    // A camera that cannot be other than it is stays as it is.
    track?.applyConstraints(sizes[quality]).catch(() => {});
  }

  chooseCodec(codec: VideoCodec): void {
    this.store.set({ codec });
  }

  /** To the camera at the front or at the back, or to the next one there is. */
  switchCamera(): void {
    const { camera, devices } = this.store.state;
    const facing = camera.track?.getSettings().facingMode;
    const cameras = devices.filter((d) => d.kind === "videoinput");
    if (facing === "user" || facing === "environment") {
      // A phone opens one camera at a time.
      this.holds.camera.choice++;
      this.release("camera");
      this.patch("camera", { deviceId: "", wanted: true });
      void this.acquire(["camera"], { facing: facing === "user" ? "environment" : "user" });
      return;
    }
    if (cameras.length < 2) return;
    const now = camera.track?.getSettings().deviceId ?? camera.deviceId;
    const next = cameras[(cameras.findIndex((d) => d.deviceId === now) + 1) % cameras.length];
    this.patch("camera", { wanted: true });
    if (next) this.choose("camera", next.deviceId);
  }

  /** Returns what went wrong; a user who changes their mind is nothing wrong. */
  async shareScreen(): Promise<MediaProblem | null> {
    const { stay } = this;
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 15, max: 30 } },
        audio: true,
      });
    } catch (error) {
      const problem = problemOf(error);
      return problem === "permission" ? null : problem;
    }
    const screen = stream.getVideoTracks()[0] ?? null;
    const screenAudio = stream.getAudioTracks()[0] ?? null;
    if (stay !== this.stay) {
      // The call has ended while the picker was open.
      screen?.stop();
      screenAudio?.stop();
      return null;
    }
    this.stopScreen();
    if (screen) {
      screen.contentHint = "detail";
      // Stopped by the browser's own bar, or its window was closed.
      screen.onended = () => {
        if (this.store.state.screen !== screen) return;
        this.stopScreen();
        this.news.onScreenEnded();
      };
    }
    this.store.set({ screen, screenAudio });
    return null;
  }

  stopScreen(): void {
    const { screen, screenAudio } = this.store.state;
    screen?.stop();
    screenAudio?.stop();
    this.store.set({ screen: null, screenAudio: null });
  }

  private hold(kind: DeviceKind): Hold {
    const interruption = new Interruption(this.clock, () => {
      if (this.store.state[kind].wanted) this.retry(kind);
    });
    return { use: null, chosenLabel: "", choice: 0, interruption };
  }

  private readonly onDevices = () => {
    void this.enqueue(async () => {
      const all = await this.listDevices();
      for (const kind of kinds) {
        const { wanted, problem } = this.store.state[kind];
        if (wanted && problem === "none" && hasAny(all, kind)) void this.acquire([kind], { moved: true });
      }
      await this.followDevices(true);
    });
  };

  // iOS takes devices away while a page is in the background, and for a phone call.
  private readonly onVisible = () => {
    if (this.closed) return;
    for (const kind of kinds) {
      const { interruption } = this.holds[kind];
      const { wanted, track, problem, interrupted } = this.store.state[kind];
      if (interrupted) {
        if (document.hidden) interruption.hidden();
        else interruption.shown();
      } else if (!document.hidden && wanted && !track && problem !== null && passing.includes(problem)) {
        void this.acquire([kind]);
      } else if (!document.hidden && wanted && !track && problem !== null) {
        // Not every browser tells that a permission has changed.
        void permission(kind).then((state) => {
          if (state === "granted") this.allowed(kind);
        });
      }
    }
  };

  /** The user has allowed it after all. */
  private allowed(kind: DeviceKind): void {
    const { wanted, track, pending } = this.store.state[kind];
    if (!this.closed && wanted && !track && !pending) void this.acquire([kind]);
  }

  private patch(kind: DeviceKind, patch: Partial<Device>): void {
    this.store.set({ [kind]: { ...this.store.state[kind], ...patch } });
  }

  private release(kind: DeviceKind): void {
    const { track } = this.store.state[kind];
    this.holds[kind].interruption.cancel();
    if (track) stop(track);
    this.patch(kind, { track: null, interrupted: false });
  }

  /** One request after the other: a second one would cancel the first. */
  private enqueue(run: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(run, run);
    return this.queue;
  }

  private acquire(asked: readonly DeviceKind[], { facing, moved = false }: { facing?: Facing; moved?: boolean } = {}): Promise<void> {
    return this.enqueue(async () => {
      const wanted = asked.filter((kind) => !this.store.state[kind].track);
      if (wanted.length === 0) return;
      const problem = mediaProblem();
      for (const kind of wanted) this.patch(kind, { pending: problem === null, problem });
      if (problem) return;
      const wish = (kind: DeviceKind): Wish => (facing ? { facing } : { deviceId: this.store.state[kind].deviceId || undefined });
      await this.request(new Map(wanted.map((kind) => [kind, wish(kind)])), moved);
      // What the others did meanwhile may have made another device right.
      await this.followDevices(moved);
    });
  }

  private async request(wishes: ReadonlyMap<DeviceKind, Wish>, moved: boolean): Promise<void> {
    const choices = { microphone: this.holds.microphone.choice, camera: this.holds.camera.choice };
    const got: DeviceKind[] = [];
    await capture(wishes, this.store.state.quality, (kind, result) => {
      if (this.take(kind, result, choices[kind])) got.push(kind);
    });
    await this.listDevices();
    const { devices } = this.store.state;
    for (const kind of got) {
      const { track } = this.store.state[kind];
      const use = useOf(devices, kind, track?.getSettings().deviceId, this.chosen(kind));
      const label = use.device?.label ?? track?.label ?? "";
      if (moved && label && label !== this.holds[kind].use?.device?.label) this.news.onMoved(kind, label);
      // Of two that were asked for together, one may have gone without its own for the other.
      this.holds[kind].use = { ...use, refused: use.refused && wishes.size === 1 };
    }
  }

  /** Returns whether there is a new track. */
  private take(kind: DeviceKind, result: MediaStreamTrack | MediaProblem, choice: number): boolean {
    const { wanted, track: before } = this.store.state[kind];
    if (typeof result === "string") {
      // A device that cannot be had leaves the one that is open.
      this.patch(kind, { pending: false, problem: before ? null : result });
      return false;
    }
    if (this.closed || choice !== this.holds[kind].choice || (kind === "camera" && !wanted)) {
      // The user thought better of it while the browser asked.
      result.stop();
      this.patch(kind, { pending: false });
      return false;
    }
    if (before) stop(before);
    this.follow(kind, result);
    this.patch(kind, { track: result, pending: false, problem: null, interrupted: result.muted });
    if (!result.muted) this.holds[kind].interruption.over();
    return true;
  }

  private follow(kind: DeviceKind, track: MediaStreamTrack): void {
    const { interruption } = this.holds[kind];
    if (kind === "microphone") track.enabled = this.store.state.microphone.wanted;
    else this.store.set({ mirrored: track.getSettings().facingMode !== "environment" });
    track.onmute = () => {
      interruption.silenced(document.hidden);
      this.patch(kind, { interrupted: true });
    };
    track.onunmute = () => {
      interruption.over();
      this.patch(kind, { interrupted: false });
    };
    track.onended = () => {
      // Unplugged, or taken by the system: try what else there is.
      this.patch(kind, { track: null, problem: "lost", interrupted: false });
      if (!document.hidden && this.store.state[kind].wanted) void this.acquire([kind], { moved: true });
    };
  }

  private chosen(kind: DeviceKind) {
    return chosenIn(this.store.state.devices, kind, this.store.state[kind].deviceId, this.holds[kind].chosenLabel);
  }

  /** Returns all devices, those included that may not be used yet. */
  private async listDevices(): Promise<MediaDeviceInfo[]> {
    let all: MediaDeviceInfo[] = [];
    try {
      all = await navigator.mediaDevices.enumerateDevices();
      // Without permission they have no names, and choosing makes no sense.
      this.store.set({ devices: all.filter((d) => d.deviceId !== "" && d.label !== "") });
    } catch {
      this.store.set({ devices: [] });
    }
    for (const kind of kinds) this.holds[kind].chosenLabel = this.chosen(kind)?.label ?? this.holds[kind].chosenLabel;
    return all;
  }

  /** Changes over to what is right with the devices that there are now. */
  private async followDevices(moved: boolean): Promise<void> {
    for (const kind of kinds) {
      const { use } = this.holds[kind];
      if (this.closed || !use || !this.store.state[kind].track) continue;
      const chosen = this.chosen(kind);
      // A device that has gone may open when it is back.
      if (!chosen) use.refused = false;
      const to = moveTo(this.store.state.devices, kind, use, chosen);
      if (!to) continue;
      const deviceId = to.deviceId === "default" ? undefined : to.deviceId;
      // A phone has one camera open at a time; and "default" stays what it was while it is open.
      if (kind === "camera" || !deviceId) this.release(kind);
      await this.request(new Map([[kind, { deviceId }]]), moved);
    }
  }
}

function stop(track: MediaStreamTrack): void {
  track.onended = track.onmute = track.onunmute = null;
  track.stop();
}
