// SPDX-License-Identifier: Apache-2.0
// The events as they happen, with filters and a pause, after the newest stored ones.
import { get } from "../api.js";
import { counted, html, search, useEffect, useRef, useState } from "../lib.js";
import { follow, live, watch } from "../live.js";
import { Empty, ShowCommand, useData } from "../parts.js";
import { go, usePlace } from "../router.js";
import { EventLine } from "./event_line.js";

const KINDS = ["pod_manager", "resource", "node", "flavor", "introspection", "backup_job", "backup_session"];
/** Most events on the page: older ones leave it, so that its memory stays the same. */
const MOST = 200;

export function Events() {
  const place = usePlace();
  const kinds = (place.query.object_kind || "").split(",").filter(Boolean);
  const [paused, setPaused] = useState(false);
  const [arrived, setArrived] = useState([]);
  const [waiting, setWaiting] = useState(0);
  const [, again] = useState(0);
  const held = useRef([]);
  const query = search({ sort: "sequence:desc", limit: 50, object_kind: kinds.length ? `in:${kinds}` : undefined });
  const { data } = useData((signal) => get(`/v1/events?${query}`, signal), [query]);
  const wanted = useRef();
  wanted.current = (event) => !kinds.length || kinds.includes(event.object_kind);
  const isPaused = useRef();
  isPaused.current = paused;
  useEffect(() => watch(() => again((number) => number + 1)), []);
  useEffect(() => {
    let batch = [], timer = null;
    const end = follow((event) => {
      if (!event || !wanted.current(event)) return;
      if (isPaused.current) {
        held.current = [event, ...held.current].slice(0, MOST);
        setWaiting((number) => number + 1);
        return;
      }
      batch.unshift(event);
      timer ??= setTimeout(() => {
        const now = batch;
        batch = [];
        timer = null;
        setArrived((before) => [...now, ...before].slice(0, MOST));
      }, 100);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, []);
  const resume = () => {
    setArrived((before) => [...held.current, ...before].slice(0, MOST));
    held.current = [];
    setWaiting(0);
    setPaused(false);
  };
  const known = new Set();
  const events = [...arrived.filter(wanted.current), ...(data?.events || [])].filter((event) => !known.has(event.uuid) && known.add(event.uuid)).slice(0, MOST);
  const toggle = (kind) => go("/events", { object_kind: (kinds.includes(kind) ? kinds.filter((each) => each !== kind) : [...kinds, kind]).join(",") }, true);
  const cli = ["event", "follow", ...kinds.slice(0, 1).flatMap(() => ["--property", `object_kind=${kinds.length > 1 ? "in:" : ""}${kinds}`])];
  const path = `/v1/events?${search({ stream: true, object_kind: kinds.length ? `in:${kinds}` : undefined })}`;
  return html`<div class="row"><h1>Events</h1><span class="grow"></span>
      <span class="action"><button type="button" onClick=${() => (paused ? resume() : setPaused(true))} aria-pressed=${paused}>${paused ? `Resume${waiting ? `, ${waiting} waiting` : ""}` : "Pause"}</button><${ShowCommand} what="Follow the events" action=${{ method: "GET", path, cli }} /></span></div>
    <div class="toolbar chips" role="group" aria-label="Kinds of objects">${KINDS.map((kind) => html`<button type="button" key=${kind} class="chip" aria-pressed=${kinds.includes(kind)} onClick=${() => toggle(kind)}>${kind.replace("_", " ")}</button>`)}</div>
    <p class="faint" role="status">${live.state === "live" ? `Live${live.caughtUp ? ` · caught up on ${counted(live.caughtUp, "event")} after the connection was lost` : ""}` : live.state === "reconnecting" ? `Reconnecting: ${live.reason || "the stream ended"}. No event is lost.` : "Connecting …"}</p>
    ${events.length ? html`<ul class="events" aria-label="Events">${events.map((event) => html`<${EventLine} key=${event.uuid} event=${event} />`)}</ul>` : data && html`<div class="card"><${Empty} command="valence event follow">No events are kept. An event says what changed, with the old and the new state.<//></div>`}`;
}
