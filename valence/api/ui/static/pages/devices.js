// SPDX-License-Identifier: Apache-2.0
// The devices that nodes can be made of, and any resource with its live Redfish document.
import { get } from "../api.js";
import { html, short } from "../lib.js";
import { Listing } from "../listing.js";
import { Action, Empty, Facts, Json, Named, PodManagerLink, State, Time, useData, useLive } from "../parts.js";
import { go, to } from "../router.js";
import { EventLine } from "./event_line.js";
import { capacity } from "./nodes.js";
import { Rack } from "./racks.js";

export const TYPES = ["Compute", "Memory", "Storage", "Network", "Accelerator", "System"];
const STATES = ["free", "in_use", "reserved", "unhealthy", "unavailable", "dirty"];

/** The state of a device, as its pod manager has it; a free one that nodes of Valence fill is called taken. */
function DeviceState({ device: { state, reason, full } }) {
  const isTaken = state === "free" && full;
  return html`<${State} value=${isTaken ? "taken" : state} kind=${isTaken ? "idle" : undefined} /> <span class="faint">${isTaken ? "by nodes" : reason}</span>`;
}

const COLUMNS = [
  { key: "device_type", title: "Type", cell: (row) => html`<a href=${to(`/resources/${row.uuid}`)}>${row.device_type}</a>` },
  { key: "model", cell: (row) => row.model || html`<span class="faint">–</span>` },
  { key: "size", title: "Capacity", cell: capacity, kind: "" },
  { key: "state", cell: (row) => html`<${DeviceState} device=${row} />` },
  { key: "node_id", title: "Node", cell: (row) => (row.node_id ? html`<${Named} list="nodes" uuid=${row.node_id} />` : html`<span class="faint">–</span>`) },
  { key: "consumers", title: "Used by", kind: "num", cell: (row) => `${row.consumers} of ${row.slots}` },
  { key: "cores", off: true, kind: "num" },
  { key: "memory_mib", title: "Memory, MiB", off: true, kind: "num" },
  { key: "storage_gib", title: "Storage, GiB", off: true, kind: "num" },
  { key: "speed_mbps", title: "Speed, Mbps", off: true, kind: "num" },
  { key: "architecture", off: true },
  { key: "media", off: true },
  { key: "podm_id", title: "Pod manager", cell: (row) => html`<${PodManagerLink} uuid=${row.podm_id} />` },
  { key: "uuid", title: "UUID", off: true, kind: "mono" },
];

export function Devices() {
  return html`<h1>Devices</h1><${Listing} id="devices" path="/v1/devices" name="devices" columns=${COLUMNS}
    filters=${[{ key: "device_type", title: "Type", options: TYPES }, { key: "state", options: STATES }, { key: "full", title: "Capacity", options: [["false", "Capacity left"], ["true", "All taken"]] }, { key: "media", options: ["SSD", "HDD", "NVMe"] }, { key: "model" }]}
    concerns=${(event) => event.object_kind === "node" || event.event_type === "valence.pod_manager.sync.end"}
    open=${(row) => to(`/resources/${row.uuid}`)}
    empty=${html`<${Empty} command="valence pod manager sync row-7 --wait">There are no devices. They are what nodes can be made of: blocks, pooled drives and whole systems. A synchronization finds them.<//>`} />`;
}

async function load(uuid, signal) {
  const resource = await get(`/v1/resources/${uuid}`, signal);
  const [live, device, events] = await Promise.all([
    get(`/v1/resources/${uuid}?detail=true`, signal).catch((error) => ({ failed: error })),
    get(`/v1/devices?uuid=${uuid}`, signal),
    get(`/v1/events?object_id=${uuid}&sort=sequence:desc&limit=20`, signal),
  ]);
  return { resource, detail: live.detail, failed: live.failed, device: device.devices[0], events: events.events };
}

export function Resource({ uuid }) {
  const { data, error, reload } = useData((signal) => load(uuid, signal), [uuid]);
  useLive((event) => event.object_id === uuid || event.object_kind === "node", reload);
  if (!data) return html`<p class="crumbs"><a href="#/devices">Devices</a> ›</p><h1>${error ? "This resource cannot be shown" : "…"}</h1>`;
  const { resource, detail, failed, device, events } = data;
  return html`<p class="crumbs"><a href=${device ? "#/devices" : "#/racks"}>${device ? "Devices" : "Racks"}</a> ›</p>
    <div class="row title"><h1>${resource.name || short(uuid)}</h1><span class="faint">${resource.resource_type}</span>${resource.health && html`<${State} value=${resource.health} />`}${resource.power_state && html`<${State} value=${resource.power_state} />`}</div>
    <div class="columns">
      <section><h2>Facts</h2><${Facts} facts=${[
        ["Redfish", html`<span class="mono">${resource.resource_url}</span>`],
        ["State", resource.state],
        ["Pod manager", html`<${PodManagerLink} uuid=${resource.podm_id} />`],
        detail?.Model && ["Model", detail.Model],
        detail?.Manufacturer && ["Manufacturer", detail.Manufacturer],
        detail?.SerialNumber && ["Serial number", html`<span class="mono">${detail.SerialNumber}</span>`],
        detail?.BiosVersion && ["Firmware", detail.BiosVersion],
        ["UUID", html`<span class="mono">${uuid}</span>`],
      ]} /></section>
      ${device && html`<section><h2>As a device</h2><${Facts} facts=${[
        ["Type", device.device_type],
        ["Capacity", capacity(device)],
        ["State", html`<${DeviceState} device=${device} />`],
        ["Node", device.node_id && html`<${Named} list="nodes" uuid=${device.node_id} />`],
        ["Used by", `${device.consumers} of ${device.slots}`],
      ]} />
      ${device.state === "dirty" && html`<p><${Action} title="Mark as free" rule="devices:update" confirm="Its content was not erased. The next node that gets it can read that content." action=${{ method: "PATCH", path: `/v1/devices/${uuid}`, body: { state: "free" }, cli: ["device", "set", uuid, "--state", "free"] }} onDone=${reload} /></p>`}</section>`}
    </div>
    ${resource.resource_type === "Rack" && html`<section><h2>Elevation</h2><${Rack} rack=${resource} /></section>`}
    ${resource.resource_type === "System" && html`<section><div class="row"><h2>Machine</h2><a href=${to(`/introspection/${uuid}`)}>Introspection documents</a>${device?.state === "free" && html`<${Action} title="Adopt as a node" rule="nodes:manage" confirm=${`Make ${resource.name} a node as it stands? Its power and its content stay as they are.`} action=${{ method: "POST", path: "/v1/nodes/manage", body: { resource_id: uuid }, cli: ["node", "manage", uuid] }} onDone=${(node) => go(`/nodes/${node.uuid}`)} />`}</div></section>`}
    <section><h2>Events</h2>${events.length ? html`<ul class="events">${events.map((event) => html`<${EventLine} key=${event.uuid} event=${event} />`)}</ul>` : html`<p class="faint">None are kept.</p>`}</section>
    <section><h2>Redfish, as the pod manager answers now</h2>${failed ? html`<p class="notice bad">${failed.message}</p>` : html`<${Json} value=${detail} />`}</section>`;
}
