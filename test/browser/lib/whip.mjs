// A publisher by WHIP and a player by WHEP, as any page could have them: an
// RTCPeerConnection and fetch, nothing of our client.

export class Wish {
  /**
   * @param {import("./call.mjs").Person} person whose page is used
   */
  static async open(person, daemon) {
    const wish = new Wish();
    wish.page = person.page;
    // A page of the same origin with nothing on it.
    await wish.page.goto(daemon.url("/healthz"));
    await wish.page.evaluate(() => {
      window.exchange = async (pc, url, token) => {
        await pc.setLocalDescription(await pc.createOffer());
        if (pc.iceGatheringState !== "complete") {
          await new Promise((resolve) => {
            pc.addEventListener("icegatheringstatechange", () => pc.iceGatheringState === "complete" && resolve());
          });
        }
        const answer = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/sdp", ...(token ? { authorization: `Bearer ${token}` } : {}) },
          body: pc.localDescription.sdp,
        });
        const told = { status: answer.status, location: answer.headers.get("location"), body: await answer.text() };
        if (answer.status === 201) await pc.setRemoteDescription({ type: "answer", sdp: told.body });
        return told;
      };
    });
    return wish;
  }

  /** Publishes the fake camera and microphone; returns the answer to the POST. */
  async publish(at, token) {
    return this.page.evaluate(
      async (url, bearer) => {
        const media = await navigator.mediaDevices.getUserMedia({
          audio: true,
          video: { width: 320, height: 240, frameRate: 15 },
        });
        window.pc = new RTCPeerConnection();
        for (const track of media.getTracks()) window.pc.addTransceiver(track, { direction: "sendonly", streams: [media] });
        return window.exchange(window.pc, url, bearer);
      },
      at,
      token,
    );
  }

  /** Plays; returns the answer to the POST. */
  async play(at, { videos = 1, audios = 1, token } = {}) {
    return this.page.evaluate(
      async (url, pictures, sounds, bearer) => {
        window.pc = new RTCPeerConnection();
        for (let i = 0; i < sounds; i++) window.pc.addTransceiver("audio", { direction: "recvonly" });
        for (let i = 0; i < pictures; i++) window.pc.addTransceiver("video", { direction: "recvonly" });
        // Sound is decoded, and its energy counted, only where it is played.
        window.pc.addEventListener("track", ({ track }) => {
          const player = document.createElement(track.kind);
          player.autoplay = true;
          player.srcObject = new MediaStream([track]);
          document.body.append(player);
        });
        return window.exchange(window.pc, url, bearer);
      },
      at,
      videos,
      audios,
      token,
    );
  }

  /** What has come in: frames decoded and audio energy of each m-line. */
  async received() {
    return this.page.evaluate(async () => {
      const seen = { frames: [], energy: [], state: window.pc.connectionState };
      for (const report of (await window.pc.getStats()).values()) {
        if (report.type !== "inbound-rtp") continue;
        if (report.kind === "video") seen.frames.push(report.framesDecoded ?? 0);
        else seen.energy.push(report.totalAudioEnergy ?? 0);
      }
      return seen;
    });
  }

  /** Ends the session as RFC 9725 §4.2 has it; returns the status. */
  async remove(location) {
    return this.page.evaluate(async (url) => (await fetch(url, { method: "DELETE" })).status, location);
  }
}
