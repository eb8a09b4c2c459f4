// SPDX-License-Identifier: Apache-2.0
// Compose a node: a form from the schema of the API, with a live explanation of what would be chosen and why.
import { get, may, report, request } from "../api.js";
import { html, label, short, useEffect, useMemo, useState } from "../lib.js";
import { openapi, resolve } from "../openapi.js";
import { Field, Select, ShowCommand, State, useData, useLive } from "../parts.js";
import { go, to, usePlace } from "../router.js";
import { needs } from "./nodes.js";

const WORDS = { architecture: ["x86-64", "ARM"], media: ["SSD", "NVMe", "HDD"], type: ["GPU", "FPGA", "DSP"] };
const UNITS = { capacity_gib: "GiB", capacity_mib: "MiB", speed_mbps: "Mbps", total_cores: "cores" };

/** Return the parts of requirements with their fields, and which parts are lists, as the schema of the API has them. */
export function parts(document) {
  const schema = resolve(document, document.components.schemas.NodeCreate).properties.properties;
  return Object.entries(schema.properties).map(([name, part]) => {
    const one = part.anyOf ? part.anyOf.find((each) => each.type === "object") : part;
    return { name, many: Boolean(part.anyOf), fields: Object.entries(one.properties).map(([field, each]) => ({ name: field, hint: each.description, isNumber: Boolean(each.anyOf) })) };
  });
}

async function load(signal) {
  const [document, flavors, podManagers] = await Promise.all([openapi(), get("/v1/flavors?limit=100&sort=name", signal), get("/v1/pod_managers?limit=100&sort=name&fields=uuid,name", signal)]);
  return { parts: parts(document), flavors: flavors.flavors, podManagers: podManagers.pod_managers };
}

/** Return requirements from the items of a form: only what was given. */
export function requirements(values, all) {
  const found = {};
  for (const { name, many, fields } of all) {
    const items = (values[name] || []).map((item) => Object.fromEntries(fields.filter((each) => item[each.name]).map((each) => [each.name, each.isNumber ? Number(item[each.name]) : item[each.name]]))).filter((item) => Object.keys(item).length);
    if (items.length) found[name] = many ? items : items[0];
  }
  return found;
}

/** Return the body of the request: only what was given. */
function bodyOf(values, all) {
  const body = { name: values.name.trim() || "unnamed" };
  if (values.description) body.description = values.description;
  if (values.way === "flavor") body.flavor_id = values.flavor || undefined;
  else body.properties = requirements(values.items, all);
  for (const name of ["policy", "podm_id", "power"]) if (values[name]) body[name] = values[name];
  return body;
}

function command(body, values, data) {
  const flavor = data.flavors.find((each) => each.uuid === body.flavor_id);
  const podManager = data.podManagers.find((each) => each.uuid === body.podm_id);
  return ["node", "create", body.name, ...(body.description ? ["--description", body.description] : []), ...(flavor ? ["--flavor", flavor.name] : []), ...(body.properties && Object.keys(body.properties).length ? ["--properties", JSON.stringify(body.properties)] : []), ...(podManager ? ["--pod-manager", podManager.name] : []), ...(body.policy ? ["--policy", body.policy] : []), ...(body.power ? ["--power", body.power] : []), "--wait"];
}

