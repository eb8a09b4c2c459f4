// SPDX-License-Identifier: Apache-2.0
// The API from its own description: fields, examples, and requests to try.
import { request } from "../api.js";
import { html, text, useMemo, useState } from "../lib.js";
import { openapi, resolve } from "../openapi.js";
import { Commands, Dialog, Json, State, useData } from "../parts.js";
import { go, to, usePlace } from "../router.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

function operations(document) {
  return Object.entries(document.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => ({ path, method: method.toUpperCase(), ...item[method], parameters: [...(item.parameters || []), ...(item[method].parameters || [])] })));
}

export function ApiReference() {
  const { query } = usePlace();
  const { data: document } = useData(() => openapi(), []);
  const all = useMemo(() => (document ? operations(document) : []), [document]);
  if (!document) return html`<h1>API</h1><p class="faint" role="status">Loading …</p>`;
  const tags = [...new Set(all.flatMap((each) => each.tags || []))].sort();
  const tag = query.tag || (query.q ? "" : "nodes");
  const wanted = (query.q || "").toLowerCase();
  const shown = all.filter((each) => (!tag || each.tags?.includes(tag)) && (!wanted || `${each.method} ${each.path} ${each.summary}`.toLowerCase().includes(wanted)));
  const chosen = all.find((each) => each.operationId === query.operation);
  return html`<div class="row"><h1>API</h1><span class="faint">${document.info.title} ${document.info.version}</span><span class="grow"></span><a href="../v1/openapi.json">openapi.json</a></div>
    <div class="toolbar"><input type="search" class="long" aria-label="Search" placeholder="Search URLs and summaries …" value=${query.q || ""} onInput=${(event) => go("/api", { q: event.target.value }, true)} /></div>
    <div class="toolbar chips" role="group" aria-label="Collections">${tags.map((each) => html`<button type="button" key=${each} class="chip" aria-pressed=${tag === each} onClick=${() => go("/api", { tag: each }, true)}>${each}</button>`)}</div>
    <div class="scroll"><table><thead><tr><th scope="col">Method</th><th scope="col">URL</th><th scope="col">What it does</th><th scope="col">Policy rule</th></tr></thead><tbody>
      ${shown.slice(0, 100).map((each) => html`<tr key=${each.operationId}><td data-label="Method" class=${`mono method ${each.method.toLowerCase()}`}>${each.method}</td><td class="mono" data-label="URL"><a href=${to("/api", { ...query, operation: each.operationId })}>${each.path}</a></td><td data-label="What it does">${each.summary}</td><td class="mono faint" data-label="Policy rule">${(each["x-policy"] || "").replace("valence:", "")}</td></tr>`)}
    </tbody></table>${!shown.length && html`<div class="empty"><p>Nothing matches.</p></div>`}</div>
    ${chosen && html`<${Operation} key=${chosen.operationId} document=${document} operation=${chosen} onClose=${() => go("/api", { ...query, operation: undefined }, true)} />`}`;
}

