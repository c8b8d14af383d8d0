// People with Chromium, each in a network namespace of their own. What they are
// to do comes in on standard input as JSON, one thing a line; a line with what
// went wrong, or nothing, answers each.
import { createInterface } from "node:readline";
import { TestBrowser } from "../browser/lib/browser.mjs";
import { Person } from "../browser/lib/call.mjs";
import { until } from "../browser/lib/wait.mjs";

const browsers = [];
const people = new Map();

/** Somebody who has opened the chat. */
async function chatting(who) {
  const person = people.get(who);
  if (!(await person.page.$("textarea"))) await person.press("Chat");
  return person;
}

const acts = {
  async join({ who, namespace, ca }) {
    const flags = ["--remote-debugging-pipe", `--netns=${namespace}`];
    const browser = await TestBrowser.launch("chromium", { caFile: ca, device: "fps=15", flags });
    browsers.push(browser);
    const person = await Person.open(browser, who);
    people.set(who, person);
    await person.page.goto("https://localhost:8081/sfu/den", { waitUntil: "load" });
    await person.ready();
    await person.type('input[name="name"]', who);
    await person.press("Join");
    await person.state("joined");
  },
  meets: ({ who, names, within }) => people.get(who).meets(names, within),
  alone: ({ who, within }) => until(`${who} is alone`, within, 100, async () => Object.keys(await people.get(who).heard()).length === 0),
  async say({ who, text }) {
    const person = await chatting(who);
    await person.type("textarea", text);
    await person.page.keyboard.press("Enter");
  },
  async read({ who, text, within }) {
    const person = await chatting(who);
    await person.says(text, within);
  },
  async complaints({ who }) {
    const { complaints } = people.get(who);
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { act, ...what } = JSON.parse(line);
  let problem = "";
  try {
    await acts[act](what);
  } catch (error) {
    problem = `${error.message ?? error}`;
  }
  console.log(JSON.stringify({ problem }));
}
for (const browser of browsers) await browser.close();
