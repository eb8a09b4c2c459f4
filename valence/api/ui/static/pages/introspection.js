// SPDX-License-Identifier: Apache-2.0
// Introspections, and the documents of one machine: the newest, and the difference between two versions.
import { get, may } from "../api.js";
import { html, short, text, took } from "../lib.js";
import { Action, Empty, Facts, Json, Named, Select, State, Time, useData, useLive } from "../parts.js";
import { go, to, usePlace } from "../router.js";

const ROWS = 50;
const PATH = "/introspection/v1/introspection";
/** Times of this dialect have no zone. */
const zoned = (moment) => (moment && !/Z$/.test(moment) ? `${moment}Z` : moment);

export function Introspections() {
  const place = usePlace();
  const { state, marker } = place.query;
  const query = new URLSearchParams(Object.entries({ limit: ROWS, state, marker }).filter(([, value]) => value));
  const { data, reload } = useData((signal) => get(`${PATH}?${query}`, signal), [String(query)]);
  useLive((event) => event.object_kind === "introspection", reload);
  const rows = data?.introspection || [];
  return html`<h1>Introspection</h1>
    <div class="toolbar"><${Select} label="State" value=${state} any="State: all" options=${["starting", "waiting", "processing", "finished", "error"]} onChange=${(value) => go("/introspection", { state: value }, true)} /></div>
    <div class="scroll" tabindex="0" role="region" aria-label="Introspections"><table><thead><tr><th scope="col">Machine</th><th scope="col">State</th><th scope="col">Started</th><th scope="col">Time</th><th scope="col">Error</th></tr></thead><tbody>
      ${rows.map((row) => html`<tr key=${row.uuid}><td data-label="Machine"><${Named} list="resources" uuid=${row.uuid} href=${to(`/introspection/${row.uuid}`)} /></td><td data-label="State"><${State} value=${row.state} /></td><td data-label="Started"><${Time} value=${zoned(row.started_at)} /></td><td data-label="Time">${took(zoned(row.started_at), zoned(row.finished_at))}</td><td data-label="Error">${row.error || ""}</td></tr>`)}
    </tbody></table>
    ${data && !rows.length && html`<${Empty} command="valence introspection start 'System 3' --source redfish --wait">No machine was introspected. An introspection collects what a machine has, from its ramdisk or by Redfish, and keeps each version.<//>`}</div>
    ${(marker || rows.length === ROWS) && html`<div class="pager"><span class="grow"></span><button type="button" class="small" disabled=${!marker} onClick=${() => history.back()}>‹ Previous</button><button type="button" class="small" disabled=${rows.length < ROWS} onClick=${() => go("/introspection", { state, marker: rows.at(-1).uuid })}>Next ›</button></div>`}`;
}

/** Return a value, or null where there is none yet. */
const maybe = (promise) => promise.catch((error) => {
  if (error.status === 404 || error.status === 403) return null;
  throw error;
});

async function load(machine, old, next, signal) {
  const path = `${PATH}/${machine}`;
  const [row, versions, resource] = await Promise.all([maybe(get(path, signal)), maybe(get(`${path}/data/versions`, signal)), maybe(get(`/v1/resources/${machine}`, signal))]);
  const all = versions?.versions || [];
  const newest = all[0]?.version;
  const data = all.length ? await maybe(get(`${path}/data?version=${next || newest}`, signal)) : null;
  const before = old || all[all.findIndex((each) => String(each.version) === String(next || newest)) + 1]?.version;
  const difference = before ? await maybe(get(`${path}/data/difference?old=${before}&new=${next || newest}`, signal)) : null;
  return { row, versions: all, resource, data, difference };
}

export function Introspection({ machine }) {
  const { path: here, query } = usePlace();
  const { old = "", next = "" } = query;
  const choose = (name) => (version) => go(here, { ...query, [name]: version }, true);
  const { data, reload } = useData((signal) => load(machine, old, next, signal), [machine, old, next]);
  useLive((event) => event.object_kind === "introspection" && event.object_id === machine, reload);
  if (!data) return html`<p class="crumbs"><a href="#/introspection">Introspection</a> ›</p><h1>…</h1>`;
  const { row, versions, resource, difference } = data;
  const options = versions.map((each) => [String(each.version), `version ${each.version}, ${each.source}, ${each.finished_at.replace("T", " ").replace("Z", "")}`]);
  const path = `${PATH}/${machine}`;
  return html`<p class="crumbs"><a href="#/introspection">Introspection</a> ›</p>
    <div class="row title"><h1>${resource?.name || short(machine)}</h1>${row && html`<${State} value=${row.state} />`}</div>
    ${row?.error && html`<p class="notice bad"><span aria-hidden="true">✕ </span>${row.error}</p>`}
    ${may("introspection:start") && html`<div class="actions" role="group" aria-label="Actions">
      <${Action} title="Introspect by Redfish" kind="primary" rule="introspection:start" action=${{ method: "POST", path: `${path}?source=redfish`, cli: ["introspection", "start", machine, "--source", "redfish", "--wait"] }} onDone=${reload} />
      <${Action} title="Introspect by ramdisk" rule="introspection:start" confirm="The machine boots into a ramdisk: what runs on it is interrupted." action=${{ method: "POST", path, cli: ["introspection", "start", machine, "--wait"] }} onDone=${reload} />
      ${row && !row.finished && html`<${Action} title="Abort" kind="danger" rule="introspection:start" action=${{ method: "POST", path: `${path}/abort`, cli: ["introspection", "abort", machine] }} onDone=${reload} />`}
    </div>`}
    ${row && html`<section><h2>Last run</h2><${Facts} facts=${[["Machine", html`<a class="mono" href=${to(`/resources/${machine}`)}>${machine}</a>`], ["Started", html`<${Time} value=${zoned(row.started_at)} />`], ["Ended", html`<${Time} value=${zoned(row.finished_at)} />`], ["Versions kept", versions.length]]} /></section>`}
    ${versions.length > 0 && html`<section><h2>Difference between two versions</h2>
      <div class="toolbar"><${Select} label="Older version" value=${String(difference?.old ?? "")} any="older version" options=${options} onChange=${choose("old")} /> → <${Select} label="Newer version" value=${String(difference?.new ?? next)} any="newest" options=${options} onChange=${choose("next")} /></div>
      ${!difference ? html`<p class="faint">There is one version so far: nothing to compare it with.</p>` : !difference.differences.length ? html`<p class="notice ok">The hardware is the same in both.</p>`
        : html`<div class="scroll"><table class="changes"><tbody>${difference.differences.map((each) => html`<tr key=${each.path}><th scope="row" class="mono">${each.path}</th><td>${each.change}</td><td>${"old" in each && html`<del>${text(each.old)}</del>`}</td><td>${"new" in each && html`<ins>${text(each.new)}</ins>`}</td></tr>`)}</tbody></table></div>`}
    </section>`}
    <section><h2>Document</h2>${data.data ? html`<${Json} value=${data.data} />` : html`<p class="faint">None is kept.</p>`}</section>`;
}
