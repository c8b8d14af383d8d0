/** Why a camera, a microphone or a screen cannot be had. */
export type MediaProblem =
  /** The browser keeps it from this page. */
  | "permission"
  /** The user closed the browser's question, and may be asked again. */
  | "dismissed"
  /** The system keeps it from the browser. */
  | "system"
  /** The page that this one is in, or whoever manages the device, keeps it from it. */
  | "policy"
  | "none"
  | "busy"
  | "insecure"
  | "unsupported"
  | "lost"
  | "failed";

// What only the user can change, not another try by itself.
const refusals: readonly MediaProblem[] = ["permission", "dismissed", "system", "policy"];

export type DeviceKind = "microphone" | "camera";
export type VideoQuality = "standard" | "saving";
export type Facing = "user" | "environment";

/** Which device of a kind is asked for; without anything, the browser's choice. */
export interface Wish {
  deviceId?: string;
  facing?: Facing;
}

export const sizes: Record<VideoQuality, MediaTrackConstraints> = {
  standard: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
  saving: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 20, max: 20 } },
};

// How long a browser that need not ask the user may take to open a device.
const openTime = 15_000;

/** Which problem an error of getUserMedia or getDisplayMedia means. */
export function problemOf(error: unknown): MediaProblem {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
    case "PermissionDeniedError":
      // Chromium names the reason there only.
      if (/by system/i.test((error as Error).message)) return "system";
      return /policy/i.test((error as Error).message) ? "policy" : "permission";
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

/**
 * Asks for devices of some kinds, all at once where that goes. got is called once for
 * each kind, with its track or with what went wrong.
 */
export async function capture(
  wishes: ReadonlyMap<DeviceKind, Wish>,
  quality: VideoQuality,
  got: (kind: DeviceKind, result: MediaStreamTrack | MediaProblem) => void,
): Promise<void> {
  const kinds = [...wishes.keys()];
  const give = (stream: MediaStream) => {
    for (const kind of kinds) got(kind, (kind === "camera" ? stream.getVideoTracks() : stream.getAudioTracks())[0] ?? "none");
  };
  let error: unknown;
  try {
    give(await open(kinds, constraints(wishes, quality)));
    return;
  } catch (e) {
    error = e;
  }
  const problem = problemOf(error);
  // The chosen device may be another one's by now, or unplugged.
  const any = new Map(kinds.map((kind) => [kind, {}]));
  if (!refusals.includes(problem) && [...wishes.values()].some((wish) => wish.deviceId ?? wish.facing)) {
    try {
      give(await open(kinds, constraints(any, quality)));
      return;
    } catch (e) {
      error = e;
    }
  }
  if (kinds.length === 1) {
    for (const kind of kinds) got(kind, await refined(kind, problemOf(error)));
    return;
  }
  // One of the two may be there all the same.
  const possible = refusals.includes(problem) ? await notDenied(kinds) : kinds;
  for (const [kind, wish] of wishes) {
    if (possible.includes(kind)) await capture(new Map([[kind, wish]]), quality, got);
    else got(kind, await refined(kind, problem));
  }
}

function constraints(wishes: ReadonlyMap<DeviceKind, Wish>, quality: VideoQuality): MediaStreamConstraints {
  const microphone = wishes.get("microphone");
  const camera = wishes.get("camera");
  const id = (wish: Wish) => (wish.deviceId && !wish.facing ? { deviceId: { exact: wish.deviceId } } : {});
  return {
    audio: microphone ? { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...id(microphone) } : false,
    video: camera
      ? {
          ...sizes[quality],
          ...(camera.facing ? { facingMode: { exact: camera.facing } } : camera.deviceId ? {} : { facingMode: "user" }),
          ...id(camera),
        }
      : false,
  };
}

/**
 * getUserMedia, which some browsers never answer (element-hq/element-call#1340,
 * nextcloud/spreed#1858). Where the user is asked, it may take as long as they like.
 */
async function open(kinds: DeviceKind[], wanted: MediaStreamConstraints): Promise<MediaStream> {
  const answer = navigator.mediaDevices.getUserMedia(wanted);
  const settled = answer.then(
    () => true,
    () => true,
  );
  for (const kind of kinds) if ((await Promise.race([settled, permission(kind)])) !== "granted") return answer;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), openTime);
  });
  const inTime = await Promise.race([settled, late]);
  clearTimeout(timer);
  if (inTime) return answer;
  answer.then(
    (stream) => {
      for (const track of stream.getTracks()) track.stop();
    },
    () => {},
  );
  throw new DOMException("the browser does not answer", "AbortError");
}

/** What the browser says of the permission; undefined where it does not tell. */
async function status(kind: DeviceKind): Promise<PermissionStatus | undefined> {
  try {
    return await navigator.permissions.query({ name: kind });
  } catch {
    return undefined;
  }
}

export async function permission(kind: DeviceKind): Promise<PermissionState | undefined> {
  return (await status(kind))?.state;
}

/** Calls back whenever the user has given the permission after all. */
export async function watchPermission(kind: DeviceKind, given: () => void): Promise<void> {
  const it = await status(kind);
  it?.addEventListener("change", () => {
    if (it.state === "granted") given();
  });
}

interface Policies {
  permissionsPolicy?: { allowsFeature(name: string): boolean };
  featurePolicy?: { allowsFeature(name: string): boolean };
}

/** Tells refusals apart, which have one error in most browsers. */
async function refined(kind: DeviceKind, problem: MediaProblem): Promise<MediaProblem> {
  if (problem !== "permission") return problem;
  const policies = document as Policies;
  const policy = policies.permissionsPolicy ?? policies.featurePolicy;
  if (policy && !policy.allowsFeature(kind)) return "policy";
  return (await permission(kind)) === "prompt" ? "dismissed" : problem;
}

/** Those of the devices that the user has not refused. */
async function notDenied(kinds: DeviceKind[]): Promise<DeviceKind[]> {
  const possible: DeviceKind[] = [];
  for (const kind of kinds) {
    const state = await permission(kind);
    // A browser that cannot tell would only ask again.
    if (state && state !== "denied") possible.push(kind);
  }
  // When none is denied for good, the question itself was turned away.
  return possible.length === kinds.length ? [] : possible;
}
