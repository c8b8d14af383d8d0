// A browser that does not know the CA refuses the page; with the certificate
// that /ca.crt gives it does not. Every other test runs in browsers that trust
// the CA and overlook nothing.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { X509Certificate } from "node:crypto";
import { house } from "../lib/harness.mjs";

const { daemon, scene } = await house();

scene("trusting the CA", 300, async ({ person, step }) => {
  for (const kind of ["chromium", "firefox"]) {
    await step(`in ${kind}`, async () => {
      const stranger = await person(`Stranger-in-${kind}`, { kind, launch: { caFile: undefined } });
      await assert.rejects(stranger.page.goto(daemon.url("/trust")), /CERT|SEC_ERROR|MOZILLA_PKIX|insecure/i);

      const answer = await daemon.get("/ca.crt");
      assert.equal(answer.status, 200);
      const ca = new X509Certificate(answer.body);
      const file = path.join(daemon.dir, `downloaded-${kind}.crt`);
      await writeFile(file, ca.toString());

      const friend = await person(`Friend-in-${kind}`, { kind, launch: { caFile: file } });
      for (const host of ["127.0.0.1", "localhost"]) {
        const page = await friend.page.goto(`https://${host}:${daemon.port}/trust`);
        assert.equal(page.status(), 200);
      }
      const text = (await friend.text()).replaceAll(/\s/g, "");
      assert.ok(text.includes(ca.fingerprint256), `the page does not show ${ca.fingerprint256}`);
    });
  }
});
