# SPDX-License-Identifier: Apache-2.0
"""One simulated Redfish service: answers HTTP requests from the pod, within one event loop."""

import asyncio
import collections
import dataclasses
import json
import urllib.parse

from aiohttp import web

from valence.simulator import actions
from valence.simulator import answers
from valence.simulator import faults
from valence.simulator import pod
from valence.simulator import redfish
from valence.simulator import resources
from valence.simulator import sessions
from valence.simulator import subscriptions
from valence.simulator.composition import composer
from valence.simulator.documents import services
from valence.simulator.documents import tasks

JSON = {"Content-Type": "application/json", "OData-Version": "4.0"}
READ = ("GET", "HEAD")
#: where something can be done to what is no resource: monitors of tasks, and an action with a misspelled target
ELSEWHERE = (f"{tasks.MONITORS}/", f"{redfish.ROOT}/CompostionService/Actions/")


def call_later(seconds, function, *arguments):
    asyncio.get_running_loop().call_later(seconds, function, *arguments)


class Service:
    """Everything behind ``/redfish``, made of the option groups of ``valence.simulator.options``."""

    def __init__(self, inventory, behaviour, composition, fault_options):
        self._fault_options = fault_options
        self._behaviour = behaviour
        self.pod = pod.Pod(inventory, composition)
        self.composer = composer.Composer(self.pod, call_later, self._hits)
        self.pod.compositions.is_stale = self._is_stale
        self.power = actions.Power(self.pod, behaviour.power_seconds, call_later)
        self.sessions = sessions.Sessions(behaviour)
        self.subscriptions = subscriptions.Subscriptions(behaviour)
        self.set_faults()
        table = resources.table(services.Services(behaviour), self.sessions, self.subscriptions)
        self.answers = answers.Answers(resources.Tree(self.pod, table), behaviour, self._is_dead)
        self.pod.listeners.append(self.answers.forget)
        events = subscriptions.Events(self.pod, self.subscriptions.deliver)
        self.pod.listeners.append(events.changed)
        self.pod.compositions.listeners.append(events.blocks_changed)
        self.gate = faults.Gate()
        #: whether a body that is no JSON has ended the service: from then on connections are cut
        self.has_ended = False
        self.statistics = collections.Counter()
        #: id of a system and ResetType -> how often that reset arrived
        self.resets = collections.Counter()

    def set_faults(self, **changes):
        """Change some of ``options.Faults``; without changes, go back to those of the start."""
        known = dataclasses.replace(self.faults.options if changes else self._fault_options, **changes)
        self.faults = faults.Faults(known, self.pod.identity, self.pod.inventory.seed)

    def reset(self):
        """Set everything back to how it was at the start; who signed in must do so again."""
        self.pod.reset()
        self.has_ended = False
        self.gate.open()
        self.set_faults()
        self.sessions.set_password(self._behaviour.password)
        self.sessions.expire()
        self.subscriptions.clear()
        self.statistics.clear()
        self.resets.clear()

    async def handle(self, request):
        """Answer an HTTP request below ``/redfish``."""
        path, _, query = request.raw_path.partition("?")
        path = urllib.parse.unquote(path.rstrip("/"))
        if self.has_ended:
            request.transport.close()
            return respond(503, None)
        return await self.gate.run(request, path, lambda: self._handle(request, path, query))

    async def _handle(self, request, path, query):
        fault = self.faults.draw(path)
        self.statistics[request.method] += 1
        try:
            if self.faults.options.latency:
                await asyncio.sleep(self.faults.options.latency / 1000)
            response = await self._answer(request, path, query, fault)
        except redfish.RedfishError as error:
            response = self._refuse(error)
        self.statistics[response.status] += 1
        # of this request: nothing was awaited since its action
        lost = self.composer.take_loss()
        await self.gate.pass_done(request.method, path)
        if lost == "hang":
            await asyncio.Event().wait()  # until the client goes away or the server stops
        fault = lost or fault
        if fault not in answers.KINDS or response.prepared:
            return response
        return await answers.send(request, response, fault)

    async def _answer(self, request, path, query, fault):
        if fault == "hang":
            await asyncio.Event().wait()  # until the client goes away or the server stops
        if fault == "error":
            raise self.faults.error()
        if path == "/redfish":
            return respond(200, json.dumps({"v1": f"{redfish.ROOT}/"}).encode())
        if not is_open(request.method, path, query):
            self.sessions.check(request.headers)
        if self.faults.is_dead(path):
            raise self.faults.dead(path)
        if path == redfish.STREAM and self._behaviour.events and self._behaviour.event_stream:
            return await self.subscriptions.stream(request)
        if request.method in READ:
            is_monitor = path.startswith(f"{tasks.MONITORS}/")
            return self._monitor(path) if is_monitor else self._read(request, path, query)
        return await self._act(request, path)

    def _is_dead(self, path):
        return self.faults.is_dead(path)

    def _is_stale(self, block_id):
        return self.faults.is_stale(block_id)

    def _hits(self, rate, path):
        return self.faults.hits(rate, path)

    def _monitor(self, path):
        """Answer 202 while a task runs, then as the action would have without a task."""
        task = self.pod.tasks.monitored(path.rpartition("/")[2])
        if task.is_running:
            return self._acted(*composer.accepted(task, self.pod.compositions.options.task_retry_after))
        if task.error:
            raise task.error
        return self._acted(*task.answer)

    def _read(self, request, path, query):
        answer = self.answers.query(path, query) if query else self.answers.get(path)
        if answer.etag is None:
            return respond(200, answer.body)
        if matches(request.headers.get("If-None-Match"), answer.etag):
            return respond(304, None, {"ETag": answer.etag})
        return respond(200, answer.body, {"ETag": answer.etag})

    async def _act(self, request, path):
        action, ids = actions.find(request.method, path)
        if action is None:
            raise self._refusal(path)
        self._require_present(path)
        body = await self._body(request, path)
        self.require_etag(request.headers.get("If-Match"), path)
        status, target, headers = action(self, body, *ids)
        return self._acted(status, target, headers)

    async def _body(self, request, path):
        """Return the body of a change; one of a node that is no JSON ends some services, an empty one too."""
        is_end = "ended_by_text" in self.pod.compositions.quirks and path.startswith(f"{redfish.ROOT}/Nodes")
        try:
            if is_end and request.method == "POST" and not await request.read():
                raise redfish.bad_request("MalformedJSON", "The request has no body.")
            return await read_json(request)
        except redfish.RedfishError:
            self.has_ended = is_end
            raise

    def _acted(self, status, target, headers):
        if not isinstance(target, str):
            return respond(status, None if target is None else json.dumps(target).encode(), headers)
        answer = self.answers.get(target)
        etag = {"ETag": answer.etag} if answer.etag else {}
        return respond(status, answer.body, {**headers, **etag})

    def _require_present(self, path):
        """Raise the 404 where the resource of an action is missing."""
        if not path.startswith(ELSEWHERE):
            self.answers.get(path.partition("/Actions/")[0])

    def require_etag(self, wanted, path):
        """Raise the 412 where a client changes another state than it has seen."""
        if wanted and self._behaviour.etags and not matches(wanted, self.answers.get(path).etag):
            raise redfish.RedfishError(412, "PreconditionFailed", "The ETag is not that of the resource.")

    def _refuse(self, error):
        is_bare = "bare_errors" in self.pod.compositions.quirks
        document = error.text if is_bare else error.document
        return respond(error.status, json.dumps(document).encode(), error.headers)

    def _refusal(self, path):
        allowed = actions.methods(path)
        if "/Actions/" not in path:
            self._require_present(path)
            allowed = [*READ, *allowed]
        if not allowed:
            return redfish.missing(path)
        return redfish.RedfishError(
            405, "OperationNotAllowed", "The method is not allowed.", Allow=", ".join(allowed)
        )


def is_open(method, path, query):
    """Say whether a request needs no sign-in (DSP0266): reading the root, unexpanded, and signing in."""
    if method == "POST":
        return path == actions.SESSIONS
    return path == redfish.ROOT and not query


def matches(header, etag):
    return header is not None and (header == "*" or etag in header)


def respond(status, body, headers=None):
    return web.Response(status=status, body=body, headers={**JSON, **headers} if headers else JSON)


async def read_json(request):
    text = await request.read()
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError as error:
        raise redfish.bad_request("MalformedJSON", "The request body is no JSON.") from error
    if not isinstance(body, dict):
        raise redfish.bad_request("MalformedJSON", "The request body is no JSON object.")
    return body
