import type { ComponentChildren, JSX } from "preact";
import {
  amount,
  layerWords,
  memoryLimits,
  millis,
  num,
  percent,
  plain,
  rate,
  size,
  span,
  taken,
  takers,
  totals,
  type LimitStatus,
  type ParticipantStatus,
  type PeerConnectionStatus,
  type RoomStatus,
  type Status,
  type SubscriptionStatus,
  type TrackStatus,
} from "./model";
import { isolate } from "../ui/isolate";
import { Cameras } from "./cameras";
import { Topology } from "./picture";
import { Reach } from "./reach";

/** Everything about the node at one moment. */
export function StatusView({ status }: { status: Status }): JSX.Element {
  const t = totals(status);
  const rooms = status.rooms ?? [];
  const memory = status.process ?? {};
  const most = num(memory.memoryMostNeededBytes);
  return (
    <>
      <dl class="figures">
        <Figure name="Rooms">{rooms.length}</Figure>
        <Figure name="Participants">{t.participants}</Figure>
        <Figure name="Tracks">{t.tracks}</Figure>
        <Figure name="Coming in">{rate(t.incoming)}</Figure>
        <Figure name="Going out">{rate(t.outgoing)}</Figure>
        <Figure name="Memory">
          {size(num(memory.memoryNeededBytes))} {most > 0 && <span class="quiet">of {size(most)}</span>}
        </Figure>
        <Figure name="Running for">{span(num(status.nowMs) - num(status.startedAtMs))}</Figure>
        <Figure name="Version">{status.version ?? "–"}</Figure>
      </dl>
      {memory.shortOfMemory ? (
        <p class="card short-of-memory" role="status">
          Nobody else can join: {memory.shortOfMemoryReason}.
        </p>
      ) : (
        <p class="quiet">{memoryLimits(memory)}</p>
      )}
      <Reach urls={status.urls ?? []} problems={status.problems ?? []} />
      <Topology status={status} />
      <Cameras status={status} />
      <Limits list={status.limits ?? []} />
      {rooms.length === 0 && <p class="card empty">No room is open. Rooms open when somebody joins, and close behind the last one.</p>}
      {rooms.map((room) => (
        <Room key={room.name} room={room} now={num(status.nowMs)} />
      ))}
    </>
  );
}

