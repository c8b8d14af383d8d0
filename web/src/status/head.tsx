import type { JSX } from "preact";
import { Mark } from "../ui/icons";

interface Props {
  title: string;
  problem: string;
  loaded: boolean;
  /** The page beside this one. */
  other: "servers" | "status";
  /** The page is seen by way of a login. */
  login: boolean;
}

async function logOut(): Promise<void> {
  try {
    await fetch("logout", { method: "POST" });
  } finally {
    location.reload();
  }
}

/** What stands on top of the pages about the node. */
export function PageHead({ title, problem, loaded, other, login }: Props): JSX.Element {
  return (
    <header class="status-head">
      <h1 class="brand">
        <Mark /> {title}
      </h1>
      <nav class="status-nav" aria-label="About this node">
        <a href="sfu">Calls</a>
        <a href={other === "servers" ? "servers" : "status"}>{other === "servers" ? "Trunks and cameras" : "Status"}</a>
        {login && (
          <button type="button" class="link log-out" onClick={() => void logOut()}>
            Log out
          </button>
        )}
      </nav>
      <p class={`live ${problem ? "live-off" : ""}`} role="status">
        {problem ? `${problem} Trying again…` : loaded ? "Live" : "Loading…"}
      </p>
    </header>
  );
}
