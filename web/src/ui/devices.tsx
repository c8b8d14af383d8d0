import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { LevelMeter } from "../call/level";
import { useApp, useStore } from "./context";
import { Icon } from "./icons";

const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

interface SelectProps {
  label: string;
  value: string;
  options: { id: string; name: string }[];
  onChange: (id: string) => void;
}

export function Select(p: SelectProps): JSX.Element {
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