function Operation({ document, operation, onClose }) {
  const parameters = operation.parameters.map((each) => resolve(document, each));
  const [mediaType, content] = Object.entries(operation.requestBody?.content || {})[0] || [];
  const schema = content && resolve(document, content.schema);
  const example = content?.example ?? (schema?.examples || [])[0];
  const [values, setValues] = useState({});
  const [body, setBody] = useState(content ? JSON.stringify(example ?? {}, null, 2) : "");
  const [answer, setAnswer] = useState(null);
  const inPath = (name) => encodeURIComponent(values[name] || "");
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => inPath(name));
  const search = new URLSearchParams(parameters.filter((each) => each.in === "query" && values[each.name]).map((each) => [each.name, values[each.name]]));
  const headers = Object.fromEntries(parameters.filter((each) => each.in === "header" && values[each.name]).map((each) => [each.name, values[each.name]]));
  if (mediaType && operation.method === "PATCH") headers["Content-Type"] = mediaType;
  const [parsed, wrong] = useMemo(() => {
    if (!content || !body.trim()) return [undefined, null];
    try {
      return [JSON.parse(body), null];
    } catch (error) {
      return [undefined, error.message];
    }
  }, [body]);
  const target = path + (String(search) ? `?${search}` : "");
  const isMissing = parameters.some((each) => each.in === "path" && !values[each.name]);
  const send = async (event) => {
    event.preventDefault();
    try {
      const { data, status, headers: received } = await request(operation.method, target, parsed, headers);
      setAnswer({ status, data, requestId: received.get("X-OpenStack-Request-ID") });
    } catch (error) {
      setAnswer({ status: error.status, data: error.list, requestId: error.requestId });
    }
  };
  const changes = operation.method !== "GET";
  return html`<${Dialog} wide title=${`${operation.method} ${operation.path}`} onClose=${onClose}><form class="form" onSubmit=${send}>
    <p>${operation.summary} <span class="faint mono">${operation["x-policy"] || ""}</span></p>
    ${parameters.length > 0 && html`<div class="scroll"><table><thead><tr><th scope="col">Parameter</th><th scope="col">Value</th><th scope="col">What it means</th></tr></thead><tbody>
      ${parameters.map((each) => html`<tr key=${each.name + each.in}><td class="mono">${each.name}${each.required && html` <b title="required">*</b>`}<div class="faint">${each.in}</div></td><td><input aria-label=${each.name} value=${values[each.name] || ""} onInput=${(event) => setValues({ ...values, [each.name]: event.target.value })} /></td><td>${each.description} <span class="faint">${kind(each.schema)}</span></td></tr>`)}
    </tbody></table></div>`}
    ${schema && html`<details><summary>Fields of the body</summary><${Fields} document=${document} schema=${schema} /></details>
      <label class="field"><span>Body, ${mediaType}</span><textarea class="mono" rows="8" spellcheck="false" value=${body} onInput=${(event) => setBody(event.target.value)}></textarea>${wrong && html`<em class="wrong">${wrong}</em>`}</label>`}
    <details><summary>Responses</summary>${Object.entries(operation.responses).map(([status, each]) => html`<p key=${status}><b class="mono">${status}</b> ${resolve(document, each).description}</p>`)}</details>
    <${Commands} action=${{ method: operation.method, path: target, body: parsed, headers }} />
    <div class="buttons end">${changes && html`<span class="faint">This changes things for real.</span>`}<button type="submit" class=${changes ? "danger" : "primary"} disabled=${isMissing || Boolean(wrong)}>Send</button></div>
    ${answer && html`<section aria-live="polite"><p><${State} value=${answer.status || "no answer"} kind=${answer.status >= 200 && answer.status < 400 ? "ok" : "bad"} /> <span class="faint mono">${answer.requestId}</span></p>${answer.data !== null && (typeof answer.data === "string" ? html`<pre>${answer.data.slice(0, 20000)}</pre>` : html`<${Json} value=${answer.data} />`)}</section>`}
  </form><//>`;
}

function kind(schema) {
  if (!schema) return "";
  if (schema.anyOf) return kind(schema.anyOf[0]);
  return [[schema.type].flat().filter(Boolean).join(" or "), schema.format, schema.enum && schema.enum.filter((each) => each !== null).join(", ")].filter(Boolean).join(" · ");
}

function Fields({ document, schema }) {
  return html`<table><tbody>${Object.entries(schema.properties || {}).map(([name, value]) => {
    const field = resolve(document, value);
    return html`<tr key=${name}><th scope="row" class="mono">${name}${schema.required?.includes(name) && html` <b title="required">*</b>`}</th><td class="faint">${kind(field)}</td><td>${field.description}${field.default !== undefined && field.default !== null && html` <span class="faint">Default: ${text(field.default)}.</span>`}</td></tr>`;
  })}</tbody></table>`;
}
