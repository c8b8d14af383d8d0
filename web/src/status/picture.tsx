import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { isolate } from "../ui/isolate";
import type { Status } from "./model";
import { draw, joinedOf, pictureWords, placesOf, wayWords, type Box, type Line } from "./topology";

// What a phone has, and no less while the page is still being laid out.
const narrowest = 200;

/** This node, the nodes that trunks join it with, and who is where. */
export function Topology({ status }: { status: Status }): JSX.Element | null {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const places = placesOf(status);
  const joined = joinedOf(status, places);
  const shown = places.length > 1;
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, [shown]);
  if (!shown) return null;
  const picture = draw(places, Math.max(width, narrowest), joined);
  return (
    <section aria-labelledby="nodes">
      <h2 id="nodes">Nodes</h2>
      <div class="card topology">
        <div ref={frame} />
        {width > 0 && (
          <svg width={picture.width} height={picture.height} role="img" aria-label={pictureWords(places, joined)}>
            {picture.besides.map((path, i) => (
              <path key={i} class="way way-beside" d={path} />
            ))}
            {picture.lines.map((line, i) => (
              <path key={i} class={`way way-${line.way.state}`} d={line.path} />
            ))}
            {picture.boxes.map((box) => (
              <Node key={box.place.id} box={box} />
            ))}
            {picture.lines.map((line, i) => (
              <Words key={i} line={line} />
            ))}
          </svg>
        )}
      </div>
    </section>
  );
}

function Node({ box: { place, x, y, width, height } }: { box: Box }): JSX.Element {
  return (
    <g>
      <rect class={`node ${place.way ? `node-${place.way.state}` : "node-own"}`} x={x} y={y} width={width} height={height} rx="10" />
      <text class="node-name" x={x + 14} y={y + 25}>
        <title>{place.name}</title>
        {cut(isolate(place.name), width, 8.5)}
      </text>
      {place.who.map((line, i) => (
        <text key={line} class="node-who" x={x + 14} y={y + 45 + 18 * i}>
          <title>{line}</title>
          {cut(line, width, 7.5)}
        </text>
      ))}
    </g>
  );
}

// Two lines, one above the way and one below.
function Words({ line }: { line: Line }): JSX.Element {
  const words = wayWords(line.way);
  return (
    <text class={`way-words way-words-${line.way.state}`} x={line.x} text-anchor={line.anchor}>
      {line.anchor === "start" ? (
        <tspan x={line.x} y={line.y + 5}>
          {words.join("   ")}
        </tspan>
      ) : (
        words.map((w, i) => (
          <tspan key={w} x={line.x} y={line.y + (i === 0 ? -7 : 17)}>
            {w}
          </tspan>
        ))
      )}
    </text>
  );
}

/** What fits a width, with so many pixels a character. */
function cut(text: string, width: number, character: number): string {
  const most = Math.floor((width - 28) / character);
  // What looks like one letter may be several characters.
  const letters = "Segmenter" in Intl ? Array.from(new Intl.Segmenter().segment(text), (s) => s.segment) : Array.from(text);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}
