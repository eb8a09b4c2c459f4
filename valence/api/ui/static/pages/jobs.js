// SPDX-License-Identifier: Apache-2.0
// Jobs of the backup service: their last runs, with durations.
import { get, session } from "../api.js";
import { counted, duration, every, html, short } from "../lib.js";
import { Empty, Facts, Json, State, Time, useData, useLive } from "../parts.js";
import { go, to, usePlace } from "../router.js";

const ROWS = 50, RUNS = 40;
/** The API of Freezer: version 2 has the jobs of a project, version 1 those of the user. */
const base = () => (session.strategy === "keystone" && session.project_id ? `/backup/v2/${session.project_id}` : "/backup/v1");
const moment = (seconds) => (seconds > 0 ? new Date(seconds * 1000).toISOString().replace(".000", "") : null);
const lasted = ({ time_started: start, time_ended: end }) => (end >= start && start >= 0 ? duration(end - start) : "–");

export function Jobs() {
  const { query } = usePlace();
  const offset = Number(query.offset) || 0;
  const { data, reload } = useData((signal) => get(`${base()}/jobs?limit=${ROWS}&offset=${offset}`, signal), [offset]);
  useLive((event) => event.object_kind === "backup_job", reload);
  const rows = data?.jobs || [];
  return html`<h1>Backup jobs</h1>
    <section class="scroll" tabindex="0" role="region" aria-label="Jobs"><table><thead><tr><th scope="col">Job</th><th scope="col">Client</th><th scope="col">Actions</th><th scope="col">Status</th><th scope="col">Last result</th><th scope="col">Last run</th><th scope="col" class="num">Time</th><th scope="col">Schedule</th></tr></thead><tbody>
      ${rows.map((job) => html`<tr key=${job.job_id}><td data-label="Job"><a href=${to(`/jobs/${job.job_id}`)}>${job.description || short(job.job_id)}</a></td><td data-label="Client">${job.client_id}</td><td data-label="Actions">${actions(job)}</td><td data-label="Status"><${State} value=${job.job_schedule.status} /></td><td data-label="Last result"><${State} value=${job.job_schedule.result} /></td><td data-label="Last run"><${Time} value=${moment(job.job_schedule.time_ended)} /></td><td class="num" data-label="Time">${lasted(job.job_schedule)}</td><td data-label="Schedule">${schedule(job)}</td></tr>`)}
    </tbody></table>
    ${data && !rows.length && html`<${Empty} command="freezer job-create --file job.json">There are no backup jobs. Freezer's clients and schedulers create and run them; see the guide on backups.<//>`}</section>
    ${(offset > 0 || rows.length === ROWS) && html`<div class="pager"><span class="grow"></span><button type="button" class="small" disabled=${!offset} onClick=${() => go("/jobs", { offset: Math.max(0, offset - ROWS) || undefined })}>‹ Previous</button><button type="button" class="small" disabled=${rows.length < ROWS} onClick=${() => go("/jobs", { offset: offset + ROWS })}>Next ›</button></div>`}`;
}

const actions = (job) => (job.job_actions || []).map((each) => `${each.freezer_action?.action || "?"} ${each.freezer_action?.backup_name || each.freezer_action?.path_to_backup || ""}`.trim()).join(", ");
const schedule = ({ job_schedule: times }) => (times.schedule_interval ? every(times.schedule_interval) : times.schedule_date ? `at ${times.schedule_date}` : Object.entries(times).filter(([name]) => /^schedule_(day|hour|minute|month|week)/.test(name)).map(([name, value]) => `${name.slice(9)} ${value}`).join(", ") || "once");

export function Job({ job: id }) {
  const { data, error, reload } = useData(async (signal) => {
    const path = `${base()}/jobs/${encodeURIComponent(id)}`;
    const [job, reports] = await Promise.all([get(path, signal), get(`${path}/reports?limit=${RUNS}`, signal)]);
    return { job, reports: reports.reports };
  }, [id]);
  useLive((event) => event.object_kind === "backup_job" && event.object_id === id, reload);
  if (!data) return html`<p class="crumbs"><a href="#/jobs">Backup jobs</a> ›</p><h1>${error ? "This job cannot be shown" : "…"}</h1>`;
  const { job, reports } = data;
  return html`<p class="crumbs"><a href="#/jobs">Backup jobs</a> ›</p>
    <div class="row title"><h1>${job.description || short(id)}</h1>${job.job_schedule.status && html`<${State} value=${job.job_schedule.status} />`}${job.job_schedule.result && html`<${State} value=${job.job_schedule.result} />`}</div>
    <div class="columns"><section><h2>Facts</h2><${Facts} facts=${[["Client", job.client_id], ["Actions", actions(job)], ["Schedule", schedule(job)], ["Session", job.session_id], ["Last run", html`<${Time} value=${moment(job.job_schedule.time_ended)} />`], ["Time", lasted(job.job_schedule)]]} /></section>
      <section><h2>Durations of the last runs</h2><${Bars} reports=${reports} /></section></div>
    <section><h2>Runs</h2>${!reports.length ? html`<p class="faint">No run was reported.</p>` : html`<div class="scroll"><table><thead><tr><th scope="col">When</th><th scope="col">Result</th><th scope="col" class="num">Time</th><th scope="col">Action</th></tr></thead><tbody>
      ${reports.map((each) => html`<tr key=${each.report_id}><td data-label="When"><${Time} value=${each.report_date} /></td><td data-label="Result"><${State} value=${each.result} /></td><td class="num" data-label="Time">${Number(each.time_elapsed) >= 0 ? duration(Number(each.time_elapsed)) : each.time_elapsed || "–"}</td><td class="mono" data-label="Action">${short(each.action_id)}</td></tr>`)}
    </tbody></table></div>`}</section>
    <details><summary>JSON</summary><${Json} value=${job} /></details>`;
}

/** The durations of runs as bars, the latest at the right. */
function Bars({ reports }) {
  const runs = reports.filter((each) => Number(each.time_elapsed) >= 0).reverse();
  if (!runs.length) return html`<p class="faint">No run with a duration was reported.</p>`;
  const most = Math.max(...runs.map((each) => Number(each.time_elapsed)), 1);
  const [width, height, step] = [RUNS * 12, 96, 12];
  return html`<div class="card"><svg class="bars" viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${`${counted(runs.length, "run")}, the longest ${duration(most)}`}>
    ${runs.map((each, index) => {
      const tall = Math.max(2, (Number(each.time_elapsed) / most) * (height - 4));
      return html`<rect key=${each.report_id} class=${each.result} x=${(RUNS - runs.length + index) * step} y=${height - tall} width=${step - 3} height=${tall} rx="1"><title>${each.report_date}: ${duration(Number(each.time_elapsed))}, ${each.result}</title></rect>`;
    })}
  </svg><div class="row faint"><span>the longest ${duration(most)}</span><span class="grow"></span><span>latest at the right</span></div></div>`;
}
