// SPDX-License-Identifier: Apache-2.0
// A table of one page of a list of the API: columns, order, filters, CSV. Never loads more than is shown.
import { get } from "./api.js";
import { beginsWith, counted, csv, download, html, label, search, store, stored, text, useEffect, useMemo, useRef, useState } from "./lib.js";
import { Select, ShowCommand, useData, useLive } from "./parts.js";
import { go, usePlace } from "./router.js";

const ROWS = 50;
/** Milliseconds without a key after which a text filter is applied. */
const PAUSE = 300;

/**
 * Show a list. ``columns`` are {key, title?, cell?, sort?, off?}; ``filters`` are {key, options} or {key, title} for the
 * beginning of a text; ``fixed`` are filters of the request that the reader cannot change; ``concerns(event)`` says which events
 * change the list.
 */
export function Listing({ id, path, name, columns, filters = [], fixed = {}, order = "", concerns, empty, tools, open }) {
  const place = usePlace();
  const { sort = order, marker, ...rest } = place.query;
  const known = filters.map((each) => each.key);
  const chosen = Object.fromEntries(Object.entries(rest).filter(([key, value]) => known.includes(key) && value));
  const [before, setBefore] = useState([]);
  const [shown, setShown] = useState(() => stored(`columns.${id}`, columns.filter((each) => !each.off).map((each) => each.key)));
  const [limit, setLimit] = useState(stored("rows", ROWS));
  const selected = { ...fixed, ...Object.fromEntries(Object.entries(chosen).map(([key, value]) => [key, filters.find((each) => each.key === key).options ? value : beginsWith(value)])) };
  const query = search({ ...selected, sort, limit, marker });
  const { data, loading, error, reload } = useData((signal) => get(`${path}?${query}`, signal), [path, query]);
  useLive(concerns || (() => false), reload);
  const rows = data?.[name] || [];
  const visible = useMemo(() => columns.filter((each) => shown.includes(each.key)), [columns, shown]);
  const next = nextMarker(data);
  const set = (values) => {
    setBefore([]);
    go(place.path, { ...place.query, marker: undefined, ...values }, true);
  };
  useEffect(() => {
    // The browser's own "back" may have left pages of the list.
    setBefore((all) => (all.includes(marker) ? all.slice(0, all.indexOf(marker)) : all));
  }, [marker]);
  const words = [...name.replace(/s$/, "").split("_"), "list"];
  const command = { method: "GET", path: `${path}?${query}`, cli: [...words, ...(sort ? ["--sort", sort] : []), ...Object.entries(selected).flatMap(([key, value]) => [value].flat().flatMap((each) => ["--property", `${key}=${each}`])), "--limit", limit] };
  const choose = (keys) => {
    setShown(keys);
    store(`columns.${id}`, keys);
  };
  return html`<div class="listing">
    <div class="toolbar">
      ${filters.map((each) => html`<${Filter} key=${each.key} filter=${each} value=${chosen[each.key]} onChange=${(value) => set({ [each.key]: value })} />`)}
      ${Object.keys(chosen).length > 0 && html`<button type="button" class="small" onClick=${() => set(Object.fromEntries(known.map((key) => [key, undefined])))}>Clear filters</button>`}
      <span class="grow"></span>
      ${tools}
      <${ShowCommand} what=${`List the ${label(id).toLowerCase()}`} action=${command} />
      <${Columns} columns=${columns} shown=${shown} onChange=${choose} />
      <button type="button" class="small" disabled=${!rows.length} onClick=${() => save(id, visible, rows)} title="Save the rows of this page">CSV</button>
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label=${label(id)}>
      <table aria-busy=${loading}>
        <thead><tr>${visible.map((column) => html`<${Head} key=${column.key} column=${column} sort=${sort} onSort=${(value) => set({ sort: value })} />`)}</tr></thead>
        <tbody>
          ${rows.map((row) => html`<tr key=${row.uuid || row.hostname} class=${open ? "open" : ""} onClick=${(event) => open && visit(event, open(row))}>
            ${visible.map((column) => html`<td key=${column.key} class=${column.kind || ""} data-label=${column.title || label(column.key)}>${column.cell ? column.cell(row) : text(row[column.key])}</td>`)}
          </tr>`)}
        </tbody>
      </table>
      ${!rows.length && data && (Object.keys(chosen).length ? html`<div class="empty"><p>Nothing matches the filters.</p></div>` : empty)}
      ${!data && (error ? html`<div class="empty"><p>${error.message}</p><button type="button" onClick=${reload}>Try again</button></div>` : html`<div class="empty" role="status"><p>Loading …</p></div>`)}
    </div>
    <div class="pager">
      <span class="faint" role="status">${counted(rows.length, "row")}${next || marker ? " on this page" : ""}</span>
      <span class="grow"></span>
      <label class="faint">Rows <${Select} label="Rows of a page" value=${String(limit)} options=${["20", "50", "100"]} onChange=${(value) => {
        setLimit(Number(value));
        store("rows", Number(value));
        set({});
      }} /></label>
      <button type="button" class="small" disabled=${!marker} onClick=${() => {
        if (before.length) history.back();
        else set({});
      }}>${marker && !before.length ? "« First" : "‹ Previous"}</button>
      <button type="button" class="small" disabled=${!next} onClick=${() => {
        setBefore([...before, marker]);
        go(place.path, { ...place.query, marker: next });
      }}>Next ›</button>
    </div>
  </div>`;
}

