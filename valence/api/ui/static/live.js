// SPDX-License-Identifier: Apache-2.0
// One event stream for all pages of a tab. It resumes with Last-Event-ID, so no event is missing or double.
import { authorization, observe, session, signIn, signOut, url } from "./api.js";

export const live = { state: "connecting", reason: "", last: null, caughtUp: 0, since: null };
const readers = new Set();
let controller = null, timer = null, delay = 1000, retry = 2000;

/** Whether pages show what was read before the stream began, so that an event in between may be missing. */
let isStale = false;
/** Milliseconds that the first read of a page waits for the stream. */
const PATIENCE = 1000;
let settle;
const first = new Promise((resolve) => {
  settle = resolve;
});

/** Wait until the first connection is there or has failed: what is read afterwards needs no second read. */
export async function reading() {
  if (controller && live.state === "connecting") await first;
  if (live.state !== "live") isStale = true;
}

/** Call a function with each event, and with null when the stream may have missed some: then lists are out of date. */
export function follow(reader) {
  readers.add(reader);
  return () => readers.delete(reader);
}

const watchers = new Set();
/** Call a function on each change of the stream's state. */
export function watch(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

function set(values) {
  Object.assign(live, values);
  if (live.state !== "connecting") settle();
  watchers.forEach((each) => each());
}
const send = (event) => readers.forEach((each) => each(event));

/** Connect, unless there is a connection, the reader has not signed in, or the tab is hidden. */
export function connect() {
  clearTimeout(timer);
  if (controller || document.hidden || signIn.needed || !session.strategy) return;
  controller = new AbortController();
  setTimeout(settle, PATIENCE);
  run(controller).catch(() => {});
}

function disconnect(state, reason = "") {
  controller?.abort();
  controller = null;
  isStale = true;
  set({ state, reason });
}

async function run(mine) {
  let reason = "";
  try {
    const headers = { Accept: "text/event-stream", ...authorization() };
    if (live.last) headers["Last-Event-ID"] = live.last;
    const response = await fetch(url("/v1/events?stream=true"), { headers, signal: mine.signal, credentials: "omit", cache: "no-store" });
    if (!response.ok) {
      const body = await response.json().catch(() => null);
      reason = body?.errors?.[0]?.detail || `HTTP ${response.status}`;
      if (response.status === 401 && controller === mine) return signOut(reason);
      delay = 1000 * (Number(response.headers.get("Retry-After")) || 5);
      if (response.status === 404 || response.status === 400) live.last = null;
    } else await read(response, mine);
  } catch (error) {
    if (mine.signal.aborted) return;
    reason = "The API does not answer.";
  }
  if (controller !== mine) return;
  controller = null;
  isStale = true;
  set({ state: "reconnecting", reason });
  timer = setTimeout(connect, reason ? delay : retry);
  delay = Math.min(delay * 1.5, 15000);
}

async function read(response, mine) {
  const opened = Date.parse(response.headers.get("Date")) || Date.now();
  const resumed = Boolean(live.last);
  delay = 1000;
  set({ state: "live", reason: "", caughtUp: 0, since: new Date() });
  // A stream that resumes sends what it missed.
  if (isStale && !resumed) send(null);
  isStale = false;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done || mine.signal.aborted) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    let caughtUp = 0;
    for (const frame of frames) {
      const event = parse(frame);
      if (!event) continue;
      if (resumed && Date.parse(event.created_at) < opened - 1000) caughtUp += 1;
      send(event);
    }
    if (caughtUp) set({ caughtUp: live.caughtUp + caughtUp });
  }
}

function parse(frame) {
  let data = null;
  for (const line of frame.split("\n")) {
    if (line.startsWith("id: ")) live.last = line.slice(4);
    else if (line.startsWith("data: ")) data = line.slice(6);
    else if (line.startsWith("retry: ")) retry = Number(line.slice(7)) || retry;
  }
  return data && JSON.parse(data);
}

document.addEventListener("visibilitychange", () => {
  // A hidden tab frees its place: the API serves few streams. It resumes where it ended.
  if (document.hidden) disconnect("paused");
  else connect();
});
observe(() => {
  if (signIn.needed && controller) disconnect("reconnecting", "Signed out.");
  else connect();
});