/** What the node takes no more of than so much. */
function Limits({ list }: { list: LimitStatus[] }): JSX.Element | null {
  if (list.length === 0) return null;
  return (
    <section aria-labelledby="limits">
      <h2 id="limits">Limits</h2>
      <Table label="Limits of the node" words={1} head={["What", "In use", "At most", "Refused"]}>
        {list.map((l) => (
          <tr key={l.name}>
            <th scope="row" class="words">
              {l.description}
            </th>
            <td class="number">{amount(l.used, l.unit)}</td>
            <td class="number">{num(l.most) > 0 ? amount(l.most, l.unit) : "–"}</td>
            <td class="number">{num(l.refused).toLocaleString()}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Figure({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Room({ room, now }: { room: RoomStatus; now: number }): JSX.Element {
  const participants = room.participants ?? [];
  const owners: Owners = new Map();
  for (const p of participants) {
    for (const track of p.tracks ?? []) owners.set(track.id ?? "", { name: `${isolate(nameOf(p))}, ${sourceOf(track)}`, track });
  }
  return (
    <section aria-labelledby={`room-${room.name ?? ""}`}>
      <h2 id={`room-${room.name ?? ""}`}>
        Room{" "}
        {/* eslint-disable-next-line html/sinks -- it begins with sfu/ */}
        <a href={`sfu/${encodeURIComponent(room.name ?? "")}`}>
          <bdi>{room.name}</bdi>
        </a>{" "}
        <span class="quiet">
          {participants.length === 1 ? "1 participant" : `${participants.length} participants`}, open for {span(now - num(room.openedAtMs))}
        </span>
      </h2>
      {participants.map((p) => (
        <Participant key={p.id} participant={p} room={room.name ?? ""} owners={owners} now={now} />
      ))}
    </section>
  );
}

type Owners = Map<string, { name: string; track: TrackStatus }>;

const nameOf = (p: ParticipantStatus) => p.name ?? (p.viewOnly ? "A viewer" : "Nameless");
const sourceOf = (t: TrackStatus) => plain(t.source, "TRACK_SOURCE") || plain(t.kind, "TRACK_KIND");

function Participant({ participant: p, room, owners, now }: { participant: ParticipantStatus; room: string; owners: Owners; now: number }): JSX.Element {
  const quality = plain(p.quality, "QUALITY_LEVEL");
  const about = [
    plain(p.kind, "PARTICIPANT_KIND") + (p.viewOnly ? ", just watching" : ""),
    p.nodeName && `at ${p.nodeName}`,
    p.address,
    `here for ${span(now - num(p.joinedAtMs))}`,
    p.id,
  ].filter(Boolean);
  const name = encodeURIComponent(p.lastingName ?? "").replaceAll("%40", "@");
  // Two people may have one name; what they are called for screen readers differs.
  const who = `${nameOf(p)}, ${p.id ?? ""}`;
  return (
    <article class="card participant" aria-label={who}>
      <header class="participant-head">
        <h3>
          <bdi>{nameOf(p)}</bdi>
        </h3>
        {quality && <span class={`tag tag-${quality}`}>{quality}</span>}
        <p class="quiet">{about.join(" · ")}</p>
        {name && (
          <p class="quiet addresses">
            WHEP: <code>whep/{encodeURIComponent(room)}/{name}</code>
            {p.kind === "PARTICIPANT_KIND_CAMERA" && (
              <>
                {" · "}
                {/* eslint-disable-next-line html/sinks -- below snapshot/, whatever the name */}
                <a href={`snapshot/${name}.jpg`}>Snapshot</a>
              </>
            )}
          </p>
        )}
      </header>
      <ul class="connections">
        {(p.peerConnections ?? []).map((c) => (
          <Connection key={c.role} connection={c} />
        ))}
      </ul>
      {(p.tracks ?? []).length > 0 && <Tracks name={who} tracks={p.tracks ?? []} />}
      {(p.subscriptions ?? []).length > 0 && <Subscriptions name={who} list={p.subscriptions ?? []} owners={owners} />}
    </article>
  );
}

function Connection({ connection: c }: { connection: PeerConnectionStatus }): JSX.Element {
  const state = c.state ?? "new";
  const details = [
    c.iceState && `ICE ${c.iceState}`,
    c.signalingState && `signalling ${c.signalingState}`,
    c.remoteAddress && `${c.remoteAddress}${c.protocol ? ` (${c.protocol})` : ""}`,
    c.srtpProfile,
    num(c.availableBitsPerSecond) > 0 && `${rate(num(c.availableBitsPerSecond))} available`,
  ].filter(Boolean);
  return (
    <li>
      <strong>{c.role}</strong> <span class={`tag tag-${state}`}>{state}</span>{" "}
      <span class="quiet">{details.join(" · ")}</span>
    </li>
  );
}

function Table({ label, head, words, children }: { label: string; head: string[]; words: number; children: ComponentChildren }): JSX.Element {
  return (
    <div class="table" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((h, i) => (
              <th key={h} scope="col" class={i >= words ? "number" : ""}>
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function Tracks({ name, tracks }: { name: string; tracks: TrackStatus[] }): JSX.Element {
  return (
    <Table
      label={`Tracks of ${name}`}
      words={3}
      head={["Publishes", "Codec", "Layer", "Taken by", "Rate", "Packets", "Data", "Lost", "Keyframes", "Requests (held back)"]}
    >
      {tracks.flatMap((track) =>
        (track.layers ?? [{}]).map((layer, i) => (
          <tr key={`${track.id ?? ""} ${layer.ssrc ?? i}`}>
            <th scope="row">
              {sourceOf(track)}
              {track.muted && <span class="quiet"> (muted)</span>}
            </th>
            <td>{(track.codec ?? "").replace(/^\w+\//, "")}</td>
            <td>{layerWords(layer)}</td>
            <td class="number">{takers(track, layer)}</td>
            <td class="number">{rate(num(layer.bitsPerSecond))}</td>
            <td class="number">{num(layer.packets).toLocaleString()}</td>
            <td class="number">{size(num(layer.bytes))}</td>
            <td class="number">{num(layer.lost).toLocaleString()}</td>
            <td class="number">{num(layer.keyframes)}</td>
            <td class="number">
              {num(layer.keyframeRequests)} ({num(layer.keyframeRequestsHeld)})
            </td>
          </tr>
        )),
      )}
    </Table>
  );
}

function Subscriptions({ name, list, owners }: { name: string; list: SubscriptionStatus[]; owners: Owners }): JSX.Element {
  return (
    <Table
      label={`What ${name} receives`}
      words={2}
      head={["Receives", "Layer", "Rate", "Packets", "Data", "Loss", "Round trip", "Jitter", "NACKs (sent again)", "Keyframe requests"]}
    >
      {list.map((s) => (
        <tr key={`${s.mid ?? ""} ${s.trackId ?? ""}`}>
          <th scope="row" class="owner">
            {owners.get(s.trackId ?? "")?.name ?? s.trackId}
          </th>
          <td>{taken(s, owners.get(s.trackId ?? "")?.track)}</td>
          <td class="number">{rate(num(s.bitsPerSecond))}</td>
          <td class="number">{num(s.packets).toLocaleString()}</td>
          <td class="number">{size(num(s.bytes))}</td>
          <td class="number">{percent(s.loss ?? 0)}</td>
          <td class="number">{millis(s.roundTripMs ?? 0)}</td>
          <td class="number">{millis(s.jitterMs ?? 0)}</td>
          <td class="number">
            {num(s.nacks)} ({num(s.retransmissions)})
          </td>
          <td class="number">{num(s.keyframeRequests)}</td>
        </tr>
      ))}
    </Table>
  );
}