/** Return the marker of the next page, from the link that the API gives. */
export function nextMarker(data) {
  const link = data?.links?.find((each) => each.rel === "next");
  return link && new URL(link.href).searchParams.get("marker");
}

function visit(event, target) {
  // A click on a link or a button, or one that selects text, is not meant for the row.
  if (event.target.closest("a,button,input,select,label,dialog") || String(getSelection())) return;
  location.hash = target;
}

function save(id, columns, rows) {
  const head = columns.map((each) => each.key);
  const cell = (row, column) => (column.csv ? column.csv(row) : row[column.key]);
  download(`${id}.csv`, csv([head, ...rows.map((row) => columns.map((each) => cell(row, each)))]));
}

function Head({ column, sort, onSort }) {
  const title = column.title || label(column.key);
  if (column.sort === false) return html`<th scope="col" class=${column.kind === "num" ? "num" : ""}>${title}</th>`;
  const [key, direction] = (sort || "").split(":");
  const mine = key === column.key ? direction || "asc" : null;
  const next = mine === "asc" ? "desc" : "asc";
  return html`<th scope="col" class=${column.kind === "num" ? "num" : ""} aria-sort=${mine ? `${mine}ending` : "none"}>
    <button type="button" class="plain" onClick=${() => onSort(`${column.key}:${next}`)}>${title}<span class="order" aria-hidden="true">${mine === "asc" ? "▲" : mine ? "▼" : ""}</span></button>
  </th>`;
}

function Filter({ filter, value = "", onChange }) {
  const title = filter.title || label(filter.key);
  if (filter.options) return html`<${Select} label=${title} value=${value} options=${filter.options} any=${`${title}: all`} onChange=${onChange} />`;
  return html`<${Beginning} title=${title} value=${value} onChange=${onChange} />`;
}

/** A text filter. It keeps what is typed while the list is read again, and applies it after a pause. */
function Beginning({ title, value, onChange }) {
  const [typed, setTyped] = useState(value);
  const changed = typed.trim() !== value;
  const latest = useRef();
  latest.current = onChange;
  useEffect(() => setTyped((text) => (text.trim() === value ? text : value)), [value]);
  useEffect(() => {
    if (!changed) return undefined;
    const timer = setTimeout(() => latest.current(typed.trim()), PAUSE);
    return () => clearTimeout(timer);
  }, [typed, changed]);
  return html`<input type="search" aria-label=${`${title} begins with`} placeholder=${`${title} begins with …`} title="Upper and lower case differ" value=${typed} onInput=${(event) => setTyped(event.target.value)} />`;
}

function Columns({ columns, shown, onChange }) {
  const toggle = (key) => onChange(shown.includes(key) ? shown.filter((each) => each !== key) : columns.map((each) => each.key).filter((each) => each === key || shown.includes(each)));
  const menu = useRef();
  useEffect(() => {
    const close = (event) => {
      if (event.key === "Escape" || (event.type === "pointerdown" && !menu.current.contains(event.target))) menu.current.open = false;
    };
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, close);
    return () => {
      for (const kind of ["pointerdown", "keydown"]) removeEventListener(kind, close);
    };
  }, []);
  return html`<details class="menu" ref=${menu}><summary class="small">Columns</summary><div class="popup">
    ${columns.map((each) => html`<label key=${each.key}><input type="checkbox" checked=${shown.includes(each.key)} onChange=${() => toggle(each.key)} />${each.title || label(each.key)}</label>`)}
  </div></details>`;
}
