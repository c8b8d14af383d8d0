import { render } from "preact";
import "./styles/app.css";
import { App } from "./state/app";
import { AppContext } from "./ui/context";
import { Root } from "./ui/root";

const place = document.getElementById("app");
if (place) {
  if (!("RTCPeerConnection" in window) || !("WebSocket" in window)) {
    const text = document.createElement("p");
    text.className = "noscript";
    text.setAttribute("role", "alert");
    text.textContent =
      "This browser cannot take part in calls: it has no WebRTC. Use a current Chrome, Edge, Firefox or Safari, and check that no extension or policy turns WebRTC off.";
    place.append(text);
    document.documentElement.dataset.callState = "failed";
  } else {
    const app = new App();
    // For diagnosis: what a call is made of, to look at in the console.
    Object.defineProperty(window, "umbrella", {
      value: Object.freeze({
        /** The PeerConnection on which this browser sends, or null. */
        get publishPC() {
          return app.call.publishPC;
        },
        /** The PeerConnection on which this browser receives, or null. */
        get subscribePC() {
          return app.call.subscribePC;
        },
        /** What is known of the call. */
        get state() {
          return app.call.store.state;
        },
      }),
    });
    render(
      <AppContext.Provider value={app}>
        <Root />
      </AppContext.Provider>,
      place,
    );
  }
}
