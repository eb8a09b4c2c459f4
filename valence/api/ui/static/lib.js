// SPDX-License-Identifier: Apache-2.0
// Helpers without state: text, times, shell quoting, CSV. Re-exports the vendored library in one place.
export {
  h, html, render, useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useErrorBoundary,
} from "./vendor/preact.js";

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** Return a time in words relative to now, such as "3 min. ago". */
export function ago(text, now = Date.now()) {
  const seconds = Math.round((Date.parse(text) - now) / 1000);
  if (Number.isNaN(seconds)) return text;
  if (Math.abs(seconds) < 2) return "now";
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each);
  return RELATIVE.format(Math.trunc(seconds / size), unit);
}

/** Return how long something took, from one time to another or until now. */
export function took(start, end, now = Date.now()) {
  if (!start) return "";
  return duration(Math.max(0, ((end ? Date.parse(end) : now) - Date.parse(start)) / 1000));
}

/** Return seconds in words. */
export function duration(seconds) {
  if (seconds < 1) return "< 1 s";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** Return a number with what it counts, such as "1 core" and "2 cores". */
export const counted = (number, one) => `${number} ${Number(number) === 1 ? one : `${one}s`}`;

/** Return an interval of a schedule in words: "every day" for "1 days", "continuously" for "continuous". */
export function every(interval) {
  const [, number, unit] = /^(\d+)\s+(\w+?)s?$/.exec(interval) || [];
  if (interval === "continuous") return "continuously";
  return number ? `every ${number === "1" ? unit : counted(number, unit)}` : `every ${interval}`;
}

/** Return a word of a shell, quoted where it has to be. */
export function quote(word) {
  const text = String(word);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Return rows of cells as CSV (RFC 4180). A leading apostrophe keeps spreadsheets from running text as a formula. */
export function csv(rows) {
  const cell = (value) => {
    let text = value == null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    if (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Offer text as a file. */
export function download(name, text, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Return the first characters of a UUID, which identify it on a screen. */
export const short = (uuid) => (uuid || "").slice(0, 8);

/** Return a field's name as a label. */
export const label = (name) => {
  const text = name.replaceAll("_", " ").replace(/\buuid\b/g, "UUID").replace(/\burl\b/g, "URL");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** Return a value of a table or a document as text. */
export const text = (value) =>
  value == null || value === "" ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);

/** Compare two names as people count: "Rack 2" is before "Rack 10". */
export const natural = new Intl.Collator("en", { numeric: true }).compare;

/** Return the filters of a list for the texts that begin with ``text``, which compare by code points. */
export function beginsWith(text) {
  const points = Array.from(text, (each) => each.codePointAt(0));
  while (points.at(-1) === 0x10ffff) points.pop();
  if (!points.length) return [`gte:${text}`]; // No text is greater than all of these.
  const last = points.pop();
  // UTF-8 has no surrogates, U+D800 to U+DFFF.
  return [`gte:${text}`, `lt:${String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)}`];
}

/** Return a query string of the values that are set; a list of values is a parameter that is repeated. */
export function search(values) {
  const set = Object.entries(values).flatMap(([name, value]) => [value].flat().filter((each) => each != null && each !== "").map((each) => [name, each]));
  return new URLSearchParams(set).toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
}

/** Return the names of fields that differ between two states, with both values. */
export function differences(old, next) {
  const names = [...new Set([...Object.keys(old || {}), ...Object.keys(next || {})])];
  return names
    .map((name) => [name, old?.[name], next?.[name]])
    .filter(([, one, other]) => JSON.stringify(one ?? null) !== JSON.stringify(other ?? null));
}

/** Return a value of the browser's storage, or a default: storage may be forbidden. */
export function stored(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`valence.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Store a preference, if the browser admits it. */
export function store(name, value) {
  try {
    localStorage.setItem(`valence.${name}`, JSON.stringify(value));
  } catch { /* A private window keeps nothing. */ }
}
