import type { JSX } from "preact";
import { Mark } from "../ui/icons";

interface Props {
  title: string;
  problem: string;
  loaded: boolean;
  /** The page beside this one. */
  other: { href: string; text: string };
}

/** What stands on top of the pages about the node. */
export function PageHead({ title, problem, loaded, other }: Props): JSX.Element {
  return (
    <header class="status-head">
      <h1 class="brand">
        <Mark /> {title}
      </h1>
      <nav class="status-nav" aria-label="About this node">
        <a href={other.href}>{other.text}</a>
      </nav>
      <p class={`live ${problem ? "live-off" : ""}`} role="status">
        {problem ? `${problem} Trying again…` : loaded ? "Live" : "Loading…"}
      </p>
    </header>
  );
}
