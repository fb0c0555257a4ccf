// A line of either kind on what the browser has: its sockets, its clock, its voice.

import { BrowserVoice, ReadVoice } from "./voices.js";
import { Relay } from "./relay.js";
import { Stream } from "./stream.js";
import { address, post } from "../api.js";

/** `ticket`: whoever has it holds the call; `line`: stream or relay; `sound`: a Sound, for a stream; `settings`: {language, speaks}, for a relay. */
export function lineTo({ call, ticket, line, sound, settings, tell }) {
  const common = {
    call,
    connect: (path) => new WebSocket(address(path).replace(/^http/, "ws")),
    comeBack: () => anotherSocket(call, ticket),
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    now,
    tell,
  };
  if (line === "stream") return new Stream({ ...common, ports: sound });
  const { language, speaks } = settings;
  return new Relay({ ...common, language, voice: speaks ? new BrowserVoice(language) : new ReadVoice({ now, after }) });
}

/** The path of another socket, for a call whose socket was lost. `ticket`: that the call was begun with. */
export async function anotherSocket(call, ticket) {
  return (await post(`/console/calls/${encodeURIComponent(call)}/return`, { ticket })).socket;
}

function now() {
  return performance.now();
}

function after(milliseconds, done) {
  const timer = setTimeout(done, milliseconds);
  return () => clearTimeout(timer);
}
