// SPDX-License-Identifier: Apache-2.0
// The nodes, and one node: its state, its actions, devices, operations and events.
import { get, may, report, request } from "../api.js";
import { counted, html, label, short, useEffect, useRef, useState } from "../lib.js";
import { Listing } from "../listing.js";
import { Action, Dialog, Empty, Facts, Field, Json, PodManagerLink, Select, ShowCommand, State, Time, useData, useLive } from "../parts.js";
import { go, to } from "../router.js";
import { EventLine } from "./event_line.js";
import { Steps, isEnded } from "./steps.js";

export const STATES = ["composing", "composed", "changing", "decomposing", "error"];
const POWER = [["on", "Power on"], ["force_off", "Power off"], ["graceful_shutdown", "Shut down"], ["graceful_restart", "Restart"], ["force_restart", "Force restart"], ["power_cycle", "Power cycle"], ["nmi", "Send NMI"]];
const BOOT = ["pxe", "disk", "cd", "usb", "bios_setup", "uefi_http", "none"];

const UNITS = { capacity_gib: " GiB", capacity_mib: " MiB", speed_mbps: " Mbps" };

/** Return requirements in words, such as "processor 32 cores · storage 1 × 1000 GiB". */
export function needs(requirements) {
  const one = (part, { count, ...fields }) => `${part} ${count ? `${count} × ` : ""}${Object.entries(fields).map(([name, value]) => (name === "total_cores" ? counted(value, "core") : `${value}${UNITS[name] || ""}`)).join(" ")}`.trim();
  return Object.entries(requirements || {}).flatMap(([part, all]) => [all].flat().map((each) => one(part, each))).join(" · ");
}

const COLUMNS = [
  { key: "name", cell: (row) => html`<a href=${to(`/nodes/${row.uuid}`)}>${row.name}</a>` },
  { key: "state", cell: (row) => html`<${State} value=${row.state} />${row.error && html` <span class="faint clip">${row.error}</span>`}` },
  { key: "power_state", title: "Power", cell: (row) => html`<${State} value=${row.power_state} />` },
  { key: "health", cell: (row) => html`<${State} value=${row.health} />` },
  { key: "kind" },
  { key: "requirements", sort: false, cell: (row) => html`<span class="clip">${needs(row.requirements)}</span>` },
  { key: "project_id", title: "Project", off: true },
  { key: "managed_by", off: true },
  { key: "uuid", title: "UUID", off: true, kind: "mono" },
  { key: "created_at", title: "Created", cell: (row) => html`<${Time} value=${row.created_at} />` },
  { key: "updated_at", title: "Changed", off: true, cell: (row) => html`<${Time} value=${row.updated_at} />` },
];

export function Nodes() {
  return html`<div class="row"><h1>Nodes</h1><span class="grow"></span>${may("nodes:create") && html`<a class="button primary" href=${to("/compose")}>Compose a node</a>`}</div>
    <${Listing} id="nodes" path="/v1/nodes" name="nodes" columns=${COLUMNS} order="created_at:desc"
      filters=${[{ key: "state", options: STATES }, { key: "power_state", title: "Power", options: ["On", "Off"] }, { key: "kind", options: ["composed", "allocated", "system"] }, { key: "name" }]}
      concerns=${(event) => event.object_kind === "node" || event.event_type === "valence.resource.state_changed"}
      open=${(row) => to(`/nodes/${row.uuid}`)}
      empty=${html`<${Empty} command="valence node create web-1 --flavor gpu --wait">There are no nodes. A node is a machine that a project has. Compose one here, or on the command line:<//>`} />`;
}

/** Load a node; one that was shown, and is released meanwhile, stays as it was, with ``gone``. */
async function load(key, signal, last) {
  const path = `/v1/nodes/${encodeURIComponent(key)}`;
  let node;
  try {
    node = await get(path, signal);
  } catch (error) {
    if (error.status !== 404 || !last) throw error;
    return { ...last, operations: last.operations.filter(isEnded), gone: true };
  }
  const [devices, operations, events, flavor] = await Promise.all([
    get(`${path}/devices`, signal),
    get(`/v1/operations?target_id=${node.uuid}&sort=created_at:desc&limit=10`, signal),
    get(`/v1/events?object_id=${node.uuid}&sort=sequence:desc&limit=20`, signal),
    node.flavor_id ? get(`/v1/flavors/${node.flavor_id}`, signal).catch(() => null) : null,
  ]);
  return { node, devices: devices.devices, operations: operations.operations, events: events.events, flavor };
}

