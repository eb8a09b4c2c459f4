# SPDX-License-Identifier: Apache-2.0
"""Exchanges with the real Freezer API, as they were recorded, said again to Valence in order, with its identifiers.

Status and shape of each answer are compared. ``differences-*.yaml`` lists what differs on purpose, and why:
``answers`` of single exchanges by label, and ``shapes`` by place, everywhere. What is listed has to occur.
"""

import json
import pathlib
import re
import typing

import yaml

FOLDER = pathlib.Path(__file__).parents[1] / "data" / "freezer"
_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
#: objects whose names are identifiers
_BY_IDENTIFIER = "$.jobs", "$.sessions[].jobs"
#: lists in no order -> what a member is called by
_UNORDERED = {
    "$.jobs": lambda each: each["job_id"],
    "$.actions": lambda each: each["action_id"],
    "$.sessions": lambda each: each["session_id"],
    "$.backups": lambda each: each["backup_id"],
    "$.clients": lambda each: each["client"]["client_id"],
}


class Exchange(typing.NamedTuple):
    """A recorded request and its answer."""

    label: str
    method: str
    path: str
    body: typing.Any
    status: int
    response: typing.Any
    content_type: str | None
    accept: str | None = "application/json"
    token: str | None = ""

    @property
    def data(self):
        """The body as it was sent."""
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


def exchanges(version):
    """Return what was recorded of a version, in order."""
    lines = (FOLDER / f"wire-{version}.ndjson").read_text().splitlines()
    return [Exchange(**json.loads(line)) for line in lines]


class Replay:
    """Says recorded requests again and collects what is different.

    ``send(method, path, token, headers, data)`` returns a response of werkzeug; ``token_of(exchange)`` names who
    asks. Paths get ``mount`` before them.
    """

    def __init__(self, version, send, token_of, mount="/backup"):
        listed = yaml.safe_load((FOLDER / f"differences-{version}.yaml").read_text())
        self._answers = {(each["label"], each.get("method")): each for each in listed["answers"]}
        self._shapes = listed["shapes"]
        self._send, self._token_of, self._mount = send, token_of, mount
        self._names, self._used = {}, set()
        self.differences = []

    def say(self, exchange):
        """Repeat one exchange."""
        headers = {"Accept": exchange.accept, "Content-Type": exchange.content_type}
        headers = {name: value for name, value in headers.items() if value}
        data = None if exchange.body is None else self._ours(exchange.data)
        token = None if exchange.token is None else self._token_of(exchange)
        response = self._send(exchange.method, self._mount + self._ours(exchange.path), token, headers, data)
        listed = self._listed(exchange)
        self._compare_status(exchange, response, listed)
        if "shape" not in listed and response.status_code == exchange.status:
            self._compare(exchange.label, "$", exchange.response, _content(response))

    def unused(self):
        """Return what is listed as different and is not."""
        listed = {*self._answers, *((each["at"], name) for each in self._shapes for name in each["names"])}
        return sorted(listed - self._used, key=str)

    def _listed(self, exchange):
        """Return what is listed of an exchange, of its method only or of all with its label."""
        for key in ((exchange.label, exchange.method), (exchange.label, None)):
            if key in self._answers:
                self._used.add(key)
                return self._answers[key]
        return {}

    def _compare_status(self, exchange, response, listed):
        expected = listed.get("status", exchange.status)
        if "status" in listed and expected == exchange.status:
            self._tell(exchange.label, "is listed with the recorded status")
        if response.status_code != expected:
            self._tell(
                exchange.label, f"status {response.status_code}, not {expected}: {response.text[:300]}"
            )

    def _compare(self, label, place, recorded, ours):
        if isinstance(recorded, dict) and isinstance(ours, dict):
            self._compare_objects(label, place, recorded, ours)
        elif isinstance(recorded, list) and isinstance(ours, list):
            self._compare_lists(label, place, recorded, ours)
        elif type(recorded) is not type(ours):
            self._check_listed(label, place, "another kind", f"{place} is {ours!r}, not {recorded!r}")
        elif isinstance(recorded, str) and recorded != ours and _IDENTIFIER.fullmatch(recorded):
            self._names.setdefault(recorded, ours)

    def _compare_lists(self, label, place, recorded, ours):
        pairs = list(zip(recorded, ours, strict=False))
        if name_of := _UNORDERED.get(place):
            named = {name_of(each): each for each in ours}
            names = [(self._names.get(name_of(each), name_of(each)), each) for each in recorded]
            pairs = [(each, named[name]) for name, each in names if name in named]
        if len(recorded) != len(ours):
            self._tell(label, f"{place} has {len(ours)} members, not {len(recorded)}")
        for mine, other in pairs:
            self._compare(label, f"{place}[]", mine, other)

    def _compare_objects(self, label, place, recorded, ours):
        if place in _BY_IDENTIFIER:
            recorded = {self._names.get(name, name): value for name, value in recorded.items()}
        for name in recorded.keys() | ours.keys():
            if name in recorded and name in ours:
                self._compare(label, f"{place}.{name}", recorded[name], ours[name])
            else:
                what = "lacks" if name in recorded else "has in addition"
                self._check_listed(label, place, name, f"{place} {what} {name}")

    def _check_listed(self, label, place, name, difference):
        for each in self._shapes:
            if re.fullmatch(each["at"], place) and name in each["names"]:
                self._used.add((each["at"], name))
                return
        self._tell(label, difference)

    def _tell(self, label, difference):
        self.differences.append(f"{label}: {difference}")

    def _ours(self, text):
        for recorded, name in self._names.items():
            text = text.replace(recorded, name)
        return text


def _content(response):
    text = response.text
    if not text:
        return None
    return json.loads(text) if "json" in response.content_type else text
