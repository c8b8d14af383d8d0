import { Store } from "../state/store";
import type { VideoCodec } from "./encodings";

/** Why a camera, a microphone or a screen cannot be had. */
export type MediaProblem = "permission" | "none" | "busy" | "insecure" | "unsupported" | "lost" | "failed";

export type DeviceKind = "microphone" | "camera";

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

export type VideoQuality = "standard" | "saving";

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

const sizes: Record<VideoQuality, MediaTrackConstraints> = {
  standard: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
  saving: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 20, max: 20 } },
};

/** Bits per second for a picture of each quality. */
export const bitRates: Record<VideoQuality, { camera: number; screen: number }> = {
  standard: { camera: 1_500_000, screen: 2_500_000 },
  saving: { camera: 400_000, screen: 1_000_000 },
};

/** Which problem an error of getUserMedia or getDisplayMedia means. */
export function problemOf(error: unknown): MediaProblem {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
    case "PermissionDeniedError":
      return "permission";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "none";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    case "TypeError":
    case "NotSupportedError":
      return "unsupported";
  }
  return "failed";
}

/** Can this page have a camera and a microphone at all? */
export function mediaProblem(): MediaProblem | null {
  if (!window.isSecureContext) return "insecure";
  return "mediaDevices" in navigator ? null : "unsupported";
}

export function canShareScreen(): boolean {
  return mediaProblem() === null && "getDisplayMedia" in navigator.mediaDevices;
}

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

/**
 * LocalMedia is the own camera, microphone and screen. A muted microphone
 * stays open, so that it is back at once; a camera that is off is closed, so
 * that its light is out.
 */