export function Compose() {
  const place = usePlace();
  const { data } = useData(load, []);
  const [values, set] = useState({ name: "", description: "", way: place.query.flavor ? "flavor" : "requirements", flavor: place.query.flavor || "", items: { processor: [{}] }, policy: "", podm_id: "", power: "on" });
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  const body = useMemo(() => data && bodyOf(values, data.parts), [data, values]);
  if (!data) return html`<h1>Compose a node</h1><p class="faint" role="status">Loading …</p>`;
  const change = (name) => (value) => set({ ...values, [name]: value?.target ? value.target.value : value });
  const action = { method: "POST", path: "/v1/nodes", body, cli: command(body, values, data) };
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      const { data: node } = await request("POST", "/v1/nodes", body);
      go(`/nodes/${node.uuid}`);
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  return html`<p class="crumbs"><a href="#/nodes">Nodes</a> ›</p><h1>Compose a node</h1>
    <div class="columns compose"><form class="card form" onSubmit=${submit}>
      <${Field} name="Name"><input name="name" required maxlength="255" value=${values.name} onInput=${change("name")} autofocus /><//>
      <div class="segments" role="radiogroup" aria-label="What it needs">${[["requirements", "By requirements"], ["flavor", "By a flavor"]].map(([way, title]) => html`<label key=${way} class=${values.way === way ? "on" : ""}><input type="radio" name="way" checked=${values.way === way} onChange=${() => set({ ...values, way })} />${title}</label>`)}</div>
      ${values.way === "flavor"
        ? html`<${Field} name="Flavor" hint=${needs(data.flavors.find((each) => each.uuid === values.flavor)?.properties)}><${Select} label="Flavor" value=${values.flavor} any=${data.flavors.length ? "Choose …" : "There is no flavor"} options=${data.flavors.map((each) => [each.uuid, each.name])} onChange=${change("flavor")} /><//>`
        : data.parts.map((part) => html`<${Part} key=${part.name} part=${part} items=${values.items[part.name] || []} onChange=${(items) => set({ ...values, items: { ...values.items, [part.name]: items } })} />`)}
      <details><summary>Place, power and description</summary><div class="form">
        <${Field} name="Pod manager"><${Select} label="Pod manager" value=${values.podm_id} any="Any" options=${data.podManagers.map((each) => [each.uuid, each.name])} onChange=${change("podm_id")} /><//>
        <${Field} name="Policy" hint="Pack wastes the least; spread prefers the emptiest zone."><${Select} label="Policy" value=${values.policy} any="The first place that fits" options=${["pack", "spread"]} onChange=${change("policy")} /><//>
        <${Field} name="Power afterwards"><${Select} label="Power afterwards" value=${values.power} any="As it is" options=${[["on", "On"], ["force_off", "Off"]]} onChange=${change("power")} /><//>
        <${Field} name="Description"><input name="description" maxlength="1024" value=${values.description} onInput=${change("description")} /><//>
      </div></details>
      ${failure?.list.map((each) => html`<p role="alert" class="notice bad">${each.detail} <span class="hint">${each.hint}</span></p>`)}
      <div class="buttons end"><${ShowCommand} action=${action} what="Compose a node" />${may("nodes:create") && html`<button type="submit" class="primary" disabled=${busy || !values.name.trim() || (values.way === "flavor" && !values.flavor)}>${busy ? "Requesting …" : "Compose"}</button>`}</div>
    </form>
    <${Explanation} body=${body} ready=${values.way !== "flavor" || values.flavor} /></div>`;
}

/** The fields of one part of requirements. */
export function Part({ part, items, onChange }) {
  const [one, ...rest] = part.name.split("_");
  const name = [one, ...rest].join(" ");
  const edit = (index, field) => (value) => onChange(items.map((item, number) => (number === index ? { ...item, [field]: value?.target ? value.target.value : value } : item)));
  const canAdd = part.many ? items.length < 16 : !items.length;
  return html`<fieldset class="part"><legend>${label(name)}</legend>
    ${items.map((item, index) => html`<div class="item" key=${index}>
      ${part.fields.map((field) => html`<label key=${field.name} title=${field.hint}><span>${label(field.name.replace(/_(gib|mib|mbps)$/, "").replace("total_", ""))}${UNITS[field.name] && UNITS[field.name] !== "cores" ? `, ${UNITS[field.name]}` : ""}</span>
        ${WORDS[field.name] ? html`<${Select} label=${`${name} ${field.name}`} value=${item[field.name]} any="any" options=${WORDS[field.name]} onChange=${edit(index, field.name)} />`
          : html`<input aria-label=${`${name} ${field.name}`} type=${field.isNumber ? "number" : "text"} min="1" step="1" size="8" value=${item[field.name] || ""} onInput=${edit(index, field.name)} placeholder="any" />`}</label>`)}
      <button type="button" class="plain" aria-label=${`Remove ${name} ${index + 1}`} onClick=${() => onChange(items.filter((_, number) => number !== index))}>✕</button>
    </div>`)}
    ${canAdd && html`<button type="button" class="small" onClick=${() => onChange([...items, {}])}>+ ${items.length ? "Another" : "Add"}</button>`}
  </fieldset>`;
}

/** What a dry run of the present form says. It stores nothing. */
function Explanation({ body, ready }) {
  const [state, set] = useState({ answer: null, error: null, asking: false });
  const text = JSON.stringify(body);
  const [round, again] = useState(0);
  useLive((event) => event.object_kind === "node" || event.event_type === "valence.pod_manager.sync.end", useMemo(() => () => again((number) => number + 1), []), 1000);
  useEffect(() => {
    if (!ready) return undefined;
    const controller = new AbortController();
    const timer = setTimeout(async () => {
      set((before) => ({ ...before, asking: true }));
      try {
        const { data } = await request("POST", "/v1/nodes?dry_run=true", JSON.parse(text), {}, controller.signal);
        set({ answer: data, error: null, asking: false });
      } catch (error) {
        if (error.name === "AbortError") return;
        if (error.list) set({ answer: null, error, asking: false });
        else report(error);
      }
    }, 350);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, ready, round]);
  const { answer, error } = state;
  return html`<section class="card explanation" aria-live="polite" aria-busy=${state.asking}><h2>What would be chosen</h2>
    ${!ready ? html`<p class="faint">Choose a flavor first.</p>` : error ? error.list.map((each) => html`<p class="notice bad">${each.detail} <span class="hint">${each.hint}</span></p>`)
      : !answer ? html`<p class="faint">Asking …</p>` : html`<p class=${`notice ${answer.fits ? "ok" : "bad"}`}><${State} value=${answer.fits ? "It fits:" : "Nothing fits:"} kind=${answer.fits ? "ok" : "bad"} /> ${answer.summary}</p>
        ${answer.parts.map((part) => html`<${Left} key=${part.part} part=${part} />`)}
        ${answer.chosen && html`<div class="scroll"><table><thead><tr><th scope="col">Part</th><th scope="col">Device</th><th scope="col">Model</th><th scope="col" class="num">Size</th></tr></thead><tbody>${answer.chosen.devices.map((each) => html`<tr key=${each.part}><td data-label="Part">${each.part}</td><td data-label="Device"><a href=${to(`/resources/${each.device_id}`)}>${each.device_type}</a></td><td data-label="Model">${each.model}</td><td class="num" data-label="Size">${each.size}</td></tr>`)}</tbody></table></div>
          ${answer.chosen.alternatives.length > 0 && html`<p class="faint">Other places would fit, too: ${answer.chosen.alternatives.length}.</p>`}`}
        ${answer.pod_managers && html`<p class="faint">Pod managers: ${Object.entries(answer.pod_managers).filter(([, number]) => number).map(([name, number]) => `${number} ${name.replaceAll("_", " ")}`).join(", ")}.</p>`}`}
  </section>`;
}

/** How many candidates each rule leaves for one part. */
function Left({ part }) {
  const most = Math.max(1, ...part.left.map(([, number]) => number));
  return html`<div class="left"><b>${part.part}</b><ol>${part.left.map(([rule, number], index) => html`<li key=${index} class=${number ? "" : "none"}>
      <span>${rule}</span><meter min="0" max=${most} value=${number} aria-label=${`${rule}: ${number}`}></meter><span class="num">${number}</span></li>`)}</ol>
    ${part.nearest && html`<p class="faint">The nearest is <a href=${to(`/resources/${part.nearest.device}`)}>${short(part.nearest.device)}</a>: ${part.nearest.lacks.map(([what, wanted, has]) => `${what} ${has} instead of ${wanted}`).join(", ")}.</p>`}
    ${Object.keys(part.removed || {}).length > 0 && html`<p class="faint">Not free: ${Object.entries(part.removed).map(([why, number]) => `${number} ${why.replaceAll("_", " ")}`).join(", ")}.</p>`}
  </div>`;
}
