import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../ui/icons";
import { sentence } from "../ui/sentence";
import { ask } from "./api";
import { credentialsOf, type CameraDraft } from "./cameras";
import { Progress } from "./section";

// How long the node looks at most, in seconds.
const longest = 25;

/** What the node says of a camera. */
interface Report {
  text: string;
  plays: boolean;
  trouble?: { reason: string; advice: string };
}

type Result =
  | { kind: "none" }
  | { kind: "busy" }
  | { kind: "good"; text: string }
  | { kind: "bad"; why: string; text: string };

interface Props {
  /** Of the stored camera; empty for a new one. */
  name: string;
  option: "url" | "substream";
  draft: CameraDraft;
}

/** Looks what a camera sends, and says so. */
export function CameraTest({ name, option, draft }: Props): JSX.Element {
  const [result, setResult] = useState<Result>({ kind: "none" });
  const running = useRef<AbortController | null>(null);
  const root = useRef<HTMLDivElement>(null);
  const url = draft[option].trim();
  const question = JSON.stringify({ name, option, url, credentials: credentialsOf(draft) });
  const busy = result.kind === "busy";

  const cancel = () => {
    running.current?.abort();
    running.current = null;
    setResult({ kind: "none" });
  };
  // What was found belongs to what was asked: for other input nothing is shown.
  useEffect(() => cancel, [question]);

  // In a long form it would be below what is seen.
  useEffect(() => {
    if (result.kind === "good" || result.kind === "bad") root.current?.scrollIntoView({ block: "nearest" });
  }, [result]);

  const test = async () => {
    const mine = new AbortController();
    running.current = mine;
    setResult({ kind: "busy" });
    const got = await ask<Report>("servers/cameras/probe", JSON.parse(question) as object, mine.signal);
    if (running.current !== mine) return;
    running.current = null;
    if (!got.ok) {
      const words = Object.values(got.problems).join(" ");
      setResult({ kind: "bad", why: words || got.error, text: "" });
      return;
    }
    const { plays, trouble, text } = got.value;
    if (plays && !trouble) setResult({ kind: "good", text });
    else setResult({ kind: "bad", why: trouble ? sentence(`${trouble.reason}: ${trouble.advice}`) : "Browsers will not show its picture.", text });
  };

  return (
    <div ref={root} class="stack test" data-test={result.kind}>
      <span class="beside">
        <button type="button" class="button" disabled={busy || !url} onClick={() => void test()}>
          {busy ? "Testing…" : option === "url" ? "Test" : "Test the small picture"}
        </button>
        {busy && (
          <button type="button" class="button" onClick={cancel}>
            Cancel the test
          </button>
        )}
      </span>
      <p class={busy ? "hint" : "heard"} role="status">
        {busy && `Looking at the camera. This takes up to ${longest} seconds.`}
        {result.kind === "good" && "The test went well."}
      </p>
      {busy && <Progress longest={longest} label="The test runs" />}
      {result.kind === "good" && (
        <div class="test-result test-good">
          <p class="test-title">
            <Icon name="check" /> Browsers will show it
          </p>
          <pre class="probe">{result.text}</pre>
        </div>
      )}
      {result.kind === "bad" && (
        <div class="test-result test-bad" role="alert">
          <p class="test-title">
            <Icon name="warning" /> The test failed
          </p>
          <p>{result.why}</p>
          {result.text && (
            <details>
              <summary>What the camera said</summary>
              <pre class="probe">{result.text}</pre>
            </details>
          )}
        </div>
      )}
    </div>
  );
}
