// Makes the pictures of the README: a real call, between browsers whose
// cameras show drawings.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { TestBrowser } from "./lib/browser.mjs";
import { Person } from "./lib/call.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { sleep, until } from "./lib/wait.mjs";

const images = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const width = 960;
const height = 540;

// Colours as [red, green, blue]: the wall at its darkest, skin, hair, shirt.
const people = [
  { name: "Ada", wall: [38, 70, 83], skin: [224, 172, 140], hair: [74, 44, 30], shirt: [233, 196, 106], at: 0.46 },
  { name: "Bilal", wall: [92, 60, 78], skin: [150, 102, 72], hair: [28, 22, 20], shirt: [110, 160, 200], at: 0.54 },
  { name: "Chen", wall: [60, 88, 66], skin: [236, 196, 160], hair: [24, 24, 30], shirt: [210, 110, 90], at: 0.5 },
  { name: "Dunya", wall: [96, 84, 58], skin: [196, 140, 104], hair: [96, 60, 36], shirt: [120, 96, 160], at: 0.57 },
];

// How far a point is inside of an ellipse: 1 within, 0 outside, between the
// two at its edge.
function inside(x, y, middleX, middleY, radiusX, radiusY) {
  const distance = Math.hypot((x - middleX) / radiusX, (y - middleY) / radiusY);
  return Math.min(1, Math.max(0, ((1 - distance) * Math.min(radiusX, radiusY)) / 1.5 + 0.5));
}

/** Two seconds of somebody in front of a wall, who nods a little, as YUV4MPEG2. */
function draw({ wall, skin, hair, shirt, at }) {
  const rate = 10;
  const chunks = [Buffer.from(`YUV4MPEG2 W${width} H${height} F${rate}:1 Ip A1:1 C420jpeg\n`)];
  const middle = at * width;
  const pixel = (x, y, nod) => {
    const light = 70 * (x / width) + 50 * (1 - y / height);
    let colour = wall.map((c) => c + light);
    const paint = (over, share) => (colour = colour.map((c, i) => c + (over[i] - c) * share));
    paint(shirt, inside(x, y, middle, 570, 215, 190));
    paint(skin.map((c) => c * 0.88), inside(x, y, middle, 350 + nod / 2, 36, 62));
    paint(hair, inside(x, y, middle, 222 + nod, 94, 106) * (y < 285 + nod ? 1 : 0));
    paint(skin, inside(x, y, middle, 252 + nod, 76, 96) * Math.min(1, Math.max(0, (y - 190 - nod) / 2)));
    return colour;
  };
  for (let n = 0; n < 2 * rate; n++) {
    const nod = 6 * Math.sin((Math.PI * n) / rate);
    const luma = Buffer.alloc(width * height);
    const blue = Buffer.alloc(luma.length / 4);
    const red = Buffer.alloc(luma.length / 4);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [r, g, b] = pixel(x, y, nod);
        luma[y * width + x] = 0.299 * r + 0.587 * g + 0.114 * b;
        if (y % 2 || x % 2) continue;
        const at = (y / 2) * (width / 2) + x / 2;
        blue[at] = 128 - 0.1687 * r - 0.3313 * g + 0.5 * b;
        red[at] = 128 + 0.5 * r - 0.4187 * g - 0.0813 * b;
      }
    }
    chunks.push(Buffer.from("FRAME\n"), luma, blue, red);
  }
  return Buffer.concat(chunks);
}

const films = await mkdtemp(path.join(tmpdir(), "umbrella-films-"));
const daemon = await Daemon.start();
const browsers = [];
try {
  await mkdir(images, { recursive: true });
  const here = [];
  for (const one of people) {
    const film = path.join(films, `${one.name}.y4m`);
    await writeFile(film, draw(one));
    const browser = await TestBrowser.launch("chromium", {
      caFile: daemon.caFile,
      flags: [`--use-file-for-fake-video-capture=${film}`],
    });
    browsers.push(browser);
    const person = await Person.open(browser, one.name, { quality: "standard", width: 1280, height: 800 });
    await person.join(daemon, "kitchen");
    here.push(person);
  }
  const [ada, bilal, chen] = here;
  await until("all pictures", 60_000, 250, async () => {
    const heard = Object.values(await ada.heard());
    return heard.length === people.length - 1 && heard.every(({ frames }) => frames > 20);
  });
  await chen.press("Mute microphone");
  await ada.press("Chat");
  for (const [person, text] of [
    [bilal, "Soup is ready. Who comes down?"],
    [chen, "Two minutes, still on the roof with the antenna"],
  ]) {
    await person.press("Chat");
    await person.type("textarea", text);
    await person.page.keyboard.press("Enter");
  }
  await ada.type("textarea", "On my way!");
  await ada.page.keyboard.press("Enter");
  await sleep(8_000); // sentences about who came have gone; pictures are sharp
  await ada.page.mouse.move(2, 2);
  await ada.page.screenshot({ path: `${images}call.png` });

  const phone = await Person.open(browsers[3], "Dunya", { width: 390, height: 844, scale: 2 });
  await phone.visit(daemon, "kitchen");
  await phone.ready();
  await phone.type('input[name="name"]', "Dunya");
  await phone.page.$eval('input[name="name"]', (field) => field.blur());
  await sleep(1_000);
  await phone.page.screenshot({ path: `${images}lobby-phone.png` });
  console.log(`call.png and lobby-phone.png are in ${images}`);
} finally {
  for (const browser of browsers) await browser.close();
  await daemon.close();
  await rm(films, { recursive: true });
}
