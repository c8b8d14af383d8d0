import { render } from "preact";
import { useState } from "preact/hooks";
import "../styles/servers.css";
import { PageHead } from "../status/head";
import { load, usePolled } from "../status/poll";
import { RemoveQuestion, TrunkForm } from "./form";
import type { Servers, Trunk } from "./model";
import { ServersView } from "./view";

const interval = 2000;
const ask = () =>
  load<Servers>("servers", "The node shows this page to the machine it runs on only, opened by localhost or an address.");

type Open = { kind: "add" } | { kind: "edit"; trunk: Trunk } | { kind: "remove"; trunk: Trunk } | null;

function Page() {
  const { value: servers, problem, refresh } = usePolled(ask, interval);
  const [open, setOpen] = useState<Open>(null);
  const [said, setSaid] = useState("");
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
    <main class="status servers">
      <PageHead title="Umbrella servers" problem={problem} loaded={servers !== null} other={{ href: "status", text: "Status" }} />
      <p class={said ? "said" : "heard"} role="status">
        {said}
      </p>
      {servers && (
        <ServersView
          servers={servers}
          onAdd={() => show({ kind: "add" })}
          onEdit={(trunk) => show({ kind: "edit", trunk })}
          onRemove={(trunk) => show({ kind: "remove", trunk })}
        />
      )}
      {open?.kind === "remove" && <RemoveQuestion trunk={open.trunk} onClose={close} onSaved={saved} />}
      {servers && (open?.kind === "add" || open?.kind === "edit") && (
        <TrunkForm
          trunk={open.kind === "edit" ? open.trunk : null}
          names={servers.trunks.map((t) => t.name)}
          onClose={close}
          onSaved={saved}
        />
      )}
    </main>
  );
}

const place = document.getElementById("app");
if (place) render(<Page />, place);
