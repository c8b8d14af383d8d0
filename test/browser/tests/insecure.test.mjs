// Without HTTPS a browser gives no page a camera: then the page says so, and
// one can watch. A prefix is part of it, as behind a proxy.
import { crowd } from "../lib/crowd.mjs";
import { house } from "../lib/harness.mjs";
import { until } from "../lib/wait.mjs";

const { daemon, scene } = await house({ env: { UMBRELLA_TLS: "off", UMBRELLA_PREFIX: "/umbrella", UMBRELLA_PUBLIC_HOST: "ap.lan" } });

scene("a page without HTTPS", 300, async ({ person }) => {
  const source = await person("Source");
  await crowd(source, daemon, "shed", ["bird-box"]);

  // Loopback counts as secure everywhere; a name of the LAN does not.
  const guest = await person("Guest", { launch: { flags: ["--host-resolver-rules=MAP ap.lan 127.0.0.1"] } });
  await guest.page.goto(`http://ap.lan:${daemon.port}/umbrella/sfu/shed`);
  await guest.says("Camera and microphone not available");
  await guest.says("https://");
  await guest.press("Just watch");
  await guest.state("joined");
  await until("the bird box moves", 20_000, 200, async () => (await guest.heard())["bird-box"]?.frames > 5);
  // Chromium reports that a header for secure pages is of no use here, and that
  // there is no page about the CA, which the client asks for before it links it.
  guest.complaints = guest.complaints.filter(
    (text) => !text.includes("Cross-Origin-Opener-Policy") && !(text.includes("404") && text.includes("/umbrella/trust")),
  );
});
