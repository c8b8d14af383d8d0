import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenIn } from "./invitations";

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
