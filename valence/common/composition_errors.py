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


class QuotaExceeded(errors.Forbidden):
    """A request for more than a project may have: ``problems``, one for each resource.

    A problem is ``{"detail", "hint", "resource", "limit", "used", "asked"}``.
    """

    code, title = "valence.quota_exceeded", "Quota Exceeded"
    message = "The project may not have as much hardware."
    hint = "Ask for less, delete nodes of the project, or let an administrator raise the limit."

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        self.detail = " ".join(problem["detail"] for problem in kwargs["problems"])

    @property
    def problems(self) -> list[errors.Problem]:
        return list(self.kwargs["problems"])


class QuotaBusy(errors.Unavailable):
    """A request of a project with a limit that was not worked on, because others of the project came before it."""

    code = "valence.quota_busy"
    message = "Other requests of the project are being worked on; nothing was changed."
    hint = "Send the request again after the seconds in Retry-After; requests of other projects are served."
    retry_after = 1


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
    hint = "Send the request again after {seconds} s."

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


class MachineLost(errors.ResourceGone):
    """A machine of a node whose path leads to another machine now: ``url``, ``reason`` says how that shows."""

    message = "The machine at {url} is another one than the node's: {reason}."
    hint = (
        "Delete the node, which leaves this machine alone. If it is the node's after all, restore its description"
        " on the pod manager: valence: and the UUID of the node."
    )


class CompositionFailed(errors.PodManagerError):
    """A composition, or a change of one, that a pod manager did not finish: ``url``, ``reason`` is what it says."""

    code = "valence.composition_failed"
    message = "The pod manager at {url} did not compose the hardware: {reason}."
    hint = "Correct what the pod manager's message names, or ask for other hardware."


class IronicNotConfigured(errors.Conflict):
    """A request about Ironic at a site that has none, or whose [ironic] cannot be used: ``reason``."""

    code, title = "valence.ironic_not_configured", "Ironic Not Configured"
    message = "This site has no Ironic: {reason}."
    hint = "Let an operator configure [ironic] on every conductor, and restart them."


class IronicUnavailable(errors.ValenceError):
    """Ironic did not answer, or cannot work on a request now: ``reason``."""

    status, code, title = 503, "valence.ironic_unavailable", "Service Unavailable"
    message = "Ironic is not available: {reason}."
    hint = "Check that Ironic runs and that [ironic] leads to it; then send the request again."


class IronicRefused(errors.ValenceError):
    """A request that Ironic refused: ``what`` it should do, ``reason`` is its own message."""

    status, code, title = 502, "valence.ironic_refused", "Bad Gateway"
    message = "Ironic did not {what}: {reason}."
    hint = (
        "Correct what Ironic's message names: a field of the request, or the rights of the user in [ironic]."
    )


class IronicInUse(errors.Conflict):
    """A node that Ironic cannot lose now: ``key`` of the node, ``reason`` is what Ironic does with it."""

    code, title = "valence.ironic_in_use", "Ironic In Use"
    message = "Ironic uses the node {key}: {reason}."
    hint = "Undeploy the node in Ironic, or wait until Ironic has finished its work; then unregister it."


class IronicPortTaken(errors.Conflict):
    """A MAC address that Ironic knows of another node, which may be another project's: ``port`` is its UUID there."""

    code, title = "valence.ironic_port_taken", "Ironic Port Taken"
    message = "The MAC address {address} belongs to another node in Ironic, as its port {port}."
    hint = "Remove that port in Ironic, or give the addresses of this machine in mac."


class NotErased(errors.Conflict):
    """A storage device whose drives were to be erased, and were not: ``device`` is its UUID, ``reason`` says why."""

    code, title = "valence.not_erased", "Not Erased"
    message = "The device {device} was not erased: {reason}"
    hint = "Erase its drives by hand, or detach the device."


class NodeInError(errors.Conflict):
    """A node in the state error takes no action: ``reason``."""

    hint = "Delete the node, unless its error says that it is tried again, or its machine comes back."
