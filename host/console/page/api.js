// The server's interface, as the views ask it: with the key if there is one, and refusals as errors that
// can be shown as they are.

import { ServerClock } from "./clock.js";

const KEPT = "cordboard.key";

/** Where the server's paths begin: a proxy may have it below one of its own. */
const BASE = new URL("..", import.meta.url);

/** The whole address of a path of the server's. */
export function address(path) {
  return new URL(path.replace(/^\//, ""), BASE).href;
}

const clock = new ServerClock();

/** The time by the server's clock, in ms since epoch: what the server dates is compared with this. */
export function serverNow() {
  return clock.at(Date.now());
}

let key = read();

function read() {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    // a browser that keeps nothing
    return "";
  }
}

/** The key that requests are sent with; empty: none. */
export function currentKey() {
  return key;
}

/** Kept for this tab, and no longer than it is open. */
export function useKey(wanted) {
  key = wanted.trim();
  try {
    if (key) sessionStorage.setItem(KEPT, key);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // it is asked for again after a reload
  }
}

/** Why a request was not answered as it should be. `status`: 0 where the server cannot be reached. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.name = "Refused";
    this.status = status;
  }

  /** Whether another key may help. */
  get wantsKey() {
    return this.status === 401 || this.status === 403;
  }
}

function headers(more) {
  return key ? { Authorization: `Bearer ${key}`, ...more } : { ...more };
}

async function refusal(response) {
  const text = await response.text().catch(() => "");
  let detail = text.trim();
  try {
    detail = said(JSON.parse(text).detail) || detail;
  } catch {
    // not in our words
  }
  return new Refused(response.status, detail || `the server answered ${response.status}`);
}

// a detail is a sentence, or a list of what is wrong with which field
function said(detail) {
  if (!Array.isArray(detail)) return detail;
  return detail.map((wrong) => [wrong.loc?.at(-1), wrong.msg].filter(Boolean).join(": ")).join("; ");
}

/** A request, whose answer is given as it comes. Throws {@link Refused}. */
export async function ask(path, { method = "GET", body, headers: more, signal } = {}) {
  const sent = Date.now();
  let response;
  try {
    response = await fetch(address(path), { method, body, headers: headers(more), signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "the server cannot be reached");
  }
  clock.dated(response.headers.get("Date"), sent, Date.now());
  if (!response.ok) throw await refusal(response);
  return response;
}

/** What is there, as JSON. `query`: members that are empty or undefined are left out. */
export async function get(path, query = {}, signal) {
  const wanted = Object.entries(query).filter(([, value]) => value !== undefined && value !== "" && value !== null);
  const search = new URLSearchParams(wanted).toString();
  const response = await ask(search ? `${path}?${search}` : path, { signal });
  return response.json();
}

/** Has something done; the answer as JSON. */
export async function post(path, body = {}) {
  const response = await ask(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
  return response.json();
}

/** Forgets something; the answer as JSON. */
export async function remove(path) {
  const response = await ask(path, { method: "DELETE" });
  return response.json();
}

/** A file, whole. */
export async function blob(path, signal) {
  return (await ask(path, { signal })).blob();
}

/** Offers a file of the server's to be saved: a link could not carry the key. */
export async function save(path, name) {
  const url = URL.createObjectURL(await blob(path));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Sends a file and tells how far it has come: `onProgress(0..1)`; the answer as JSON. */
export function upload(path, file, type, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path));
    for (const [name, value] of Object.entries(headers({ "Content-Type": type }))) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.upload.onload = () => onProgress(1);
    request.onerror = () => reject(new Refused(0, "the server cannot be reached"));
    request.onload = async () => {
      const response = new Response(request.responseText, { status: request.status });
      if (response.ok) resolve(await response.json());
      else reject(await refusal(response));
    };
    request.send(file);
  });
}

/**
 * What happens in a call, one event after the other, until it is over. Throws {@link Refused} where the
 * server ends it otherwise. `signal` ends it from here.
 */
export async function* events(path, signal) {
  const response = await ask(path, { signal, headers: { Accept: "text/event-stream" } });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let rest = "";
    for (;;) {
      const { done, value } = await piece(reader);
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const data = part
          .split("\n")
          .filter((line) => line.startsWith("data:"))
          .map((line) => line.slice(5).trimStart());
        if (data.length) yield JSON.parse(data.join("\n"));
      }
    }
  } finally {
    // who stops listening leaves no connection open
    reader.cancel().catch(() => {});
  }
}

async function piece(reader) {
  try {
    return await reader.read();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "the connection to the server was lost");
  }
}
