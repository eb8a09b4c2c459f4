// SPDX-License-Identifier: Apache-2.0
// Deep links: the part after # is a path with a query, so that any web server can host the pages.
import { search, useEffect, useState } from "./lib.js";

/** Return the present {path, query}. */
export function here() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/", query: Object.fromEntries(new URLSearchParams(query || "")) };
}

/** Return the link to a path, with a query. */
export function to(path, query = {}) {
  const text = search(query);
  return `#${path}${text ? `?${text}` : ""}`;
}

/** Go to a path. */
export function go(path, query = {}, replace = false) {
  if (!replace) {
    location.hash = to(path, query);
    return;
  }
  history.replaceState(null, "", to(path, query));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Return the present place; the component renders again when it changes. */
export function usePlace() {
  const [place, set] = useState(here());
  useEffect(() => {
    const mine = () => set(here());
    addEventListener("hashchange", mine);
    return () => removeEventListener("hashchange", mine);
  }, []);
  return place;
}
