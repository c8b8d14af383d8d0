// Many participants at little cost: one page that publishes small drawings of
// its own over WHIP, each as a participant.

/**
 * @param {import("./call.mjs").Person} person whose page is used
 * @param {string[]} names
 */
export async function crowd(person, daemon, room, names) {
  await person.page.goto(daemon.url("/healthz"));
  const statuses = await person.page.evaluate(
    async (at, all) => {
      window.crowd = [];
      return Promise.all(
        all.map(async (name, i) => {
          const canvas = document.createElement("canvas");
          canvas.width = 160;
          canvas.height = 90;
          const pen = canvas.getContext("2d");
          let n = 0;
          const draw = () => {
            pen.fillStyle = `hsl(${(i * 47) % 360} 60% 40%)`;
            pen.fillRect(0, 0, 160, 90);
            pen.fillStyle = "white";
            pen.fillRect((n++ * 4) % 160, 35, 20, 20);
          };
          draw();
          setInterval(draw, 125);
          const [track] = canvas.captureStream(8).getVideoTracks();
          const pc = new RTCPeerConnection();
          window.crowd.push(pc);
          pc.addTransceiver(track, { direction: "sendonly", sendEncodings: [{ maxBitrate: 60_000 }] });
          await pc.setLocalDescription(await pc.createOffer());
          const answer = await fetch(`${at}?name=${name}`, {
            method: "POST",
            headers: { "content-type": "application/sdp" },
            body: pc.localDescription.sdp,
          });
          if (answer.status === 201) await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
          return answer.status;
        }),
      );
    },
    daemon.url(`/whip/${room}`),
    names,
  );
  if (statuses.some((status) => status !== 201)) throw new Error(`WHIP answered ${statuses}`);
}
