import assert from "node:assert/strict";
import { test } from "node:test";
import { nameIn, tokenIn } from "./invitations";

test("a token is found in the fragment of an address", () => {
  const cases: [hash: string, token: string | null][] = [
    ["", null],
    ["#", null],
    ["#wall", null],
    ["#token=", ""],
    ["#token=eyJh.eyJy-_.c2ln", "eyJh.eyJy-_.c2ln"],
    ["#a=b&token=x", "x"],
    ["#token=%zz", "%zz"],
  ];
  for (const [hash, token] of cases) assert.equal(tokenIn(hash), token, hash);
});

test("the name that an invitation gives", () => {
  const token = (claims: string) => `x.${Buffer.from(claims).toString("base64url")}.y`;
  const cases: [token: string, name: string][] = [
    ["", ""],
    ["a.b.c", ""],
    [token('{"room":"den"}'), ""],
    [token('{"name":"Ada"}'), "Ada"],
    [token('{"name":"علی\u200cرضا 👩‍💻"}'), "علی\u200cرضا 👩‍💻"],
    [token('{"name":{"a":1}}'), ""],
    [token("null"), ""],
  ];
  for (const [text, name] of cases) assert.equal(nameIn(text), name, text);
});
