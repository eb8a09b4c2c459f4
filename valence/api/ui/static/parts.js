// SPDX-License-Identifier: Apache-2.0
// Parts that all pages share: badges, times, errors, dialogs, actions with their commands.
import { away, curl, dismiss, forgetNames, isAway, may, nameOf, outage, problems, report, request, valence } from "./api.js";
import { ago, html, quote, short, text, useCallback, useEffect, useRef, useState } from "./lib.js";
import { follow, reading } from "./live.js";
import { to } from "./router.js";

const KINDS = {
  ok: ["composed", "online", "succeeded", "success", "ok", "free", "on", "enabled", "finished", "alive", "completed", "attached"],
  busy: ["composing", "changing", "decomposing", "running", "pending", "starting", "waiting", "processing", "reapplying", "poweringon", "poweringoff", "scheduled", "attaching", "detaching"],
  warn: ["warning", "reserved", "unhealthy", "partial", "dirty", "unknown", "standbyoffline", "aborted", "cancelled", "maintenance", "deleted"],
  bad: ["error", "failed", "fail", "offline", "critical", "dead", "disabled", "unavailable"],
};
const MARKS = { ok: "●", busy: "◐", warn: "▲", bad: "✕", idle: "○" };

/** Return how a state is marked: ok, busy, warn, bad or idle. */
export function kindOf(state) {
  const word = String(state ?? "").toLowerCase();
  return Object.keys(KINDS).find((kind) => KINDS[kind].includes(word)) || "idle";
}

/** A state by colour, mark and word. */
export function State({ value, kind }) {
  if (value == null || value === "") return html`<span class="faint">–</span>`;
  const shown = kind || kindOf(value);
  return html`<span class="state ${shown}"><span class="mark" aria-hidden="true">${MARKS[shown]}</span>${String(value)}</span>`;
}

let tick = new Set();
setInterval(() => tick.forEach((each) => each()), 10000);

/** A time relative to now, with the exact one on hover. */
export function Time({ value }) {
  const [, again] = useState(0);
  useEffect(() => {
    const mine = () => again((number) => number + 1);
    tick.add(mine);
    return () => tick.delete(mine);
  }, []);
  if (!value) return html`<span class="faint">–</span>`;
  return html`<time datetime=${value} title=${new Date(value).toISOString().replace(".000", "")}>${ago(value)}</time>`;
}

/** A button that copies text. */
export function Copy({ value, title = "Copy" }) {
  const [done, set] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    set(true);
    setTimeout(() => set(false), 1500);
  };
  return html`<button type="button" class="small" onClick=${copy}>${done ? "Copied" : title}</button>`;
}

/** The errors on the screen, each until it is dismissed. */
export function Problems() {
  if (!problems.length) return null;
  return html`<section class="problems" aria-label="Errors" role="alert">
    ${problems.map((error) => html`<${Problem} key=${error} error=${error} />`)}
  </section>`;
}

function Problem({ error }) {
  const list = error.list || [{ detail: String(error.message || error) }];
  const copied = [error.what, ...list.flatMap((each) => [each.code, each.detail, each.hint]), error.requestId].filter(Boolean).join("\n");
  return html`<article class="problem">
    <div class="grow">
      <strong><span aria-hidden="true">✕ </span>${list[0].title || "Error"}</strong>${error.times > 1 && html` <span class="faint">× ${error.times}</span>`}
      ${list.map((each) => html`<p>${each.detail}${each.hint && html` <span class="hint">${each.hint}</span>`}</p>`)}
      <p class="faint mono">${error.what} ${error.requestId && html`· ${error.requestId}`} ${list[0].code && html`· ${list[0].code}`}</p>
    </div>
    <div class="buttons"><${Copy} value=${copied} /><button type="button" class="small" onClick=${() => dismiss(error)}>Dismiss</button></div>
  </article>`;
}