export class LocalMedia {
  readonly store: Store<Media>;
  private queue: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(kept: Kept) {
    const device = (wanted: boolean, deviceId: string): Device => ({
      wanted,
      track: null,
      problem: null,
      pending: false,
      deviceId,
      interrupted: false,
    });
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
    }
  }

  /** Asks for what is wanted of the microphone and the camera. */
  open(): Promise<void> {
    this.closed = false;
    const kinds: DeviceKind[] = ["microphone", "camera"];
    return this.acquire(kinds.filter((kind) => this.store.state[kind].wanted));
  }

  /** Closes everything. It can be opened again. */
  close(): void {
    this.closed = true;
    this.stopScreen();
    for (const kind of ["microphone", "camera"] as const) this.release(kind);
  }

  toggleMicrophone(): void {
    const { wanted, track } = this.store.state.microphone;
    this.patch("microphone", { wanted: !wanted });
    if (track) track.enabled = !wanted;
    else if (!wanted) void this.acquire(["microphone"]);
  }

  toggleCamera(): void {
    const { wanted } = this.store.state.camera;
    this.patch("camera", { wanted: !wanted });
    if (wanted) this.release("camera");
    else void this.acquire(["camera"]);
  }

  /** Asks once more for what could not be had. */
  retry(kind: DeviceKind): void {
    void this.acquire([kind]);
  }

  choose(kind: DeviceKind, deviceId: string): void {
    this.patch(kind, { deviceId });
    if (kind === "camera" && !this.store.state.camera.wanted) return;
    this.release(kind);
    void this.acquire([kind]);
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
      this.release("camera");
      this.patch("camera", { deviceId: "", wanted: true });
      void this.acquire(["camera"], facing === "user" ? "environment" : "user");
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
    if (screen) {
      screen.contentHint = "detail";
      // Stopped by the browser's own bar.
      screen.onended = () => this.stopScreen();
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

  private readonly onDevices = () => void this.listDevices();

  // iOS takes devices away while a page is in the background.
  private readonly onVisible = () => {
    if (document.hidden || this.closed) return;
    for (const kind of ["microphone", "camera"] as const) {
      const { wanted, track, problem } = this.store.state[kind];
      if (wanted && problem === "lost" && !track) void this.acquire([kind]);
    }
  };

  private patch(kind: DeviceKind, patch: Partial<Device>): void {
    this.store.set({ [kind]: { ...this.store.state[kind], ...patch } });
  }

  private release(kind: DeviceKind): void {
    const { track } = this.store.state[kind];
    if (track) {
      track.onended = track.onmute = track.onunmute = null;
      track.stop();
    }
    this.patch(kind, { track: null, interrupted: false });
  }

  /** One request after the other: a second one would cancel the first. */
  private acquire(kinds: DeviceKind[], facing?: "user" | "environment"): Promise<void> {
    const run = async () => {
      const wanted = kinds.filter((kind) => !this.store.state[kind].track);
      if (wanted.length === 0) return;
      const problem = mediaProblem();
      for (const kind of wanted) this.patch(kind, { pending: problem === null, problem });
      if (problem) return;
      await this.request(wanted, facing);
      await this.listDevices();
    };
    this.queue = this.queue.then(run, run);
    return this.queue;
  }

  private async request(kinds: DeviceKind[], facing?: "user" | "environment"): Promise<void> {
    let error: unknown;
    try {
      this.take(kinds, await navigator.mediaDevices.getUserMedia(this.constraints(kinds, facing, true)));
      return;
    } catch (e) {
      error = e;
    }
    const problem = problemOf(error);
    // The chosen device may be another one's by now, or unplugged.
    const chosen = kinds.some((kind) => this.store.state[kind].deviceId !== "") || facing !== undefined;
    if (problem !== "permission" && chosen) {
      try {
        this.take(kinds, await navigator.mediaDevices.getUserMedia(this.constraints(kinds, undefined, false)));
        return;
      } catch (e) {
        error = e;
      }
    }
    // One of the two may be there all the same.
    if (kinds.length > 1) {
      const possible = problem === "permission" ? await notDenied(kinds) : kinds;
      for (const kind of kinds) {
        if (possible.includes(kind)) await this.request([kind], facing);
        else this.patch(kind, { pending: false, problem });
      }
      return;
    }
    for (const kind of kinds) this.patch(kind, { pending: false, problem: problemOf(error) });
  }

  private constraints(kinds: DeviceKind[], facing: "user" | "environment" | undefined, exact: boolean): MediaStreamConstraints {
    const { microphone, camera, quality } = this.store.state;
    const id = (deviceId: string) => (exact && deviceId && !facing ? { deviceId: { exact: deviceId } } : {});
    return {
      audio: kinds.includes("microphone") && {
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        ...id(microphone.deviceId),
      },
      video: kinds.includes("camera") && {
        ...sizes[quality],
        ...(facing ? { facingMode: { exact: facing } } : camera.deviceId ? {} : { facingMode: "user" }),
        ...id(camera.deviceId),
      },
    };
  }

  private take(kinds: DeviceKind[], stream: MediaStream): void {
    for (const kind of kinds) {
      const track = (kind === "camera" ? stream.getVideoTracks() : stream.getAudioTracks())[0] ?? null;
      const { wanted } = this.store.state[kind];
      if (this.closed || (kind === "camera" && !wanted)) {
        // The user thought better of it while the browser asked.
        track?.stop();
        this.patch(kind, { pending: false });
        continue;
      }
      if (track) this.follow(kind, track);
      this.patch(kind, { track, pending: false, problem: null, interrupted: track?.muted ?? false });
    }
  }

  private follow(kind: DeviceKind, track: MediaStreamTrack): void {
    if (kind === "microphone") track.enabled = this.store.state.microphone.wanted;
    else this.store.set({ mirrored: track.getSettings().facingMode !== "environment" });
    track.onmute = () => this.patch(kind, { interrupted: true });
    track.onunmute = () => this.patch(kind, { interrupted: false });
    track.onended = () => {
      // Unplugged, or taken by the system: try what else there is.
      this.patch(kind, { track: null, problem: "lost", interrupted: false });
      if (!document.hidden && this.store.state[kind].wanted) void this.acquire([kind]);
    };
  }

  private async listDevices(): Promise<void> {
    try {
      const devices = await navigator.mediaDevices.enumerateDevices();
      // Without permission they have no names, and choosing makes no sense.
      this.store.set({ devices: devices.filter((d) => d.deviceId !== "" && d.label !== "") });
    } catch {
      this.store.set({ devices: [] });
    }
    for (const kind of ["microphone", "camera"] as const) {
      const { wanted, problem, track, pending } = this.store.state[kind];
      const input = kind === "camera" ? "videoinput" : "audioinput";
      const there = this.store.state.devices.some((d) => d.kind === input);
      if (wanted && !track && !pending && there && problem === "none") void this.acquire([kind]);
    }
  }
}

/** Those of the devices that the user has not refused. */
async function notDenied(kinds: DeviceKind[]): Promise<DeviceKind[]> {
  const possible: DeviceKind[] = [];
  for (const kind of kinds) {
    try {
      const { state } = await navigator.permissions.query({ name: kind });
      if (state !== "denied") possible.push(kind);
    } catch {
      // A browser that cannot tell would only ask again.
    }
  }
  // When none is denied for good, the question itself was turned away.
  return possible.length === kinds.length ? [] : possible;
}
