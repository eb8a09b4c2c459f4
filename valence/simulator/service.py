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
from valence.simulator import errors
from valence.simulator import events
from valence.simulator import faults
from valence.simulator import pod
from valence.simulator import power
from valence.simulator import redfish
from valence.simulator import resources
from valence.simulator import sessions
from valence.simulator import spoiled
from valence.simulator import subscriptions
from valence.simulator import tree
from valence.simulator.documents import services

JSON = {"Content-Type": "application/json", "OData-Version": "4.0"}
READ = ("GET", "HEAD")


def call_later(seconds, function, *arguments):
    asyncio.get_running_loop().call_later(seconds, function, *arguments)


class Service:
    """Everything behind ``/redfish``, made of the option groups of ``valence.simulator.options``."""

    def __init__(self, inventory, behaviour, fault_options):
        self._fault_options = fault_options
        self._behaviour = behaviour
        self.pod = pod.Pod(inventory)
        self.power = power.Power(self.pod, behaviour.power_seconds, call_later)
        self.sessions = sessions.Sessions(behaviour)
        self.subscriptions = subscriptions.Subscriptions(behaviour)
        self.set_faults()
        table = resources.table(services.Services(behaviour), self.sessions, self.subscriptions)
        self.answers = answers.Answers(tree.Tree(self.pod, table), behaviour, self._is_dead)
        self.pod.listeners.append(self.answers.forget)
        self.pod.listeners.append(events.Events(self.pod, self.subscriptions.deliver).changed)
        self.statistics = collections.Counter()

    def set_faults(self, **changes):
        """Change some of ``options.Faults``; without changes, go back to those of the start."""
        known = dataclasses.replace(self.faults.options if changes else self._fault_options, **changes)
        self.faults = faults.Faults(known, self.pod.identity, self.pod.inventory.seed)

    def reset(self):
        """Set everything back to how it was at the start; who signed in must do so again."""
        self.pod.reset()
        self.set_faults()
        self.sessions.set_password(self._behaviour.password)
        self.sessions.expire()
        self.subscriptions.clear()
        self.statistics.clear()

    async def handle(self, request):
        """Answer an HTTP request below ``/redfish``."""
        path, _, query = request.raw_path.partition("?")
        path = urllib.parse.unquote(path.rstrip("/"))
        fault = self.faults.draw(path)
        self.statistics[request.method] += 1
        try:
            if self.faults.options.latency:
                await asyncio.sleep(self.faults.options.latency / 1000)
            response = await self._answer(request, path, query, fault)
        except errors.RedfishError as error:
            response = respond(error.status, json.dumps(error.document).encode(), error.headers)
        self.statistics[response.status] += 1
        if fault not in spoiled.KINDS or response.prepared:
            return response
        return await spoiled.send(request, response, fault)

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
            return self._read(request, path, query)
        return await self._act(request, path)

    def _is_dead(self, path):
        return self.faults.is_dead(path)

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
        body = await read_json(request)
        self._require_match(request.headers.get("If-Match"), path)
        status, target, headers = action(self, body, *ids)
        return self._acted(status, target, headers)

    def _acted(self, status, target, headers):
        if target is None:
            return respond(status, None, headers)
        answer = self.answers.get(target)
        etag = {"ETag": answer.etag} if answer.etag else {}
        return respond(status, answer.body, {**headers, **etag})

    def _require_present(self, path):
        """Raise the 404 where the resource of an action is missing."""
        self.answers.get(path.partition("/Actions/")[0])

    def _require_match(self, wanted, path):
        """Raise the 412 where a client changes another state than it has seen."""
        if wanted and self._behaviour.etags and not matches(wanted, self.answers.get(path).etag):
            raise errors.RedfishError(412, "PreconditionFailed", "The ETag is not that of the resource.")

    def _refusal(self, path):
        allowed = actions.methods(path)
        if "/Actions/" not in path:
            self._require_present(path)
            allowed = [*READ, *allowed]
        if not allowed:
            return errors.missing(path)
        return errors.RedfishError(
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
        raise errors.bad_request("MalformedJSON", "The request body is no JSON.") from error
    if not isinstance(body, dict):
        raise errors.bad_request("MalformedJSON", "The request body is no JSON object.")
    return body
