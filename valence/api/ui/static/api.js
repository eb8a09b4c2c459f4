// SPDX-License-Identifier: Apache-2.0
// Requests to the API, the session, and errors. Credentials are in this module's memory only.
import { quote } from "./lib.js";

/** URL of the API: the pages are one folder below it. */
export const ROOT = new URL("..", document.baseURI);

export const session = { strategy: null, user: null, project: null, roles: [], allowed: new Set(), version: "" };
let credentials = {};
const listeners = new Set();

/** Call a function on each change of session or errors; return what ends that. */
export function observe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
const changed = () => listeners.forEach((each) => each());

/** Why the last sign-in ended or failed; the page asks for credentials while it is set. */
export const signIn = { needed: false, reason: "" };

/** The errors on the screen: they stay until the reader dismisses them. */
export const problems = [];

/** The error of a read while Valence, or a part of it, is away; it is gone with the next response. */
export const outage = { error: null };
const AWAY = [0, 502, 503, 504];
export const isAway = (error) => AWAY.includes(error.status);

/** Show that Valence is away, until it answers. */
export function away(error) {
  outage.error = error;
  changed();
}

export class ApiError extends Error {
  constructor(status, list, requestId, what) {
    super(list[0]?.detail || `HTTP ${status}`);
    Object.assign(this, { status, list, requestId, what });
  }
}

/** Return the URL of a path of the API. */
export const url = (path) => new URL(path.replace(/^\//, ""), ROOT).href;

/** Return the headers that identify the client. */
export const authorization = () => ({ ...credentials });

/** Send a request and return {data, headers, status}; throw ApiError. Cookies and other ambient credentials are left out. */
export async function request(method, path, body, headers = {}, signal = undefined) {
  const options = { method, headers: { Accept: "application/json", ...credentials, ...headers }, credentials: "omit", signal };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] ??= method === "PATCH" ? "application/merge-patch+json" : "application/json";
  }
  let response;
  try {
    response = await fetch(url(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, [{ detail: "The API did not answer.", hint: "Check that it runs and that the network reaches it. The page recovers by itself." }], null, `${method} ${path}`);
  }
  const content = await response.text();
  const data = parsed(content, response);
  if (!response.ok) throw failure(response, data, `${method} ${path}`);
  if (outage.error) away(null);
  return { data, headers: response.headers, status: response.status };
}

/** Return the body of a GET. */
export const get = async (path, signal) => (await request("GET", path, undefined, {}, signal)).data;

function parsed(content, response) {
  if (!content) return null;
  if (!(response.headers.get("Content-Type") || "").includes("json")) return content;
  return JSON.parse(content);
}

function failure(response, data, what) {
  const requestId = response.headers.get("X-OpenStack-Request-ID");
  const other = data?.error?.message || data?.message || data?.title;
  const list = data?.errors?.length ? data.errors : [{ detail: other || response.statusText, title: response.statusText }];
  if (response.status === 401) signOut(list[0].detail);
  return new ApiError(response.status, list, requestId, what);
}

/** Show an error until it is dismissed. An aborted request is none, and a missing sign-in has a page of its own. */
export function report(error) {
  if (error.name === "AbortError" || error.status === 401) return;
  const known = problems.find((each) => each.message === error.message && each.what === error.what);
  if (known) known.times = (known.times || 1) + 1;
  else problems.push(error);
  changed();
}

export function dismiss(error) {
  problems.splice(problems.indexOf(error), 1);
  changed();
}

/** Read who the client is. */
export async function load() {
  const found = await get("/ui/session.json");
  Object.assign(session, found, { allowed: new Set(found.allowed) });
  if (found.strategy !== "noauth" && !found.roles.length) signOut(signIn.reason);
  changed();
}

/** Sign in with a header; keep it if the API accepts it. */
export async function authenticate(headers) {
  credentials = headers;
  signIn.needed = false;
  signIn.reason = "";
  try {
    await load();
    if (!session.roles.length) signOut("The API did not accept these credentials.");
  } catch (error) {
    if (error.status !== 401) signOut(error.message);
  }
  return !signIn.needed;
}

/** Sign in with a token that the API gets from the Identity service. */
export async function authenticateByPassword(values) {
  try {
    const { data } = await request("POST", "/ui/token", values);
    return await authenticate({ "X-Auth-Token": data.token });
  } catch (error) {
    if (error.status !== 401) signOut(error.list.map((each) => each.detail).join(" "));
    return false;
  }
}

export function signOut(reason = "") {
  credentials = {};
  if (signIn.needed && signIn.reason === reason) return;
  Object.assign(session, { user: null, project: null, roles: [], allowed: new Set() });
  Object.assign(signIn, { needed: true, reason });
  changed();
}

const names = new Map();
const queued = {};
/** Return the name of a row of a list, such as "nodes", or "". Names that are wanted together are read by one request. */
export function nameOf(list, uuid) {
  if (!names.has(uuid)) {
    names.set(uuid, new Promise((done) => {
      if (!queued[list]) setTimeout(() => readNames(list));
      (queued[list] ??= []).push([uuid, done]);
    }));
  }
  return names.get(uuid);
}
export const forgetNames = () => names.clear();

async function readNames(list) {
  const wanted = queued[list];
  delete queued[list];
  const data = await get(`/v1/${list}?uuid=in:${wanted.map(([uuid]) => uuid)}&fields=uuid,name&limit=1000`).catch(() => null);
  const found = Object.fromEntries((data?.[list] || []).map((row) => [row.uuid, row.name]));
  for (const [uuid, done] of wanted) {
    if (!data) names.delete(uuid);
    done(found[uuid] || "");
  }
}

/** Return whether the policy allows the client something, such as "nodes:create". */
export const may = (rule) => !rule || session.allowed.has(rule);

/** Return the command of curl that sends a request. */
export function curl({ method, path, body, headers = {} }) {
  const words = ["curl"];
  if (session.strategy === "http_basic") words.push("-u", session.user || "USER");
  if (session.strategy === "keystone") words.push("-H", '"X-Auth-Token: $OS_TOKEN"');
  if (method !== "GET" && !(method === "POST" && body !== undefined)) words.push("-X", method);
  for (const [name, value] of Object.entries(headers)) words.push("-H", quote(`${name}: ${value}`));
  words.push(quote(url(path)));
  if (body !== undefined && method === "PATCH") {
    words.push("-H", quote("Content-Type: application/merge-patch+json"), "-d", quote(JSON.stringify(body)));
  } else if (body !== undefined) words.push("--json", quote(JSON.stringify(body)));
  return words.join(" ");
}

/** Return the command of the client that does the same. */
export const valence = (words) => ["valence", ...words.map(quote)].join(" ");
