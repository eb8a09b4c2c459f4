// SPDX-License-Identifier: Apache-2.0
// The shell: navigation, sign-in, state of the event stream, and the page of the present link.
import { authenticate, authenticateByPassword, away, isAway, load, observe, report, session, signIn, signOut } from "./api.js";
import { html, render, store, stored, useEffect, useErrorBoundary, useRef, useState } from "./lib.js";
import { connect, live, watch } from "./live.js";
import { Field, Outage, Problems } from "./parts.js";
import { usePlace } from "./router.js";
import { ApiReference } from "./pages/api_reference.js";
import { Compose } from "./pages/compose.js";
import { Devices, Resource } from "./pages/devices.js";
import { Events } from "./pages/events.js";
import { Flavors } from "./pages/flavors.js";
import { Introspection, Introspections } from "./pages/introspection.js";
import { Job, Jobs } from "./pages/jobs.js";
import { Node, Nodes } from "./pages/nodes.js";
import { Operation, Operations } from "./pages/operations.js";
import { Overview } from "./pages/overview.js";
import { PodManager, PodManagers } from "./pages/pod_managers.js";
import { Racks } from "./pages/racks.js";

const PAGES = [
  ["/", "Overview", Overview],
  ["/racks", "Racks", Racks],
  ["/nodes", "Nodes", Nodes],
  ["/nodes/:node", null, Node],
  ["/compose", "Compose", Compose],
  ["/flavors", "Flavors", Flavors],
  ["/devices", "Devices", Devices],
  ["/resources/:uuid", null, Resource],
  ["/pod_managers", "Pod managers", PodManagers],
  ["/pod_managers/:uuid", null, PodManager],
  ["/operations", "Operations", Operations],
  ["/operations/:uuid", null, Operation],
  ["/events", "Events", Events],
  ["/introspection", "Introspection", Introspections],
  ["/introspection/:machine", null, Introspection],
  ["/jobs", "Backup jobs", Jobs],
  ["/jobs/:job", null, Job],
  ["/api", "API", ApiReference],
];

function find(path) {
  for (const [pattern, title, page] of PAGES) {
    const wanted = new RegExp(`^${pattern.replace(/:(\w+)/g, "(?<$1>[^/]+)")}/?$`);
    const match = wanted.exec(path);
    if (match) return { title, page, values: Object.fromEntries(Object.entries(match.groups || {}).map(([name, value]) => [name, decodeURIComponent(value)])) };
  }
  return null;
}

const THEMES = ["auto", "light", "dark"];
function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
}
applyTheme(stored("theme", "auto"));

