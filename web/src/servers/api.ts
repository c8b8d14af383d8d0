import { loginEnded } from "../status/poll";
import { sentence } from "../ui/sentence";

/** What is wrong with what was typed, by the option's name. */
export type Problems = Partial<Record<string, string>>;

/** How a change went. */
export type Outcome =
  /** Made; problem is what could not be applied although it is written. */
  | { ok: true; problem: string }
  | { ok: false; error: string; problems: Problems };

interface Answer {
  error?: string;
  problem?: string;
  problems?: { option: string; text: string }[];
}

/** Asks the node to change its settings. */
export async function change(method: "POST" | "PATCH" | "DELETE", path: string, body?: object): Promise<Outcome> {
  try {
    const response = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (response.status === 401) loginEnded();
    return outcomeOf(response.ok, response.status, await response.text());
  } catch {
    return { ok: false, error: "The node does not answer.", problems: {} };
  }
}

/** What the node answers to a question, or why it does not. */
export type Answered<T> = { ok: true; value: T } | { ok: false; error: string; problems: Problems };

/** Asks the node something that takes a while. The signal ends the wait. */
export async function ask<T>(path: string, body: object, signal?: AbortSignal): Promise<Answered<T>> {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
    if (response.status === 401) loginEnded();
    const text = await response.text();
    if (response.ok) return { ok: true, value: JSON.parse(text) as T };
    const outcome = outcomeOf(false, response.status, text);
    return outcome.ok ? { ok: false, error: "", problems: {} } : outcome;
  } catch {
    return { ok: false, error: "The node does not answer.", problems: {} };
  }
}

export function outcomeOf(ok: boolean, status: number, text: string): Outcome {
  let answer: Answer = {};
  try {
    answer = JSON.parse(text) as Answer;
  } catch {
    answer = { error: text.trim() || `the node answers with an error (${status})` };
  }
  if (ok) return { ok, problem: answer.problem ? sentence(answer.problem) : "" };
  const problems: Problems = {};
  for (const p of answer.problems ?? []) problems[p.option] ??= sentence(p.text);
  return { ok, error: sentence(answer.error ?? `the node answers with an error (${status})`), problems };
}
