import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "../styles/status.css";
import { Mark } from "../ui/icons";
import type { Status } from "./model";
import { StatusView } from "./view";

const interval = 1000;
const timeout = 5000;

async function load(): Promise<Status> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  try {
    const response = await fetch("status", { headers: { Accept: "application/json" }, signal: abort.signal, cache: "no-store" });
    if (response.status === 403) throw new Error("The node shows its state to the machine it runs on only.");
    if (!response.ok) throw new Error(`The node answers with an error (${response.status}).`);
    return (await response.json()) as Status;
  } catch (error) {
    if (error instanceof TypeError || abort.signal.aborted) throw new Error("The node does not answer.", { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function Page() {
  const [status, setStatus] = useState<Status | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const turn = async () => {
      if (!document.hidden) {
        try {
          setStatus(await load());
          setProblem("");
        } catch (error) {
          setProblem(error instanceof Error ? error.message : "The state cannot be read.");
        }
      }
      if (!over) timer = setTimeout(() => void turn(), interval);
    };
    void turn();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);
  return (
    <main class="status">
      <header class="status-head">
        <h1 class="brand">
          <Mark /> Umbrella status
        </h1>
        <p class={`live ${problem ? "live-off" : ""}`} role="status">
          {problem ? `${problem} Trying again…` : status ? "Live" : "Loading…"}
        </p>
      </header>
      {status && <StatusView status={status} />}
    </main>
  );
}

const place = document.getElementById("app");
if (place) render(<Page />, place);
