# SPDX-License-Identifier: Apache-2.0
"""Machines that are made and taken apart by the action CompositionService.Compose (Manifest schema, DSP2046).

A request carries one stanza. The stanza's Response decides, because services answer 200 although a stanza failed. The
RequestType is always Apply: a public service composes on Preview.
"""

import json
import typing

from valence.podmanagers import base
from valence.podmanagers import composers
from valence.podmanagers.redfish import connection as connections
from valence.podmanagers.redfish import tasks
from valence.podmanagers.redfish.composition import blocks
from valence.podmanagers.redfish.crawl import properties
from valence.podmanagers.redfish.http import requests

_TARGET = ("Actions", "#CompositionService.Compose", "target")
_REFUSED, _OK = 400, 200


def target(connection: connections.Connection, service: dict[str, typing.Any]) -> str | None:
    """Return the path of the action, as the composition service spells it; None where there is no action."""
    found = properties.at(service, _TARGET)
    return connection.paths.link(found) if isinstance(found, str) else None


class Manifest(blocks.Blocks):
    """Composes on one connection, by the action at ``action``."""

    def __init__(self, connection: connections.Connection, root: dict[str, typing.Any], action: str) -> None:
        super().__init__(connection, root)
        self._action = action

    def compose(self, plan: composers.Plan) -> base.Outcome:
        return self._apply("ComposeSystem", self._wanted(plan), ", ".join(plan.resource_urls))

    def decompose(self, machine_url: str, *, is_created: bool = False, force: bool = False) -> base.Outcome:
        if not self.exists(machine_url):
            return base.Outcome(base.DONE)
        machine = {"@odata.id": machine_url}  # services differ in where they want it
        outcome = self._apply("DecomposeSystem", {**machine, "Links": {"ComputerSystems": [machine]}}, None)
        return outcome if outcome.state == base.TASK else base.Outcome(outcome.state)

    def _apply(self, kind: str, request: dict[str, typing.Any], device: str | None) -> base.Outcome:
        """Send a stanza; return its Outcome, unknown where a success has no Response."""
        stanza = {"StanzaType": kind, "StanzaId": "1", "Request": request}
        body = {"RequestFormat": "Manifest", "RequestType": "Apply", "Manifest": {"Stanzas": [stanza]}}
        answer = self._connection.exchange("POST", self._action, body)
        response = _response(answer)
        if answer.status_code == _OK and response is not None:
            status = _REFUSED if _is_failure(response) else _OK
            answer = answer._replace(status_code=status, content=json.dumps(response).encode(), headers={})
        outcome = tasks.outcome(
            self._connection, self._action, answer, action="composition by manifests", device=device
        )
        is_told = response is not None or outcome.state != base.DONE
        return outcome if is_told else base.Outcome(base.UNKNOWN)


def _response(answer: requests.Answer) -> dict[str, typing.Any] | None:
    """Return the Response of the only stanza of an answer."""
    stanzas = properties.at(requests.json_object(answer) or {}, ("Manifest", "Stanzas"))
    first = stanzas[0] if isinstance(stanzas, list) and stanzas else None
    response = first.get("Response") if isinstance(first, dict) else None
    return response if isinstance(response, dict) else None


def _is_failure(response: dict[str, typing.Any]) -> bool:
    """Return whether a Response is an error; some services report success in the form of one."""
    error = response.get("error", response.get("Error"))
    if error is None:
        return False
    code = error.get("code") if isinstance(error, dict) else None
    return not str(code).endswith(".Success")