export function Node({ node: name }) {
  const last = useRef(null);
  const { data, error, reload } = useData(async (signal) => (last.current = await load(name, signal, last.current)), [name]);
  const node = data?.node;
  const isBusy = data?.operations.some((each) => !isEnded(each));
  useLive((event) => event.object_id === node?.uuid || event.object_id === node?.resource_id || (event.object_kind === "resource" && event.new?.resource_url === node?.resource_url), reload);
  // The stream does not tell the steps of an operation, so they are read while one runs.
  useEffect(() => {
    if (!isBusy) return undefined;
    const timer = setInterval(reload, 1500);
    return () => clearInterval(timer);
  }, [isBusy, reload]);
  if (!data) return html`<p><a href="#/nodes">Nodes</a> ›</p><h1>${error ? "This node cannot be shown" : "…"}</h1>${error && html`<p>${error.message}</p>`}`;
  const { gone } = data;
  return html`<p class="crumbs"><a href="#/nodes">Nodes</a> ›</p>
    <div class="row title"><h1>${node.name}</h1><${State} value=${gone ? "deleted" : node.state} />${node.power_state && html`<${State} value=${node.power_state} />`}${node.health && html`<${State} value=${node.health} />`}</div>
    ${node.description && html`<p>${node.description}</p>`}
    ${node.error && html`<p class="notice bad"><span aria-hidden="true">✕ </span>${node.error}</p>`}
    ${gone ? html`<p class="notice">The node has been released. <a href="#/nodes">All nodes</a></p>` : html`<${Actions} node=${node} devices=${data.devices} operations=${data.operations} isBusy=${isBusy} onDone=${reload} />`}
    <div class="columns">
      <section><h2>Facts</h2><${Facts} facts=${[
        ["Kind", node.kind],
        ["Project", node.project_id || null],
        ["Flavor", data.flavor && data.flavor.name],
        ["Requirements", needs(node.requirements) || "any machine"],
        ["Pod manager", html`<${PodManagerLink} uuid=${node.podm_id} />`],
        ["Redfish", node.resource_url && html`<a class="mono" href=${to(`/resources/${node.resource_id}`)}>${node.resource_url}</a>`],
        ["Managed by", node.managed_by],
        ["UUID", html`<span class="mono">${node.uuid}</span>`],
        ["Created", html`<${Time} value=${node.created_at} />`],
        ["Changed", html`<${Time} value=${node.updated_at} />`],
      ]} /></section>
      <section><h2>Operations</h2>${data.operations.map((each) => html`<${Steps} key=${each.uuid} operation=${each} onDone=${reload} />`)}</section>
    </div>
    <section><h2>Devices</h2><${Devices} node=${node} devices=${data.devices} onDone=${reload} gone=${gone || isBusy} /></section>
    <section><h2>Events</h2><ul class="events">${data.events.map((event) => html`<${EventLine} key=${event.uuid} event=${event} />`)}</ul></section>
    <details><summary>JSON</summary><${Json} value=${node} /></details>`;
}

function act(node, body, cli) {
  return { method: "POST", path: `/v1/nodes/${node.uuid}/action`, body, cli: ["node", ...cli, "--wait"] };
}

function Actions({ node, isBusy, operations, onDone }) {
  const [power, setPower] = useState("graceful_restart");
  const [target, setTarget] = useState("pxe");
  const [attaching, setAttaching] = useState(false);
  const isOn = node.power_state === "On";
  const main = isOn ? "force_off" : "on";
  const failed = operations.find((each) => each.state === "failed");
  const others = POWER.filter(([key]) => key !== main);
  return html`<div class="actions" aria-label="Actions" role="group">
    ${node.state === "error" && failed && html`<${Action} title="Retry" kind="primary" rule="operations:retry" action=${{ method: "POST", path: `/v1/operations/${failed.uuid}/retry`, cli: ["operation", "retry", failed.uuid, "--wait"] }} onDone=${onDone} />`}
    <${Action} title=${isOn ? "Power off" : "Power on"} kind=${isOn ? "" : "primary"} rule="nodes:action" disabled=${isBusy} action=${act(node, { power: main }, ["power", node.name, main])} onDone=${onDone} />
    ${may("nodes:action") && html`<span class="group"><${Select} label="Power action" value=${power} options=${others} onChange=${setPower} /><${Action} title="Do" rule="nodes:action" disabled=${isBusy} action=${act(node, { power }, ["power", node.name, power])} onDone=${onDone} /></span>
    <span class="group"><${Select} label="Boot from" value=${target} options=${BOOT.map((each) => [each, `Boot: ${each.replaceAll("_", " ")}`])} onChange=${setTarget} /><${Action} title="Set once" rule="nodes:action" disabled=${isBusy} action=${act(node, { boot: { target } }, ["boot", node.name, target])} onDone=${onDone} /></span>`}
    ${node.kind === "composed" && may("nodes:action") && html`<button type="button" disabled=${isBusy} onClick=${() => setAttaching(true)}>Attach a device …</button>`}
    <span class="grow"></span>
    <${Action} title="Delete" kind="danger" rule="nodes:delete" confirm=${`Release ${node.name}? Its machine is switched off and taken apart, and its devices become free.`} action=${{ method: "DELETE", path: `/v1/nodes/${node.uuid}`, cli: ["node", "delete", node.name, "--wait"] }} onDone=${(data) => (data ? onDone() : go("/nodes"))} />
    ${attaching && html`<${Attach} node=${node} onClose=${() => setAttaching(false)} onDone=${onDone} />`}
  </div>`;
}

