import type { JSX } from "preact";
import { accessName, type RoomSection } from "./rooms";
import { Cell, Changes } from "./section";

interface Props {
  rooms: readonly RoomSection[];
  /** Who may enter the others. */
  others: string;
  /** Why nothing can be changed; empty if it can. */
  fixed: string;
  onAdd: () => void;
  onEdit: (room: RoomSection) => void;
  onRemove: (room: RoomSection) => void;
}

/** The rooms with rules of their own, and what can be done with them. */
export function RoomsView({ rooms, others, fixed, onAdd, onEdit, onRemove }: Props): JSX.Element {
  return (
    <section aria-labelledby="rooms">
      <header class="section-head">
        <h2 id="rooms">Rooms</h2>
        {!fixed && (
          <button type="button" class="button button-main" onClick={onAdd}>
            Add a room
          </button>
        )}
      </header>
      <p class="hint">These rooms have rules of their own. Every other name is a room as well, with the rule of the settings: {accessName(others).toLowerCase()}.</p>
      {rooms.length === 0 ? (
        <p class="card empty">No room has rules of its own yet.</p>
      ) : (
        <div class="table trunk-table">
          <table role="table" aria-labelledby="rooms">
            <thead role="rowgroup">
              <tr role="row">
                {["Room", "Who may enter", "In it now", "At most"].map((c) => (
                  <th key={c} role="columnheader" scope="col">
                    {c}
                  </th>
                ))}
                <th role="columnheader" scope="col">
                  <span class="heard">Change</span>
                </th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {rooms.map((room) => (
                <tr key={room.name} role="row" data-room={room.name}>
                  <th role="rowheader" scope="row">
                    {/* eslint-disable-next-line html/sinks -- below sfu/, whatever the name */}
                    <a class="trunk-name" href={`sfu/${encodeURIComponent(room.name)}`}>
                      {room.name}
                    </a>
                  </th>
                  <Cell name="Who may enter" words={accessName(room.access)} />
                  <Cell name="In it now" words={room.participants > 0 ? String(room.participants) : "nobody"} />
                  <Cell name="At most" words={room.maxParticipants > 0 ? String(room.maxParticipants) : "no limit"} />
                  <Changes name={room.name} variables={[]} fixed={fixed !== ""} onEdit={() => onEdit(room)} onRemove={() => onRemove(room)} />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
