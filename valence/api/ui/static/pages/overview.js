// SPDX-License-Identifier: Apache-2.0
// What needs attention first, then how much there is, then what changed.
import { get } from "../api.js";
import { html, search, useMemo } from "../lib.js";
import { Empty, State, Time, useData, useLive } from "../parts.js";
import { to } from "../router.js";
import { TYPES } from "./devices.js";
import { EventLine } from "./event_line.js";
import { STATES } from "./nodes.js";
import { UNFINISHED } from "./operations.js";

/** Most rows of each kind that need attention, and milliseconds after an event until what it changed is read again. */
const MOST = 10, WAIT = 1500;

/**
 * The figures: each counts the rows that ``where`` selects by the values of ``field``, or all of them without one.
 * ``link`` selects them in their list, and ``concerns(event)`` says which events change them.
 */
const FIGURES = [
  { title: "Nodes", path: "/nodes", field: "state", values: STATES, concerns: (event) => event.object_kind === "node" },
  { title: "Free devices", path: "/devices", where: { state: "free", full: false }, field: "device_type", values: TYPES, kind: "idle", concerns: (event) => event.object_kind === "node" || event.event_type === "valence.pod_manager.sync.end" },
  { title: "Running operations", path: "/operations", field: "state", values: ["pending", "running"], link: { state: UNFINISHED }, concerns: (event) => /node|pod_manager/.test(event.object_kind) },
  { title: "Pod managers", path: "/pod_managers", field: "status", values: ["online", "offline", "unknown", "deleted"], concerns: (event) => event.object_kind === "pod_manager" },
  { title: "Racks", path: "/racks", concerns: (event) => event.event_type === "valence.pod_manager.sync.end" },
];

const counted = async (path, query, signal) => (await get(`/v1${path}?${search({ ...query, limit: 0, with_count: true })}`, signal)).count;

async function rows(name, query, signal) {
  const data = await get(`/v1/${name}?${search({ limit: MOST, ...query })}`, signal);
  return { rows: data[name], more: data.links.some((each) => each.rel === "next") };
}

async function load(signal) {
  const [podManagers, nodes, failed, sick, events] = await Promise.all([
    rows("pod_managers", { status: "offline", fields: "uuid,name,status,last_error" }, signal),
    rows("nodes", { state: "error", fields: "uuid,name,state,error" }, signal),
    rows("operations", { state: "failed", created_at: `gte:${day()}`, sort: "created_at:desc" }, signal),
    rows("resources", { health: "in:Warning,Critical" }, signal),
    rows("events", { sort: "sequence:desc", limit: 15, created_at: `gte:${day()}`, event_type: "neq:valence.resource.added" }, signal),
  ]);
  return { podManagers, nodes, failed, sick, events };
}
const day = () => new Date(Date.now() - 86400e3).toISOString().replace(/\.\d+/, "");

export function Overview() {
  const { data, reload } = useData(load, []);
  useLive(() => true, reload, WAIT);
  const attention = useMemo(() => (data ? problems(data) : []), [data]);
  return html`<h1>Overview</h1>
    <section aria-labelledby="attention"><h2 id="attention">Needs attention</h2>
      ${!data ? html`<p class="faint" role="status">Loading …</p>` : attention.length ? html`<ul class="lines">${attention.map((each) => html`<li key=${each.key}><${State} value=${each.state} kind=${each.kind} /><a href=${each.href}>${each.title}</a><span class="faint clip">${each.why}</span></li>`)}</ul>`
        : html`<p class="quiet"><${State} value="Nothing" kind="ok" /> <span class="faint">All pod managers answer, and no node, device or operation has failed in the last 24 hours.</span></p>`}
    </section>
    <section class="cards" aria-label="Figures">${FIGURES.map((each) => html`<${Figure} key=${each.title} figure=${each} />`)}</section>
    <section aria-labelledby="changes"><div class="row"><h2 id="changes">Changes of the last 24 hours</h2><span class="grow"></span><a href=${to("/events")}>All events</a></div>
      ${!data ? html`<p class="faint">Loading …</p>` : data.events.rows.length ? html`<ul class="events">${data.events.rows.map((event) => html`<${EventLine} key=${event.uuid} event=${event} />`)}</ul>` : html`<${Empty} command="valence pod manager create row-7 --url https://10.0.0.7/redfish/v1 --username admin --password-prompt">Nothing changed. Register a pod manager to see its hardware.<//>`}
    </section>`;
}

function Figure({ figure }) {
  const { title, path, where = {}, field, values = [null], link = where, kind, concerns } = figure;
  const { data, reload } = useData((signal) => Promise.all(values.map((value) => counted(path, value ? { ...where, [field]: value } : where, signal))), []);
  useLive(concerns, reload, WAIT);
  const parts = field && data ? values.map((value, place) => [value, data[place]]).filter(([, number]) => number) : [];
  return html`<div class="card figure" aria-busy=${!data}><a href=${to(path, link)}><span class="name">${title}</span><strong>${data ? data.reduce((sum, number) => sum + number) : "…"}</strong></a>
    <ul>${parts.map(([value, number]) => html`<li key=${value}><a href=${to(path, { ...where, [field]: value })}><${State} value=${value} kind=${kind} /></a><span class="num">${number}</span></li>`)}</ul>
  </div>`;
}

function problems({ podManagers, nodes, failed, sick }) {
  const groups = [
    [podManagers, (each) => ({ state: "offline", title: `Pod manager ${each.name}`, why: each.last_error, href: to(`/pod_managers/${each.uuid}`) }), "Other pod managers that are offline", to("/pod_managers", { status: "offline" })],
    [nodes, (each) => ({ state: "error", title: `Node ${each.name}`, why: each.error, href: to(`/nodes/${each.uuid}`) }), "Other nodes with errors", to("/nodes", { state: "error" })],
    [failed, (each) => ({ state: "failed", title: `Operation ${each.operation_kind}`, why: html`<${Time} value=${each.ended_at} /> · ${each.cause}`, href: to(`/operations/${each.uuid}`) }), "Other operations that failed", to("/operations", { state: "failed" })],
    [sick, (each) => ({ state: each.health, title: `${each.resource_type} ${each.name}`, why: each.resource_url, href: to(`/resources/${each.uuid}`) })],
  ];
  return groups.flatMap(([{ rows: all, more }, line, title, href]) => [
    ...all.map((each) => ({ key: each.uuid, ...line(each) })),
    ...(more && href ? [{ key: title, state: "more", title, href }] : []),
  ]);
}
