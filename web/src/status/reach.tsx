import type { JSX } from "preact";
import { sentence } from "../ui/sentence";

interface Props {
  urls: readonly string[];
  problems: readonly string[];
}

/** What keeps people from the node, and the addresses by which they reach it. */
export function Reach({ urls, problems }: Props): JSX.Element {
  return (
    <>
      {problems.map((p) => (
        <div key={p} class="alert" role="status">
          <p>{sentence(p)}</p>
        </div>
      ))}
      <section aria-labelledby="addresses">
        <h2 id="addresses">Addresses</h2>
        {urls.length === 0 ? (
          <p class="card empty">No address leads here now.</p>
        ) : (
          <ul class="card addresses">
            {urls.map((url) => (
              <li key={url}>
                {/* eslint-disable-next-line html/sinks -- the node makes them, of http and https alone */}
                <a href={url}>{url}</a>
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}
