// SPDX-License-Identifier: Apache-2.0
// The pod managers: register, test, synchronize, mend.
import { get, may, report, request } from "../api.js";
import { html, natural, short, useState } from "../lib.js";
import { Listing } from "../listing.js";
import { Action, Dialog, Empty, Facts, Field, Json, ShowCommand, State, Time, useData, useLive } from "../parts.js";
import { go, to } from "../router.js";
import { EventLine } from "./event_line.js";
import { Steps } from "./steps.js";

const COLUMNS = [
  { key: "name", cell: (row) => html`<a href=${to(`/pod_managers/${row.uuid}`)}>${row.name}</a>` },
  { key: "status", cell: (row) => html`<${State} value=${row.maintenance ? "maintenance" : row.status} />` },
  { key: "url", title: "URL", kind: "mono" },
  { key: "last_error", title: "Last error", cell: (row) => html`<span class="clip" title=${row.last_error}>${row.last_error || ""}</span>` },
  { key: "conductor" },
  { key: "conductor_group", off: true },
  { key: "driver", off: true },
  { key: "failures", off: true, kind: "num" },
  { key: "description", off: true },
  { key: "last_contact_at", title: "Last contact", off: true, cell: (row) => html`<${Time} value=${row.last_contact_at} />` },
  { key: "last_synced_at", title: "Synchronized", cell: (row) => html`<${Time} value=${row.last_synced_at} />` },
  { key: "uuid", title: "UUID", off: true, kind: "mono" },
];
const COMMAND = "valence pod manager create row-7 --url https://10.0.0.7/redfish/v1 --username admin --password-prompt";
const sync = (row) => ({ method: "POST", path: `/v1/pod_managers/${row.uuid}/sync`, cli: ["pod", "manager", "sync", row.name, "--wait"] });

export function PodManagers() {
  const [adding, set] = useState(false);
  return html`<div class="row"><h1>Pod managers</h1><span class="grow"></span>${may("pod_managers:create") && html`<button type="button" class="primary" onClick=${() => set(true)}>Register a pod manager</button>`}</div>
    ${adding && html`<${Form} onClose=${() => set(false)} onDone=${(row) => go(`/pod_managers/${row.uuid}`)} />`}
    <${Listing} id="pod_managers" path="/v1/pod_managers" name="pod_managers" columns=${COLUMNS} order="name:asc"
      filters=${[{ key: "status", options: ["online", "offline", "unknown", "deleted"] }, { key: "name" }]}
      concerns=${(event) => event.object_kind === "pod_manager"}
      open=${(row) => to(`/pod_managers/${row.uuid}`)}
      empty=${html`<${Empty} command=${COMMAND}>No pod manager is registered. A pod manager is the Redfish service in front of racks. Register one here, or on the command line:<//>`} />`;
}

const VERIFY = "“true” checks by the system's authorities, “false” not at all; or the path of a file on every conductor.";

/** The form of a new pod manager, or of one that is changed: then only fields that differ are sent. */
function Form({ row, onClose, onDone }) {
  const [values, set] = useState(row ? { name: row.name, url: row.url, username: row.username, password: "", verify_ca: row.verify_ca, description: row.description, maintenance: row.maintenance } : { name: "", url: "https://", username: "", password: "", verify_ca: "true", description: "" });
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  const body = Object.fromEntries(Object.entries(values).filter(([name, value]) => (row ? (name === "password" ? value : value !== row[name]) : value !== "")));
  const shown = body.password ? { ...body, password: "…" } : body;
  const cli = ["pod", "manager", row ? "set" : "create", row ? row.name : values.name || "NAME", ...Object.entries(body).filter(([name]) => !["name", "password"].includes(name) || (row && name === "name")).flatMap(([name, value]) => (name === "maintenance" ? [value ? "--maintenance" : "--no-maintenance"] : [`--${name.replace("_", "-")}`, value])), ...(body.password ? ["--password-prompt"] : [])];
  const action = { method: row ? "PATCH" : "POST", path: row ? `/v1/pod_managers/${row.uuid}` : "/v1/pod_managers", body: shown, cli };
  const at = (name) => failure?.list.find((each) => each.path === `$.${name}`)?.detail;
  const change = (name) => (event) => set({ ...values, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      const { data } = await request(action.method, action.path, body);
      onClose();
      onDone(data);
      return;
    } catch (error) {
      setFailure(error);
    }
    setBusy(false);
  };
  const field = (name, title, options = {}, hint = "") => html`<${Field} name=${title} hint=${hint}><input name=${name} value=${values[name]} onInput=${change(name)} aria-invalid=${Boolean(at(name))} ...${options} />${at(name) && html`<em class="wrong">${at(name)}</em>`}<//>`;
  const others = failure?.list.filter((each) => !Object.keys(values).some((name) => each.path === `$.${name}`)) || [];
  return html`<${Dialog} title=${row ? `Change ${row.name}` : "Register a pod manager"} onClose=${onClose}><form class="form" onSubmit=${submit}>
    ${others.map((each) => html`<p role="alert" class="notice bad">${each.detail} <span class="hint">${each.hint}</span></p>`)}
    ${field("name", "Name", { required: true, autofocus: true })}
    ${field("url", "URL", { required: true, type: "url", placeholder: "https://10.0.0.7/redfish/v1" }, "Redfish service root.")}
    ${field("username", "User name", { autocomplete: "off" })}
    ${field("password", "Password", { type: "password", autocomplete: "new-password" }, row ? "Leave it empty to keep the present one." : "Stored encrypted; the API never shows it.")}
    ${field("verify_ca", "Check of the certificate", {}, VERIFY)}
    ${field("description", "Description")}
    ${row && html`<label><input type="checkbox" checked=${values.maintenance} onChange=${change("maintenance")} /> Maintenance: Valence leaves it alone</label>`}
    <div class="buttons end"><${ShowCommand} action=${action} what=${row ? "Change the pod manager" : "Register the pod manager"} /><button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="primary" disabled=${busy || (row && !Object.keys(body).length)}>${row ? "Save" : "Register and test"}</button></div>
  </form><//>`;
}

