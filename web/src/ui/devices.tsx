import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { codecName, sendableCodecs } from "../call/codecs";
import type { VideoCodec } from "../call/encodings";
import type { VideoQuality } from "../call/media";
import { LevelMeter } from "../call/level";
import { useApp, useStore } from "./context";
import { Dialog } from "./controls";
import { Icon } from "./icons";

const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

interface SelectProps {
  label: string;
  value: string;
  options: { id: string; name: string }[];
  onChange: (id: string) => void;
}

function Select(p: SelectProps): JSX.Element {
  return (
    <label class="field">
      <span class="field-label">{p.label}</span>
      <select class="input" value={p.value} onChange={(event) => p.onChange(event.currentTarget.value)}>
        {p.options.map((o) => (
          <option key={o.id} value={o.id} selected={o.id === p.value}>
            {o.name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Choice of camera, microphone and speaker, as far as there is any. */
export function DeviceFields(): JSX.Element | null {
  const { media } = useApp();
  const m = useStore(media.store, (s) => s);
  const of = (kind: MediaDeviceKind) =>
    m.devices.filter((d) => d.kind === kind).map((d) => ({ id: d.deviceId, name: d.label }));
  const cameras = of("videoinput");
  const microphones = of("audioinput");
  const speakers = of("audiooutput");
  const used = (device: { track: MediaStreamTrack | null; deviceId: string }) =>
    device.track?.getSettings().deviceId ?? device.deviceId;
  return (
    <>
      {cameras.length > 0 && (
        <Select label="Camera" value={used(m.camera)} options={cameras} onChange={(id) => media.choose("camera", id)} />
      )}
      {microphones.length > 0 && (
        <Select
          label="Microphone"
          value={used(m.microphone)}
          options={microphones}
          onChange={(id) => media.choose("microphone", id)}
        />
      )}
      {canChooseSpeaker && speakers.length > 0 && (
        <Select label="Speaker" value={m.speakerId} options={withDefault(speakers)} onChange={(id) => media.chooseSpeaker(id)} />
      )}
    </>
  );
}

function withDefault(speakers: { id: string; name: string }[]): { id: string; name: string }[] {
  return speakers.some((s) => s.id === "default") ? speakers.map((s) => (s.id === "default" ? { ...s, id: "" } : s)) : [{ id: "", name: "System default" }, ...speakers];
}

/** The dialog with everything about devices. */
export function DeviceDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const { media } = useApp();
  const quality = useStore(media.store, (s) => s.quality);
  const codec = useStore(media.store, (s) => s.codec);
  const codecs = sendableCodecs();
  const none = useStore(media.store, (s) => s.devices.length === 0);
  return (
    <Dialog title="Devices" onClose={onClose}>
      {none && <p>The browser names no devices until this page may use the camera or the microphone.</p>}
      <div class="stack">
        <DeviceFields />
        <LevelBar />
        <Select
          label="Picture that you send"
          value={quality}
          options={[
            { id: "standard", name: "Standard, up to 720p" },
            { id: "saving", name: "Save data, up to 360p" },
          ]}
          onChange={(id) => media.chooseQuality(id as VideoQuality)}
        />
        {codecs.length > 1 && (
          <div>
            <Select
              label="Video codec"
              value={codec}
              options={[{ id: "", name: "Automatic" }, ...codecs.map((id) => ({ id, name: codecName(id) }))]}
              onChange={(id) => media.chooseCodec(id as VideoCodec)}
            />
            <p class="hint">Those whose browser cannot play it see words instead of your picture.</p>
          </div>
        )}
      </div>
    </Dialog>
  );
}

/** How loud the own microphone is, as a bar that moves. */
export function LevelBar(): JSX.Element | null {
  const { media } = useApp();
  const track = useStore(media.store, (s) => (s.microphone.wanted ? s.microphone.track : null));
  const fill = useRef<HTMLDivElement>(null);
  const [runs, setRuns] = useState(false);
  useEffect(() => {
    setRuns(false);
    if (!track) return;
    const meter = new LevelMeter(track, (level) => {
      setRuns(true);
      if (fill.current) fill.current.style.transform = `scaleX(${level.toFixed(3)})`;
    });
    return () => meter.close();
  }, [track]);
  if (!track) return null;
  return (
    <div class={`level ${runs ? "" : "level-idle"}`} aria-hidden="true">
      <Icon name="microphone" />
      <div class="level-bar">
        <div class="level-fill" ref={fill} />
      </div>
    </div>
  );
}
