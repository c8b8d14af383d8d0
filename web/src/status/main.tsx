import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "../styles/status.css";
import { PageHead } from "./head";
import type { Status } from "./model";
import { load, usePolled } from "./poll";
import { StatusView } from "./view";

const interval = 1000;
const ask = () => load<Status>("status", "The node shows its state to the machine it runs on only.");

function Page() {
  const { value: status, problem } = usePolled(ask, interval);
  const [login, setLogin] = useState(false);
  useEffect(() => {
    load<{ login: boolean }>("servers", "").then(
      (servers) => setLogin(servers.login),
      // Whoever may not see that page has not logged in.
      () => {},
    );
  }, []);
  return (
    <main class={`status ${problem && status ? "stale" : ""}`}>
      <PageHead title="Umbrella status" problem={problem} loaded={status !== null} other="servers" login={login} />
      {status && <StatusView status={status} />}
    </main>
  );
}

const place = document.getElementById("app");
if (place) render(<Page />, place);