async function load(uuid, signal) {
  const [row, operations, events, racks] = await Promise.all([
    get(`/v1/pod_managers/${uuid}`, signal),
    get(`/v1/operations?target_id=${uuid}&sort=created_at:desc&limit=5`, signal),
    get(`/v1/events?object_id=${uuid}&sort=sequence:desc&limit=20`, signal),
    get(`/v1/racks?podm_id=${uuid}&limit=50`, signal),
  ]);
  return { row, operations: operations.operations, events: events.events, racks: racks.racks };
}

export function PodManager({ uuid }) {
  const [changing, set] = useState(false);
  const { data, error, reload } = useData((signal) => load(uuid, signal), [uuid]);
  useLive((event) => event.object_id === uuid, reload);
  if (!data) return html`<p class="crumbs"><a href="#/pod_managers">Pod managers</a> ›</p><h1>${error ? "This pod manager cannot be shown" : "…"}</h1>`;
  const { row, operations, events, racks } = data;
  return html`<p class="crumbs"><a href="#/pod_managers">Pod managers</a> ›</p>
    <div class="row title"><h1>${row.name}</h1><${State} value=${row.status} />${row.maintenance && html`<${State} value="maintenance" />`}</div>
    ${error?.status === 404 && html`<p class="notice">The pod manager has been removed. <a href="#/pod_managers">All pod managers</a></p>`}
    ${row.last_error && html`<p class="notice bad"><span aria-hidden="true">✕ </span>${row.last_error}</p>`}
    <div class="actions" role="group" aria-label="Actions">
      <${Action} title="Test and synchronize" kind="primary" rule="pod_managers:sync" action=${sync(row)} onDone=${reload} />
      ${may("pod_managers:update") && html`<button type="button" onClick=${() => set(true)}>Change …</button>`}
      <span class="grow"></span>
      <${Action} title="Delete" kind="danger" rule="pod_managers:delete" confirm=${`Remove ${row.name}? Its resources are removed from Valence; the hardware stays as it is.`} action=${{ method: "DELETE", path: `/v1/pod_managers/${uuid}`, cli: ["pod", "manager", "delete", row.name] }} onDone=${() => go("/pod_managers")} />
    </div>
    ${changing && html`<${Form} row=${row} onClose=${() => set(false)} onDone=${reload} />`}
    <div class="columns">
      <section><h2>Facts</h2><${Facts} facts=${[
        ["URL", html`<span class="mono">${row.url}</span>`],
        ["User name", row.username],
        ["Certificate", { true: "checked", false: "not checked" }[row.verify_ca] || html`checked by <code>${row.verify_ca}</code>`],
        ["Description", row.description],
        ["Conductor", row.conductor],
        ["Group", row.conductor_group],
        ["Last contact", html`<${Time} value=${row.last_contact_at} />`],
        ["Synchronized", html`<${Time} value=${row.last_synced_at} />`],
        ["Next", html`<${Time} value=${row.next_sync_at} />`],
        ["UUID", html`<span class="mono">${row.uuid}</span>`],
        ["Racks", racks.length ? racks.sort((one, other) => natural(one.name || "", other.name || "")).map((each) => html`<a key=${each.uuid} href=${to("/racks", { podm_id: uuid })}>${each.name || short(each.uuid)} </a>`) : null],
      ]} /></section>
      <section><h2>Operations</h2>${operations.length ? operations.map((each) => html`<${Steps} key=${each.uuid} operation=${each} onDone=${reload} />`) : html`<p class="faint">None are kept. A synchronization by its timetable is none.</p>`}</section>
    </div>
    <section><h2>Events</h2><ul class="events">${events.map((event) => html`<${EventLine} key=${event.uuid} event=${event} />`)}</ul></section>
    <details><summary>JSON</summary><${Json} value=${row} /></details>`;
}
