// SPDX-License-Identifier: Apache-2.0
// One event in words, with the difference between its two states.
import { differences, html, short, text, useState } from "../lib.js";
import { Changes, Json, Named, Time } from "../parts.js";
import { to } from "../router.js";

const PAGES = { node: "/nodes", pod_manager: "/pod_managers", resource: "/resources", introspection: "/introspection", backup_job: "/jobs" };
const BAD = /\.(offline|error|device_failed|removed|delete)$/;
const QUIET = new Set(["updated_at", "revision"]);

/** Return the link to what an event is about, or null. */
export const target = (event) => (PAGES[event.object_kind] ? to(`${PAGES[event.object_kind]}/${event.object_id}`) : null);

export function EventLine({ event }) {
  const [open, set] = useState(false);
  const state = event.new || event.old || {};
  const name = state.name || state.client_name || short(event.object_id);
  const changed = event.old && event.new ? differences(event.old, event.new).filter(([field]) => !QUIET.has(field)) : [];
  const link = target(event);
  const [type, kind] = [event.event_type.replace("valence.", ""), BAD.test(event.event_type) ? "bad" : "idle"];
  return html`<li class="event" data-sequence=${event.sequence}>
    <button type="button" class="plain toggle" aria-expanded=${open} aria-label=${`Details of event ${event.sequence}`} onClick=${() => set(!open)}>${open ? "▾" : "▸"}</button>
    <span class="when"><${Time} value=${event.created_at} /></span>
    <span class=${`type ${kind}`}>${type}</span>
    <span class="what">${link && event.object_kind === "introspection" ? html`<${Named} list="resources" uuid=${event.object_id} href=${link} />` : link && event.new ? html`<a href=${link}>${name}</a>` : name}</span>
    <span class="change clip">${changed.map(([field, one, other]) => html`<span key=${field} class="delta"><span class="faint">${field}</span> ${text(one)} → <b>${text(other)}</b></span>`)}${!changed.length && state.device_type ? html`<span class="faint">${state.device_type} ${state.model}</span>` : null}${!changed.length && state.resource_type ? html`<span class="faint">${state.resource_type} ${state.resource_url}</span>` : null}${!changed.length && (state.error || state.reason || (kind === "bad" && state.last_error)) ? html`<span class="faint">${state.error || state.reason || state.last_error}</span>` : null}${state.added !== undefined && html`<span class="faint">${state.seen} seen, ${state.added} added, ${state.changed} changed, ${state.removed} removed</span>`}</span>
    ${open && html`<div class="more">
      ${changed.length > 0 && html`<${Changes} old=${event.old} next=${event.new} rows=${changed} />`}
      <${Json} value=${event} />
    </div>`}
  </li>`;
}
