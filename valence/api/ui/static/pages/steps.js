// SPDX-License-Identifier: Apache-2.0
// An operation as a timeline of its steps.
import { html, took } from "../lib.js";
import { Action, State, Time } from "../parts.js";
import { to } from "../router.js";

export const isEnded = (operation) => ["succeeded", "failed", "cancelled"].includes(operation.state);

/** An operation with its steps, its cause and hint, and what can be done about it. */
export function Steps({ operation, onDone, full }) {
  const path = `/v1/operations/${operation.uuid}`;
  return html`<article class="operation">
    <header class="row">
      ${full ? null : html`<a href=${to(`/operations/${operation.uuid}`)}><b>${operation.operation_kind}</b></a>`}
      <${State} value=${operation.state} />
      <span class="faint"><${Time} value=${operation.created_at} /> · ${took(operation.started_at, operation.ended_at)}</span>
      <span class="grow"></span>
      ${!isEnded(operation) && html`<${Action} title="Cancel" rule="operations:cancel" action=${{ method: "POST", path: `${path}/cancel`, cli: ["operation", "cancel", operation.uuid] }} onDone=${onDone} />`}
      ${["failed", "cancelled"].includes(operation.state) && html`<${Action} title="Retry" rule="operations:retry" action=${{ method: "POST", path: `${path}/retry`, cli: ["operation", "retry", operation.uuid, "--wait"] }} onDone=${onDone} />`}
    </header>
    <ol class="steps">${operation.steps.map((step, index) => html`<li key=${index} class=${step.state}><${State} value=${step.name} kind=${{ succeeded: "ok", running: "busy", failed: "bad", skipped: "idle" }[step.state] || "idle"} /><span class="visually-hidden">${step.state}</span><span class="faint">${took(step.started_at, step.ended_at)}</span></li>`)}</ol>
    ${operation.cause && html`<p class="notice bad"><span aria-hidden="true">✕ </span>${operation.cause}${operation.hint && html`<br /><span class="hint">${operation.hint}</span>`}</p>`}
  </article>`;
}