function Attach({ node, onClose, onDone }) {
  const { data } = useData((signal) => get(`/v1/devices?state=free&device_type=in:Storage,Network,Accelerator,Memory&podm_id=${node.podm_id}&limit=50`, signal), [node.podm_id]);
  const [chosen, set] = useState("");
  const action = act(node, { attach: { device_id: chosen } }, ["attach", node.name, "--device", chosen || "UUID"]);
  const run = async () => {
    try {
      await request(action.method, action.path, action.body);
      onDone();
      onClose();
    } catch (error) {
      report(error);
      onClose();
    }
  };
  return html`<${Dialog} title=${`Attach a device to ${node.name}`} onClose=${onClose}>
    <${Field} name="Free devices of the same pod manager" hint=${data && !data.devices.length ? "There is none. Take another node apart, or synchronize the pod manager." : "A device that the machine cannot reach is refused with the reason."}>
      <select size="8" value=${chosen} onChange=${(event) => set(event.target.value)}>${(data?.devices || []).map((each) => html`<option key=${each.uuid} value=${each.uuid}>${each.device_type} · ${each.model || "unknown model"} · ${capacity(each)}</option>`)}</select>
    <//>
    <div class="buttons end"><${ShowCommand} action=${action} what="Attach a device" /><button type="button" onClick=${onClose}>Cancel</button><button type="button" class="primary" disabled=${!chosen} onClick=${run}>Attach</button></div>
  <//>`;
}

/** Return the measure of a device that leads for its type. */
export function capacity(device) {
  return {
    Compute: `${counted(device.cores, "core")}, ${Math.round(device.memory_mib / 1024)} GiB`,
    System: `${counted(device.cores, "core")}, ${Math.round(device.memory_mib / 1024)} GiB, ${device.storage_gib} GiB disk`,
    Memory: `${Math.round(device.memory_mib / 1024)} GiB`,
    Storage: `${device.storage_gib} GiB${device.media ? ` ${device.media}` : ""}`,
    Network: `${device.speed_mbps} Mbps`,
    Accelerator: `${device.accelerators} × ${device.architecture || "accelerator"}`,
  }[device.device_type];
}

function Devices({ node, devices, gone, onDone }) {
  if (!devices.length) return html`<p class="faint">No devices of its own: the machine is a system as it stands.</p>`;
  return html`<div class="scroll"><table><thead><tr><th scope="col">Part</th><th scope="col">Type</th><th scope="col">Model</th><th scope="col">State</th><th scope="col">Serial numbers</th><th></th></tr></thead><tbody>
    ${devices.map((each) => html`<tr key=${each.id}>
      <td data-label="Part">${each.part}</td><td data-label="Type">${each.device_type}</td><td data-label="Model"><a href=${to(`/resources/${each.device_id}`)}>${each.model || short(each.device_id)}</a></td>
      <td data-label="State"><${State} value=${each.state} />${each.error && html` <span class="faint">${each.error}</span>`}</td>
      <td data-label="Serial numbers">${each.parts.map((part) => html`<div class="pieces" key=${part.resource_id}><a href=${to(`/resources/${part.resource_id}`)}>${part.name || label(part.resource_type)}</a> <span class="mono faint">${part.identity}</span></div>`)}</td>
      <td class="num">${node.kind === "composed" && each.part !== "processor" && html`<${Action} title="Detach" rule="nodes:action" disabled=${gone} confirm=${`Detach ${each.model || each.device_type} from ${node.name}?`} action=${act(node, { detach: { device_id: each.device_id } }, ["detach", node.name, each.device_id])} onDone=${onDone} />`}</td>
    </tr>`)}
  </tbody></table></div>`;
}
