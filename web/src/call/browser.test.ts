import assert from "node:assert/strict";
import { test } from "node:test";
import { browserOf } from "./browser";

const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15";
const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

test("browsers are told apart by what they say they are", () => {
  assert.equal(browserOf(chrome), "chromium");
  assert.equal(browserOf(chrome.replace("X11; Linux x86_64", "Linux; Android 10; K")), "android");
  assert.equal(browserOf("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "firefox");
  assert.equal(browserOf(mac), "safari");
  assert.equal(browserOf(mac, 5), "ios", "an iPad");
  assert.equal(browserOf("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 CriOS/123.0 Mobile Safari/604.1"), "ios");
  assert.equal(browserOf(""), "other");
});
