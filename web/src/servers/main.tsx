import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "../styles/servers.css";
import { PageHead } from "../status/head";
import { load, usePolled } from "../status/poll";
import { CameraForm } from "./cameraform";
import type { Camera, CameraDraft } from "./cameras";
import { CamerasView } from "./cameratable";
import { FindCameras } from "./found";
import { TrunkForm } from "./form";
import { InvitationDialog } from "./invitationform";
import type { KnownInvitation } from "./invitations";
import { InvitationsView, RevokeQuestion } from "./invitationtable";
import type { Servers, Trunk } from "./model";
import { RoomForm } from "./roomform";
import { accessName, type RoomSection } from "./rooms";
import { RoomsView } from "./roomtable";
import { RemoveQuestion, type Section } from "./section";
import { Reach } from "../status/reach";
import { ServersView } from "./view";

const interval = 2000;
const saidTime = 10_000;
const ask = () =>
  load<Servers>("servers", "The node shows this page to the machine it runs on only, opened by localhost or an address.");

type Open =
  | { kind: "trunk"; trunk: Trunk | null }
  | { kind: "camera"; camera: Camera | null; found: Partial<CameraDraft> }
  | { kind: "room"; room: RoomSection | null }
  | { kind: "remove"; word: Section["word"]; name: string }
  | { kind: "find" }
  | { kind: "invitation" }
  | { kind: "revoke"; invitation: KnownInvitation }
  | null;

function Page() {
  const { value: servers, problem, refresh } = usePolled(ask, interval);
  const [open, setOpen] = useState<Open>(null);
  const [said, setSaid] = useState("");
  // What was done is no news for long.
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(""), saidTime);
    return () => clearTimeout(timer);
  }, [said]);
  const close = () => setOpen(null);
  const saved = (words: string) => {
    setOpen(null);
    setSaid(words);
    void refresh();
  };
  const show = (next: Open) => {
    setSaid("");
    setOpen(next);
  };
  return (
    <main class={`status servers ${problem && servers ? "stale" : ""}`}>
      <PageHead title="Umbrella servers" problem={problem} loaded={servers !== null} other="status" login={servers?.login ?? false} />
      <p class={said ? "said" : "heard"} role="status">
        {said}
      </p>
      {servers && (
        <>
          <Reach urls={servers.urls} problems={servers.problems} />
          <ServersView
            servers={servers}
            onAdd={() => show({ kind: "trunk", trunk: null })}
            onEdit={(trunk) => show({ kind: "trunk", trunk })}
            onRemove={({ name }) => show({ kind: "remove", word: "trunk", name })}
          />
          <CamerasView
            cameras={servers.cameras}
            now={servers.nowMs}
            fixed={servers.settings.problem}
            onAdd={() => show({ kind: "camera", camera: null, found: {} })}
            onFind={() => show({ kind: "find" })}
            onEdit={(camera) => show({ kind: "camera", camera, found: {} })}
            onRemove={({ name }) => show({ kind: "remove", word: "camera", name })}
          />
          <RoomsView
            rooms={servers.rooms}
            others={servers.otherRooms}
            fixed={servers.settings.problem}
            onAdd={() => show({ kind: "room", room: null })}
            onEdit={(room) => show({ kind: "room", room })}
            onRemove={({ name }) => show({ kind: "remove", word: "room", name })}
          />
          <InvitationsView
            invitations={servers.invitations}
            onMake={() => show({ kind: "invitation" })}
            onRevoke={(invitation) => show({ kind: "revoke", invitation })}
          />
        </>
      )}
      {servers && open?.kind === "invitation" && <InvitationDialog rooms={servers.rooms} onClose={close} />}
      {open?.kind === "revoke" && <RevokeQuestion invitation={open.invitation} onClose={close} onDone={saved} />}
      {open?.kind === "remove" && (
        <RemoveQuestion section={{ word: open.word, name: open.name, isNew: false }} onClose={close} onSaved={saved}>
          {open.word === "trunk" && "Whoever is at the other end leaves the calls here, and its secret is forgotten."}
          {open.word === "camera" && "It leaves its room, and its password is forgotten."}
          {open.word === "room" &&
            `Its rules go, and its password is forgotten. The name can still be entered, by the rule for all other rooms: ${accessName(servers?.otherRooms ?? "").toLowerCase()}.`}
        </RemoveQuestion>
      )}
      {open?.kind === "find" && (
        <FindCameras onClose={close} onChosen={(found) => show({ kind: "camera", camera: null, found })} />
      )}
      {servers && open?.kind === "camera" && (
        <CameraForm camera={open.camera} names={servers.cameras.map((c) => c.name)} found={open.found} onClose={close} onSaved={saved} />
      )}
      {open?.kind === "room" && <RoomForm room={open.room} onClose={close} onSaved={saved} />}
      {servers && open?.kind === "trunk" && (
        <TrunkForm trunk={open.trunk} names={servers.trunks.map((t) => t.name)} onClose={close} onSaved={saved} />
      )}
    </main>
  );
}

const place = document.getElementById("app");
if (place) render(<Page />, place);
