// SPDX-License-Identifier: Apache-2.0
// The operations, and one of them as a timeline.
import { get } from "../api.js";
import { html, short, took, useEffect } from "../lib.js";
import { Listing } from "../listing.js";
import { Empty, Facts, Json, Named, State, Time, useData, useLive } from "../parts.js";
import { to } from "../router.js";
import { Steps, isEnded } from "./steps.js";

const LISTS = { node: "nodes", pod_manager: "pod_managers" };
const KINDS = [...Object.keys(LISTS), "device"];
const target = (row) => {
  const kind = `${row.target_kind.replace("_", " ")} `;
  if (LISTS[row.target_kind]) return html`<${Named} list=${LISTS[row.target_kind]} uuid=${row.target_id} kind=${kind} />`;
  return row.target_kind === "device" ? html`<a href=${to(`/resources/${row.target_id}`)}>${kind}${short(row.target_id)}</a>` : `${kind}${short(row.target_id)}`;
};

const COLUMNS = [
  { key: "operation_kind", title: "Operation", cell: (row) => html`<a href=${to(`/operations/${row.uuid}`)}>${row.operation_kind}</a>` },
  { key: "state", cell: (row) => html`<${State} value=${row.state} />` },
  { key: "target_id", title: "Target", cell: target, sort: false },
  { key: "steps", title: "Step", sort: false, cell: (row) => row.steps.find((each) => each.state !== "succeeded")?.name || html`<span class="faint">${row.steps.length} done</span>`, csv: (row) => row.steps.map((each) => `${each.name}:${each.state}`).join(" ") },
  { key: "cause", sort: false, cell: (row) => html`<span class="clip" title=${row.cause}>${row.cause || ""}</span>` },
  { key: "seconds", title: "Time", sort: false, cell: (row) => took(row.started_at, row.ended_at), csv: (row) => (row.ended_at ? (Date.parse(row.ended_at) - Date.parse(row.started_at)) / 1000 : "") },
  { key: "actor", off: true },
  { key: "conductor", off: true },
  { key: "attempts", off: true, kind: "num" },
  { key: "request_id", title: "Request", off: true, kind: "mono" },
  { key: "uuid", title: "UUID", off: true, kind: "mono" },
  { key: "created_at", title: "Requested", cell: (row) => html`<${Time} value=${row.created_at} />` },
];

/** Value of the filter for operations that have not ended. */
export const UNFINISHED = "in:pending,running";

export function Operations() {
  return html`<h1>Operations</h1><${Listing} id="operations" path="/v1/operations" name="operations" columns=${COLUMNS} order="created_at:desc"
    filters=${[{ key: "state", options: [[UNFINISHED, "unfinished"], "pending", "running", "succeeded", "failed", "cancelled"] }, { key: "operation_kind", title: "Operation", options: ["compose", "decompose", "power", "boot", "attach", "detach", "adopt", "erase", "sync"] }, { key: "target_kind", title: "Target", options: KINDS }]}
    concerns=${(event) => /node|pod_manager/.test(event.object_kind)}
    open=${(row) => to(`/operations/${row.uuid}`)}
    empty=${html`<${Empty} command="valence operation list">There are no operations. An operation is work that outlives its request: a synchronization, a composition, a power action.<//>`} />`;
}

export function Operation({ uuid }) {
  const { data: operation, error, reload } = useData((signal) => get(`/v1/operations/${uuid}`, signal), [uuid]);
  const runs = operation && !isEnded(operation);
  useLive((event) => event.object_id === operation?.target_id, reload);
  // The stream does not tell the steps of an operation, so they are read while it runs.
  useEffect(() => {
    if (!runs) return undefined;
    const timer = setInterval(reload, 1500);
    return () => clearInterval(timer);
  }, [runs, reload]);
  if (!operation) return html`<p class="crumbs"><a href="#/operations">Operations</a> ›</p><h1>${error ? "This operation cannot be shown" : "…"}</h1>`;
  return html`<p class="crumbs"><a href="#/operations">Operations</a> ›</p><h1>${operation.operation_kind} of ${target(operation)}</h1>
    <section><${Steps} operation=${operation} onDone=${reload} full /></section>
    <section><h2>Facts</h2><${Facts} facts=${[
      ["Result", operation.result],
      ["Progress", Object.entries(operation.progress).map(([name, value]) => `${name} ${value}`).join(", ") || null],
      ["Requested by", operation.actor || "Valence itself, or nobody who signed in"],
      ["Request", html`<span class="mono">${operation.request_id}</span>`],
      ["Conductor", operation.conductor],
      ["Attempts", operation.attempts],
      ["Requested", html`<${Time} value=${operation.created_at} />`],
      ["Ended", html`<${Time} value=${operation.ended_at} />`],
    ]} /></section>
    <details><summary>JSON</summary><${Json} value=${operation} /></details>`;
}