/** A modal dialog; the focus stays inside, and returns to where it was. */
export function Dialog({ title, onClose, children, wide }) {
  const element = useRef();
  useEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    // The browser returns the focus of a dialog that is closed, not of one that is removed.
    return () => setTimeout(() => document.activeElement === document.body && before.focus());
  }, []);
  return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-label=${title} onClose=${onClose}
      onClick=${(event) => event.target === element.current && element.current.close()}>
    <div class="inside">
      <header><h2>${title}</h2><button type="button" class="plain" aria-label="Close" onClick=${() => element.current.close()}>✕</button></header>
      ${children}
    </div>
  </dialog>`;
}

/** The commands that do what an action does. */
export function Commands({ action }) {
  const all = [action.cli && ["valence", valence(action.cli)], ["curl", curl(action)]].filter(Boolean);
  return html`<div class="commands">${all.map(
    ([name, command]) => html`<div key=${name}><div class="row"><span class="faint">${name}</span><${Copy} value=${command} /></div><pre>${command}</pre></div>`
  )}</div>`;
}

/** A button that shows the commands of an action. */
export function ShowCommand({ action, what }) {
  const [open, set] = useState(false);
  return html`<button type="button" class="command" title="Show the command" aria-label=${`Show the command: ${what}`} onClick=${() => set(true)}>›_</button>
    ${open && html`<${Dialog} title=${what} onClose=${() => set(false)}><${Commands} action=${action} /><//>`}`;
}

/**
 * A button that sends a request, with one beside it that shows the command. It is absent if the policy forbids it.
 *
 * While it does nothing it says so by aria-disabled: a button that is disabled would lose the focus.
 */
export function Action({ title, rule, action, confirm, kind = "", onDone, disabled }) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  if (!may(rule)) return null;
  const rests = Boolean(busy || disabled);
  const run = async () => {
    setAsking(false);
    setBusy(true);
    try {
      // The request comes first: an optional call without its function evaluates no arguments.
      const { data } = await request(action.method, action.path, action.body, action.headers);
      onDone?.(data);
    } catch (error) {
      report(error);
    }
    setBusy(false);
  };
  return html`<span class="action">
    <button type="button" class=${kind} aria-disabled=${rests} aria-busy=${busy} onClick=${() => !rests && (confirm ? setAsking(true) : run())}>${title}</button>
    <${ShowCommand} action=${action} what=${title} />
    ${asking && html`<${Dialog} title=${title} onClose=${() => setAsking(false)}>
      <p>${confirm}</p><${Commands} action=${action} />
      <div class="buttons end"><button type="button" onClick=${() => setAsking(false)}>Cancel</button><button type="button" class=${kind || "primary"} onClick=${run}>${title}</button></div>
    <//>`}
  </span>`;
}

/** Milliseconds between two attempts to read while Valence is away. */
const RETRY = 3000;

/** Says that Valence is away, while it is. */
export function Outage() {
  const { error } = outage;
  if (!error) return null;
  return html`<p class="notice bad" role="status"><${State} value="Not available" kind="bad" /> ${error.message} <span class="hint">${error.list?.[0]?.hint} This page tries again by itself.</span> <span class="faint mono">${error.requestId}</span></p>`;
}

/** A link to a row of a list, such as "nodes", by its name. A row that is gone shows its UUID's first part. */
export function Named({ list, uuid, kind = "", href = to(`/${list}/${uuid}`) }) {
  const [name, set] = useState("");
  useEffect(() => {
    let here = true;
    nameOf(list, uuid).then((found) => here && set(found));
    return () => {
      here = false;
    };
  }, [list, uuid]);
  return html`<a href=${href}>${kind}${name || short(uuid)}</a>`;
}
export const PodManagerLink = ({ uuid }) => html`<${Named} list="pod_managers" uuid=${uuid} />`;
follow((event) => {
  if (!event || (event.old?.name !== event.new?.name && /node|pod_manager/.test(event.object_kind))) forgetNames();
});

/** Load data, again when a dependency changes. Returns {data, loading, error, reload}; the old data stay meanwhile. */
export function useData(load, dependencies) {
  const [state, set] = useState({ data: null, loading: true, error: null });
  const [round, again] = useState(0);
  const shown = useRef(false);
  useEffect(() => {
    const controller = new AbortController();
    let timer = null;
    set((before) => ({ ...before, loading: true }));
    reading().then(() => load(controller.signal)).then(
      (data) => {
        if (controller.signal.aborted) return;
        shown.current = true;
        set({ data, loading: false, error: null });
      },
      (error) => {
        if (controller.signal.aborted) return;
        if (isAway(error)) {
          away(error);
          timer = setTimeout(() => again((number) => number + 1), RETRY);
        } else if (error.status !== 404 || !shown.current) report(error); // else it was removed while it was shown
        set((before) => ({ ...before, loading: false, error }));
      }
    );
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [...dependencies, round]);
  const reload = useCallback(() => again((number) => number + 1), []);
  return { ...state, reload };
}

/** Call ``reload`` soon after events that ``concerns`` admits, once for many, and when the stream may have missed some. */
export function useLive(concerns, reload, wait = 400) {
  const wanted = useRef(concerns);
  wanted.current = concerns;
  useEffect(() => {
    let timer = null;
    const end = follow((event) => {
      if (event && !wanted.current(event)) return;
      timer ??= setTimeout(() => {
        timer = null;
        reload();
      }, wait);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [reload]);
}

/** Names and values, one a line. */
export function Facts({ facts }) {
  return html`<dl class="facts">${facts.filter(Boolean).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value == null || value === "" ? html`<span class="faint">–</span>` : value}</dd></div>`)}</dl>`;
}

/** A JSON document. */
export const Json = ({ value }) => html`<div class="json"><${Copy} value=${JSON.stringify(value, null, 2)} /><pre tabindex="0">${JSON.stringify(value, null, 2)}</pre></div>`;

/** What an empty list says: what belongs here and the first command. */
export function Empty({ children, command }) {
  return html`<div class="empty"><p>${children}</p>${command && html`<div class="row"><pre>${command}</pre><${Copy} value=${command} /></div>`}</div>`;
}

/** The changes between two states. */
export function Changes({ old, next, rows }) {
  return html`<table class="changes"><tbody>${rows.map(
    ([name, one, other]) => html`<tr key=${name}><th scope="row">${name}</th><td>${old ? html`<del>${text(one)}</del>` : null}</td><td>${next ? html`<ins>${text(other)}</ins>` : null}</td></tr>`
  )}</tbody></table>`;
}

/** A field of a form with its label. */
export function Field({ name, hint, children }) {
  return html`<label class="field"><span>${name}</span>${children}${hint && html`<small>${hint}</small>`}</label>`;
}

/** A choice; ``options`` are values, or pairs of value and text. */
export function Select({ value, options, onChange, label: name, any }) {
  const pairs = options.map((each) => (Array.isArray(each) ? each : [each, each]));
  return html`<select aria-label=${name} value=${value ?? ""} onChange=${(event) => onChange(event.target.value)}>
    ${any !== undefined && html`<option value="">${any}</option>`}
    ${pairs.map(([key, shown]) => html`<option key=${key} value=${key} selected=${key === value}>${shown}</option>`)}
  </select>`;
}

export { quote };
