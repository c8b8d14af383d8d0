// What counts as silence and as loud, in decibels of full scale.
const quiet = -60;
const loud = -12;
const interval = 60;

/** Loudness of samples in -1 … 1 as 0 (silence) to 1 (loud). */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const s of samples) sum += s * s;
  const decibels = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.max(0, Math.min(1, (decibels - quiet) / (loud - quiet)));
}

/** Measures a microphone some times a second, until it is closed. */
export class LevelMeter {
  private readonly context: AudioContext | null;
  private readonly timer: ReturnType<typeof setInterval> | undefined;

  constructor(track: MediaStreamTrack, onLevel: (level: number) => void) {
    if (!("AudioContext" in globalThis)) {
      this.context = null;
      return;
    }
    const context = new AudioContext();
    this.context = context;
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    try {
      context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    } catch {
      // Firefox joins no two sample rates; Bluetooth has one of its own (jitsi/jitsi-meet#8209).
      return;
    }
    const samples = new Float32Array(analyser.fftSize);
    let shown = 0;
    this.timer = setInterval(() => {
      if (context.state !== "running") return;
      analyser.getFloatTimeDomainData(samples);
      // Up at once, down slowly: easier on the eye.
      shown = Math.max(levelOf(samples), shown * 0.85);
      onLevel(shown);
    }, interval);
    // Browsers may want a gesture before sound is worked on.
    for (const type of gestures) addEventListener(type, this.wake);
  }

  close(): void {
    clearInterval(this.timer);
    for (const type of gestures) removeEventListener(type, this.wake);
    this.context?.close().catch(() => {});
  }

  private readonly wake = () => {
    // iOS has a third state, "interrupted", of a phone call (Tonejs/Tone.js#767).
    if (this.context?.state !== "running") this.context?.resume().catch(() => {});
  };
}

const gestures = ["pointerdown", "keydown"] as const;
