// The caller's own call, wherever else they are in the console, and whatever their key may do by now: while it goes
// on, and with it the microphone, it can be muted and hung up.

import { at } from "./hooks.js";
import { current, goesOn, hangUp, mute, watch } from "./call/current.js";
import { html, useEffect, useState } from "./vendor/htm-preact-3.1.1.js";

const WORDS = {
  connecting: "Your call is being placed.",
  lost: "The connection of your call is lost, and comes back if it can.",
};

/** `back`: the view of the call is not open, and can be gone to. */
export function Ongoing({ back }) {
  const [call, setCall] = useState(current());
  useEffect(() => {
    setCall(current());
    return watch(setCall);
  }, []);
  if (!goesOn(call)) return null;
  const { phase, line, microphone, muted } = call;
  const end = () => {
    hangUp();
    // the button that had the focus is gone
    document.getElementById("main").focus();
  };
  return html`<section class="ongoing" aria-label="Your call">
    <span>${WORDS[phase] ?? "Your call goes on."}${muted && " The microphone is muted."}</span>
    <div class="row">
      ${back && html`<a href=${at("call")}>Back to your call</a>`}
      ${line === "stream" &&
      microphone.state === "on" &&
      html`<button type="button" onClick=${() => mute(!muted)}>${muted ? "Unmute" : "Mute"}</button>`}
      <button type="button" class="danger" aria-label="Hang up your call" onClick=${end}>Hang up</button>
    </div>
  </section>`;
}