function App() {
  const [, again] = useState(0);
  const place = usePlace();
  const main = useRef();
  useEffect(() => observe(() => again((number) => number + 1)), []);
  useEffect(() => {
    const begin = () => load().then(connect, (error) => {
      if (!isAway(error)) return report(error);
      away(error);
      setTimeout(begin, 3000);
    });
    begin();
  }, []);
  const found = find(place.path);
  useEffect(() => {
    document.title = `${found?.title || place.path.split("/")[1] || "Page"} · Valence`;
    scrollTo(0, 0);
    // What had the focus was part of the page before.
    if (document.activeElement === document.body) main.current.focus();
  }, [place.path]);
  const section = `/${place.path.split("/")[1]}`.replace("/resources", "/devices");
  useEffect(() => {
    // On a narrow page the navigation is wider than the window.
    document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [section]);
  return html`
    <a class="skip" href="#main" onClick=${(event) => {
      event.preventDefault();
      main.current.focus();
    }}>Skip to the content</a>
    <header class="top">
      <a class="brand" href="#/"><img src="icon.svg" alt="" width="22" height="22" />Valence</a>
      <span class="grow"></span>
      <${Live} />
      <${Theme} />
      <${Who} />
    </header>
    <nav class="side" aria-label="Pages"><ul>
      ${PAGES.filter(([, title]) => title).map(([path, title]) => html`<li key=${path}><a href=${`#${path}`} aria-current=${section === path ? "page" : null}>${title}</a></li>`)}
    </ul></nav>
    <main id="main" ref=${main} tabindex="-1">
      <${Outage} />
      <${Problems} />
      ${!session.strategy ? html`<p class="faint" role="status">Loading …</p>` : signIn.needed && !session.roles.length ? html`<${SignIn} />` : found ? html`<${Guarded} key=${place.path}><${found.page} ...${found.values} key=${place.path} /><//>` : html`<h1>No such page</h1><p>There is no page ${place.path}. <a href="#/">Overview</a></p>`}
    </main>`;
}

function Guarded({ children }) {
  const [error] = useErrorBoundary((failure) => {
    console.error(failure);
  });
  if (error) return html`<h1>This page failed</h1><p class="mono">${String(error)}</p><button type="button" onClick=${() => location.reload()}>Reload</button>`;
  return children;
}

function Live() {
  const [, again] = useState(0);
  useEffect(() => watch(() => again((number) => number + 1)), []);
  const kind = { live: "ok", reconnecting: "bad" }[live.state] || "idle";
  const word = { live: "Live", reconnecting: "Reconnecting", connecting: "Connecting", paused: "Paused" }[live.state];
  return html`<span class="state ${kind}" role="status" title=${live.reason || "The event stream of the API"}><span class="mark" aria-hidden="true">${kind === "ok" ? "●" : kind === "bad" ? "✕" : "○"}</span>${word}</span>`;
}

function Theme() {
  const [theme, set] = useState(stored("theme", "auto"));
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return html`<button type="button" class="plain" title=${`Colours: ${theme}. Switch to ${next}.`} aria-label=${`Colours: ${theme}. Switch to ${next}.`} onClick=${() => {
    set(next);
    store("theme", next);
    applyTheme(next);
  }}>${{ auto: "◑", light: "☀", dark: "☾" }[theme]}</button>`;
}

function Who() {
  if (session.strategy === "noauth") return html`<span class="faint">no authentication</span>`;
  if (!session.user) return null;
  return html`<span>${session.user}${session.project && html`<span class="faint"> · ${session.project}</span>`}</span><button type="button" class="small" onClick=${() => signOut("You signed out.")}>Sign out</button>`;
}

function SignIn() {
  const [busy, set] = useState(false);
  const [byToken, setByToken] = useState(false);
  const isBasic = session.strategy === "http_basic";
  const submit = async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.target));
    set(true);
    if (isBasic) {
      const pair = new TextEncoder().encode(`${values.user}:${values.password}`);
      await authenticate({ Authorization: `Basic ${btoa(String.fromCharCode(...pair))}` });
    } else if (byToken) await authenticate({ "X-Auth-Token": values.token.trim() });
    else await authenticateByPassword(values);
    set(false);
  };
  return html`<form class="card narrow" onSubmit=${submit}>
    <h1>Sign in</h1>
    ${signIn.reason && html`<p role="alert" class="state bad"><span class="mark" aria-hidden="true">✕</span>${signIn.reason}</p>`}
    ${!isBasic && byToken
      ? html`<${Field} name="Token" hint="openstack token issue -f value -c id"><input name="token" type="password" autocomplete="off" required autofocus /><//>`
      : html`<${Field} name="User"><input name="user" autocomplete="username" required autofocus /><//><${Field} name="Password"><input name="password" type="password" autocomplete="current-password" required /><//>`}
    ${!isBasic && !byToken && html`<${Field} name="Project"><input name="project" required /><//>
      <details><summary>Domains</summary><div class="form"><${Field} name="Domain of the user"><input name="user_domain" value="Default" required /><//><${Field} name="Domain of the project"><input name="project_domain" value="Default" required /><//></div></details>`}
    <div class="buttons end">${!isBasic && html`<button type="button" onClick=${() => setByToken(!byToken)}>${byToken ? "Use a password" : "Use a token"}</button>`}<button type="submit" class="primary" disabled=${busy}>Sign in</button></div>
    <p class="faint">The page keeps this in memory only: a reload asks again.</p>
  </form>`;
}

render(html`<${App} />`, document.getElementById("app"));
