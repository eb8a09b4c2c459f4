# SPDX-License-Identifier: Apache-2.0
"""The action CompositionService.Compose: manifests of stanzas (CompositionService and Manifest schemas)."""

import json

from valence.simulator import redfish
from valence.simulator.composition import actions
from valence.simulator.composition import requests
from valence.simulator.composition import work
from valence.simulator.documents import composition as documents

#: the action, at its place and where a misspelled target says that it is
PATH = f"{redfish.ROOT}/(?:CompositionService|CompostionService)/Actions/CompositionService.Compose"
UNABLE = "Composition.1.1.UnableToProcessStanzaRequest"


class Stanzas:
    """The work of a manifest: that of its stanzas, each of which succeeds or not by itself."""

    name = "Compose by a manifest"
    takes_time = True

    def __init__(self, service, body, path):
        self._service = service
        self._body = body
        self._path = path
        self._works = {}
        self._errors = {}
        self._stanzas = body["Manifest"]["Stanzas"]

    @property
    def system(self):
        """The last system that was composed or changed."""
        return next((each.system for each in reversed(self._works.values())), None)

    def begin(self):
        """Begin every stanza that can be done, in order."""
        for index, stanza in enumerate(self._stanzas):
            try:
                change = plan(self._service, stanza, self._path)
            except redfish.RedfishError as error:
                self._errors[index] = error.document
                continue
            self._works[index] = change
            change.begin()

    def show(self):
        self._each("show")

    def finish(self):
        self._each("finish")

    def fail(self):
        self._each("fail")

    def undo(self):
        self._each("undo")

    def answer(self):
        """Return the manifest with a Response in every stanza."""
        stanzas = [
            {**stanza, "Response": self._response(index)} for index, stanza in enumerate(self._stanzas)
        ]
        return 200, {**self._body, "Manifest": {**self._body["Manifest"], "Stanzas": stanzas}}, {}

    def _response(self, index):
        change = self._works.get(index)
        if change is None:
            return self._errors[index]
        if isinstance(change, work.Decompose):
            return SUCCESS.document
        return json.loads(self._service.answers.get(change.path).body)

    def _each(self, step):
        for change in self._works.values():
            getattr(change, step)()


SUCCESS = redfish.RedfishError(200, "Success", "The request completed successfully.")


def plan(service, stanza, path):
    """Return the work of a stanza; raise a RedfishError where it cannot be done."""
    request = stanza.get("Request")
    if not isinstance(request, dict):
        raise redfish.bad_request(UNABLE, "A stanza has a Request.")
    kind = stanza.get("StanzaType")
    if kind == "ComposeSystem":
        return compose(service, request, path)
    if kind == "DecomposeSystem":
        return decompose(service, request)
    raise redfish.bad_request(UNABLE, f"The StanzaType {kind!r} is not supported.")


def compose(service, request, path):
    """Return the work of ComposeSystem: a new system, or where a block is one already, that with more blocks."""
    pod = service.pod
    block_ids = requests.listed(pod, requests.links_in(request))
    bases = [pod.bases[block_id] for block_id in block_ids if block_id in pod.bases]
    if bases and "expand" in pod.compositions.ways:
        return expand(pod, bases, block_ids)
    requests.check(pod, block_ids)
    requests.check_limits(pod, block_ids)
    values = {"name": "Computer System", **requests.texts(request)}
    return service.composer.composing(requests.Request(block_ids, values), path)


def expand(pod, bases, block_ids):
    """Return the work to add blocks to the one base among them."""
    if len(bases) > 1:
        raise redfish.bad_request(requests.INVALID, "A system has one base.")
    added = tuple(each for each in block_ids if each not in pod.bases)
    change = work.Replace(pod, bases[0], tuple(dict.fromkeys((*bases[0].blocks, *added))))
    requests.check(pod, change.added, (bases[0].base, *change.kept))
    requests.check_limits(pod, (*change.kept, *change.added), ("Max",))
    return change


def decompose(service, request):
    """Return the work of DecomposeSystem, which names the system by itself or by Links.ComputerSystems."""
    links = request.get("Links")
    named = links.get("ComputerSystems") if isinstance(links, dict) else None
    if named is None and "decompose_by_links" not in service.pod.compositions.quirks:
        named = [request]
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], dict):
        raise redfish.bad_request(UNABLE, "The request names no system.")
    path = named[0].get("@odata.id")
    system = service.pod.systems.get(str(path).removeprefix(f"{actions.SYSTEMS}/"))
    if system is None:
        raise redfish.missing(path)
    if system.is_composed:
        return work.Decompose(service.pod, system)
    if system.blocks:
        return work.Replace(service.pod, system, ())
    raise redfish.bad_request(UNABLE, "The system is not composed.")


def run(service, body):
    """Do the action, or with RequestType Preview only say what would come of it."""
    if "manifest" not in service.pod.compositions.ways:
        raise redfish.missing(documents.COMPOSE)
    actions.require_offered(service.pod, "manifest")
    check(body)
    is_preview = body["RequestType"] == "Preview"
    if is_preview and "preview_applies" not in service.pod.compositions.quirks:
        return preview(service, body)
    return service.composer.run(Stanzas(service, body, documents.COMPOSE), documents.COMPOSE)


def preview(service, body):
    """Return the manifest with the errors that its stanzas would have, or success."""
    stanzas = []
    for stanza in body["Manifest"]["Stanzas"]:
        try:
            plan(service, stanza, documents.COMPOSE)
            response = SUCCESS.document
        except redfish.RedfishError as error:
            response = error.document
        stanzas.append({**stanza, "Response": response})
    return 200, {**body, "Manifest": {**body["Manifest"], "Stanzas": stanzas}}, {}


def check(body):
    """Raise the 400 unless a body is a manifest that is to be applied or previewed."""
    if body.get("RequestFormat") != "Manifest" or body.get("RequestType") not in ("Apply", "Preview"):
        text = "RequestFormat is Manifest, RequestType Apply or Preview."
        raise redfish.bad_request("ActionParameterValueNotInList", text)
    manifest = body.get("Manifest")
    stanzas = manifest.get("Stanzas") if isinstance(manifest, dict) else None
    if not isinstance(stanzas, list) or not all(isinstance(stanza, dict) for stanza in stanzas):
        raise redfish.bad_request("ActionParameterMissing", "The action requires Manifest with Stanzas.")
    if not stanzas:
        raise redfish.bad_request("Composition.1.1.EmptyManifest", "The manifest has no stanzas.")


TABLE = (("POST", PATH, run),)
