import { watchSleep } from "../call/awake";
import type { DeviceKind } from "../call/capture";
import { systemClock } from "../call/clock";
import { Delivery, givenBy } from "../call/delivery";
import type { App } from "./app";

const kinds: DeviceKind[] = ["microphone", "camera"];

/** Looks after sleeps and interruptions while a call lasts. Returns what ends that. */
export function lookAfter({ call, media }: App): () => void {
  const delivery = new Delivery({
    clock: systemClock,
    media: () => media.store.state,
    given: () => givenBy(call.publishPC),
    reopen: (kind) => media.retry(kind),
  });
  const endSleep = watchSleep(systemClock, () => {
    call.retryNow();
    for (const kind of kinds) delivery.suspect(kind);
  });
  let was = media.store.state;
  const endMedia = media.store.subscribe(() => {
    const is = media.store.state;
    for (const kind of kinds) {
      if (was[kind].interrupted && !is[kind].interrupted) delivery.suspect(kind);
      if (!was[kind].wanted && is[kind].wanted) delivery.turnedOn();
    }
    was = is;
  });
  return () => {
    endSleep();
    endMedia();
    delivery.close();
  };
}
