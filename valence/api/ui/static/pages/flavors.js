// SPDX-License-Identifier: Apache-2.0
// The flavors: requirements with a name, which nodes are composed from.
import { may, request } from "../api.js";
import { html, useState } from "../lib.js";
import { Listing } from "../listing.js";
import { openapi } from "../openapi.js";
import { Action, Dialog, Empty, Field, Select, ShowCommand, Time, useData } from "../parts.js";
import { to } from "../router.js";
import { Part, parts, requirements } from "./compose.js";
import { needs } from "./nodes.js";

const remove = (row) => ({ method: "DELETE", path: `/v1/flavors/${row.uuid}`, cli: ["flavor", "delete", row.name] });

const COLUMNS = [
  { key: "name" },
  { key: "properties", title: "Requirements", sort: false, cell: (row) => needs(row.properties) || "any machine" },
  { key: "policy" },
  { key: "description" },
  { key: "uuid", title: "UUID", off: true, kind: "mono" },
  { key: "created_at", title: "Created", cell: (row) => html`<${Time} value=${row.created_at} />` },
  { key: "actions", title: " ", sort: false, cell: (row) => html`<span class="row end">${may("nodes:create") && html`<a href=${to("/compose", { flavor: row.uuid })}>Compose a node</a>`}<${Action} title="Delete" kind="danger" rule="flavors:delete" confirm=${`Delete the flavor ${row.name}? Nodes that were composed from it stay.`} action=${remove(row)} /></span>`, csv: () => "" },
];

export function Flavors() {
  const [adding, set] = useState(false);
  return html`<div class="row"><h1>Flavors</h1><span class="grow"></span>${may("flavors:create") && html`<button type="button" class="primary" onClick=${() => set(true)}>Create a flavor</button>`}</div>
    ${adding && html`<${Form} onClose=${() => set(false)} />`}
    <${Listing} id="flavors" path="/v1/flavors" name="flavors" columns=${COLUMNS} order="name:asc" filters=${[{ key: "name" }]}
      concerns=${(event) => event.object_kind === "flavor"}
      empty=${html`<${Empty} command=${`valence flavor create gpu --properties '{"processor": {"total_cores": 32}, "accelerator": [{"type": "GPU"}]}'`}>There are no flavors. A flavor gives requirements a name, so that nodes can be composed from it.<//>`} />`;
}

/** The form of a new flavor: the fields of the schema of the API. */
function Form({ onClose }) {
  const { data: all } = useData(async () => parts(await openapi()), []);
  const [values, set] = useState({ name: "", description: "", policy: "", items: { processor: [{}] } });
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  const change = (name) => (value) => set({ ...values, [name]: value?.target ? value.target.value : value });
  const properties = requirements(values.items, all || []);
  const body = { name: values.name.trim(), properties };
  for (const name of ["description", "policy"]) if (values[name]) body[name] = values[name];
  const options = [...(body.description ? ["--description", body.description] : []), ...(Object.keys(properties).length ? ["--properties", JSON.stringify(properties)] : []), ...(body.policy ? ["--policy", body.policy] : [])];
  const action = { method: "POST", path: "/v1/flavors", body, cli: ["flavor", "create", body.name || "NAME", ...options] };
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await request("POST", "/v1/flavors", body);
      onClose();
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  return html`<${Dialog} title="Create a flavor" onClose=${onClose}><form class="form" onSubmit=${submit}>
    ${failure?.list.map((each) => html`<p role="alert" class="notice bad">${each.detail} <span class="hint">${each.hint}</span></p>`)}
    <${Field} name="Name"><input name="name" required maxlength="255" value=${values.name} onInput=${change("name")} autofocus /><//>
    ${(all || []).map((part) => html`<${Part} key=${part.name} part=${part} items=${values.items[part.name] || []} onChange=${(items) => set({ ...values, items: { ...values.items, [part.name]: items } })} />`)}
    <${Field} name="Policy" hint="Pack wastes the least; spread prefers the emptiest zone."><${Select} label="Policy" value=${values.policy} any="The first place that fits" options=${["pack", "spread"]} onChange=${change("policy")} /><//>
    <${Field} name="Description"><input name="description" maxlength="1024" value=${values.description} onInput=${change("description")} /><//>
    <div class="buttons end"><${ShowCommand} action=${action} what="Create a flavor" /><button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="primary" disabled=${busy || !body.name}>Create</button></div>
  </form><//>`;
}
