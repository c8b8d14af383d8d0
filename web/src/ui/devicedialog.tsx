import type { JSX } from "preact";
import { codecName, sendableCodecs } from "../call/codecs";
import type { VideoCodec } from "../call/encodings";
import type { VideoQuality } from "../call/capture";
import { useApp, useStore } from "./context";
import { Dialog } from "./controls";
import { OwnFields } from "./ownpicture";
import { DeviceFields, LevelBar, Select } from "./devices";

/** The dialog with everything about devices. */
export function DeviceDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const { call, media } = useApp();
  const viewOnly = useStore(call.store, (s) => s.viewOnly);
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
        {!viewOnly && <OwnFields />}
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
