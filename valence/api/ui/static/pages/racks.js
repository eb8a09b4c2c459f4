// SPDX-License-Identifier: Apache-2.0
// The racks: the pictures that the API draws, with links. A node lights up in all racks.
import { authorization, get, url } from "../api.js";
import { html, natural, search, short, useCallback, useEffect, useRef, useState } from "../lib.js";
import { nextMarker } from "../listing.js";
import { Empty, ShowCommand, useData, useLive } from "../parts.js";
import { go, to, usePlace } from "../router.js";

/** Racks of one page, the most of the API. A rack out of view costs an empty frame. */
const ROWS = 1000;

/** Return {root, tag} of the picture of a rack. XMLHttpRequest parses XML without any HTML being involved. */
function picture(uuid, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url(`/v1/racks/${uuid}.svg`));
    request.overrideMimeType("image/svg+xml");
    request.responseType = "document";
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.onload = () => (request.status === 200 && request.response ? resolve({ root: request.response.documentElement, tag: request.getResponseHeader("ETag") }) : reject(new Error(`The picture cannot be shown: HTTP ${request.status}.`)));
    request.onerror = () => reject(new Error("The API did not answer."));
    signal.addEventListener("abort", () => request.abort());
    request.send();
  });
}

export function Racks() {
  const place = usePlace();
  const { marker, name = "", size, podm_id: podManager } = place.query;
  const query = search({ sort: "name:asc", limit: ROWS, fields: "uuid,name,podm_id", marker, podm_id: podManager });
  const { data, reload } = useData((signal) => get(`/v1/racks?${query}`, signal), [query]);
  useLive((event) => /resource\.(added|removed)$/.test(event.event_type) && (event.new || event.old)?.resource_type === "Rack", reload);
  const area = useRef();
  const lit = useRef(null);
  const next = nextMarker(data);
  // A hundred racks have thousands of elements: only those of the two nodes change, and no component renders again.
  const light = (node) => {
    if (!area.current || (!node && !lit.current)) return;
    lit.current = node;
    area.current.classList.toggle("lighting", Boolean(node));
    for (const each of area.current.querySelectorAll(".lit")) each.classList.remove("lit");
    if (node) for (const each of area.current.querySelectorAll(`[data-node="${CSS.escape(node)}"]`)) each.classList.add("lit");
  };
  const point = (event) => light((event.target.closest("[data-node]") || document.activeElement.closest(".racks [data-node]"))?.dataset.node || null);
  const shown = (data?.racks || []).filter((each) => (each.name || "").toLowerCase().includes(name.toLowerCase())).sort((one, other) => natural(one.name || "", other.name || ""));
  const set = (values) => go("/racks", { ...place.query, ...values }, true);
  return html`<div class="row"><h1>Racks</h1><span class="grow"></span><${ShowCommand} what="List the racks" action=${{ method: "GET", path: "/v1/racks?sort=name:asc", cli: ["rack", "list"] }} /></div>
    <div class="toolbar">
      <input type="search" aria-label="Name" placeholder="Name contains …" value=${name} onInput=${(event) => set({ name: event.target.value.trim() })} />
      <button type="button" class="chip" aria-pressed=${size === "small"} onClick=${() => set({ size: size === "small" ? undefined : "small" })}>Small</button>
      ${podManager && html`<button type="button" class="small" onClick=${() => set({ podm_id: undefined })}>Pod manager ${short(podManager)} ✕</button>`}
      <span class="grow"></span>
      <span class="legend faint"><span class="state ok"><span class="mark" aria-hidden="true">●</span>OK</span><span class="state"><span class="mark" aria-hidden="true">○</span>off or unknown</span><span class="state warn"><span class="mark" aria-hidden="true">▲</span>warning</span><span class="state bad"><span class="mark" aria-hidden="true">✕</span>critical</span><span>blue frame: part of a node</span></span>
    </div>
    <div class="racks ${size === "small" ? "small" : ""}" ref=${area} onMouseOver=${point} onMouseLeave=${() => light(null)} onfocusin=${point} onfocusout=${() => light(null)}>
      ${shown.map((rack) => html`<${Rack} key=${rack.uuid} rack=${rack} />`)}
    </div>
    ${data && !shown.length && html`<div class="card">${data.racks.length ? html`<div class="empty">No rack has a name with “${name}”.</div>` : html`<${Empty} command="valence pod manager sync row-7 --wait">There are no racks. A synchronization finds the racks of a pod manager; not every pod manager has some.<//>`}</div>`}
    ${(next || marker) && html`<div class="pager"><span class="grow"></span><button type="button" class="small" disabled=${!marker} onClick=${() => history.back()}>‹ Previous</button><button type="button" class="small" disabled=${!next} onClick=${() => go("/racks", { ...place.query, marker: next })}>Next ›</button></div>`}`;
}

/** The picture of a rack, read when it comes into view, and again after changes. */
export function Rack({ rack }) {
  const [figure, holder, last, isFresh] = [useRef(), useRef(), useRef(null), useRef(false)];
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setVisible(entries.at(-1).isIntersecting), { rootMargin: "200px" });
    observer.observe(figure.current);
    return () => observer.disconnect();
  }, []);
  const { data: drawn, error, reload } = useData(async (signal) => {
    if (!visible || isFresh.current) return last.current;
    const found = await picture(rack.uuid, signal);
    isFresh.current = true;
    if (found.tag !== last.current?.tag || !found.tag) last.current = found;
    return last.current;
  }, [rack.uuid, visible]);
  const change = useCallback(() => {
    isFresh.current = false;
    reload();
  }, [reload]);
  useLive((event) => event.object_kind === "node" || (event.podm_id === rack.podm_id && /state_changed|added|removed|sync\.end/.test(event.event_type)), change, 2000);
  useEffect(() => {
    if (!drawn) return;
    const svg = document.adoptNode(drawn.root);
    for (const each of svg.querySelectorAll("[data-uuid]")) each.setAttribute("href", to(`/resources/${each.dataset.uuid}`));
    const focused = holder.current.contains(document.activeElement) && document.activeElement.dataset.uuid;
    holder.current.replaceChildren(svg);
    if (focused) svg.querySelector(`[data-uuid="${CSS.escape(focused)}"]`)?.focus();
  }, [drawn]);
  const name = rack.name || short(rack.uuid);
  return html`<figure class="rack" ref=${figure}><div ref=${holder}>${!drawn && html`<p class="faint">${error ? error.message : `${name} …`}</p>`}</div>
    <figcaption><a href=${to(`/resources/${rack.uuid}`)} aria-label=${`Details of ${name}`}>${name}</a></figcaption></figure>`;
}
