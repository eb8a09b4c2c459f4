# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with nodes and the hardware that they are made of, in the tree of ``valence.common.errors``.

``introspection_errors.NotOffered`` says that a pod manager or a machine has no such method.
"""

import typing

from valence.common import errors


class NothingFits(errors.Conflict):
    """A request for hardware that no free hardware satisfies: ``problems``, at least one, one for each part.

    A problem is ``{"path": JSON path of the part, "detail": the nearest miss, "hint"}``. ``summary`` may name the rule
    that removed the most.
    """

    code, title = "valence.nothing_fits", "Nothing Fits"
    message = "No free hardware satisfies the request."
    hint = "Ask for less, or wait until other nodes are deleted."

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        if summary := kwargs.get("summary"):
            self.detail = summary

    @property
    def problems(self) -> list[errors.Problem]:
        return [{"hint": self.hint} | problem for problem in self.kwargs["problems"]]


class DeviceTaken(errors.Conflict):
    """Hardware that is used otherwise: ``device`` is its UUID or its URL, ``reason`` says by whom as far as known."""

    code, title = "valence.device_taken", "Device Taken"
    message = "The device {device} is in use: {reason}."
    hint = "Choose another device, or release this one first."


class DeviceGone(errors.Conflict):
    """A claimed device that no synchronization has found any more: ``device`` is its UUID."""

    code, title = "valence.device_gone", "Device Gone"
    message = "The device {device} is gone from the inventory of its pod manager."
    hint = "Choose another device."


class NodeBusy(errors.Conflict):
    """A node that an operation is under way on: ``key`` of the node, ``operation`` is the operation's UUID."""

    code, title = "valence.node_busy", "Node Busy"
    message = "The operation {operation} on the node {key} has not ended."
    hint = "Wait until that operation has ended, or cancel it."


class NodeManaged(errors.Conflict):
    """A node that another service controls: ``key`` of the node, ``manager`` is the name of the service."""

    code, title = "valence.node_managed", "Node Managed"
    message = "The node {key} is managed by {manager}."
    hint = "Unregister the node there first, or force the request."


class PodManagerBusy(errors.PodManagerUnreachable):
    """A change that a pod manager asks to be sent later; it was not made: ``url``, ``reason``, ``seconds`` to wait."""

    status, code, title = 503, "valence.pod_manager_busy", "Service Unavailable"
    message = "The pod manager at {url} is busy: {reason}."
    hint = "Send the request again after {seconds} seconds."

    @property
    def retry_after(self) -> int:
        seconds: int = self.kwargs["seconds"]
        return seconds


class HardwareOutcomeUnknown(errors.PodManagerUnreachable):
    """A change that may have reached a pod manager whose answer was lost: ``url``, ``reason``.

    A request that certainly did not arrive is a plain PodManagerUnreachable: catch this one first.
    """

    code = "valence.hardware_outcome_unknown"
    message = "Whether the pod manager at {url} made the change is not known: {reason}."
    hint = "Read the present state of the hardware before you send the request again."


class CompositionFailed(errors.PodManagerError):
    """A composition, or a change of one, that a pod manager did not finish: ``url``, ``reason`` is what it says."""

    code = "valence.composition_failed"
    message = "The pod manager at {url} did not compose the hardware: {reason}."
    hint = "Correct what the pod manager's message names, or ask for other hardware."
