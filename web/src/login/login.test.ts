import assert from "node:assert/strict";
import { test } from "node:test";
import { logIn } from "./login";

const node = (status: number, body: string) => () => Promise.resolve(new Response(status === 204 ? null : body, { status }));

test("a login goes well, or says why not", async () => {
  const cases: [answer: typeof fetch, words: string][] = [
    [node(204, ""), ""],
    [node(401, '{"error":"the password is wrong"}'), "The password is wrong."],
    [node(429, '{"error":"too many attempts: try again in 5 s"}'), "Too many attempts: try again in 5 s."],
    [node(500, "{}"), "The node answers with an error (500)."],
    [node(502, "<html>"), "The node does not answer."],
    [() => Promise.reject(new TypeError("gone")), "The node does not answer."],
  ];
  for (const [answer, words] of cases) assert.equal(await logIn("x", answer), words);
  assert.equal(await logIn("", node(204, "")), "Type the password.");
});
