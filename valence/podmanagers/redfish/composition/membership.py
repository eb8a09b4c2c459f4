# SPDX-License-Identifier: Apache-2.0
"""Changes the list of resource blocks of a machine that exists (``Links.ResourceBlocks`` of ComputerSystem).

A service offers AddResourceBlock and RemoveResourceBlock, or a PATCH of the list, or both. A PATCH carries the whole
list with explicit links, because some services refuse the placeholder ``{}``, and If-Match, so that a PATCH that is
late cannot undo a later change. It changes several blocks together or none, so it is preferred for several.
"""

import typing

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers.redfish import connection as connections
from valence.podmanagers.redfish import tasks
from valence.podmanagers.redfish.crawl import properties

#: how often the list is read again because the machine changed between the read and the PATCH
MOST_READS = 3
_LIST = ("Links", "ResourceBlocks")
#: answers that may say that a service does not offer one way, and offers the other
_NOT_THIS_WAY = frozenset({400, 404, 405, 410, 501})
_CHANGED_MEANWHILE = 412

Document = dict[str, typing.Any]


class Change(typing.NamedTuple):
    """Paths of the blocks that a machine gets and of those that it loses."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def left(self, listed: typing.Sequence[str]) -> "Change":
        """Return what is left to do on a machine with the blocks ``listed``."""
        return Change(
            tuple(each for each in self.added if each not in listed),
            tuple(each for each in self.removed if each in listed),
        )

    def single(self) -> list["Change"]:
        """Return a change for each block."""
        return [Change((), (each,)) for each in self.removed] + [Change((each,)) for each in self.added]


def listed(connection: connections.Connection, document: Document) -> tuple[str, ...] | None:
    """Return the paths of the blocks that a machine lists, None where it has no such list."""
    links = properties.at(document, _LIST)
    if not isinstance(links, list):
        return None
    return tuple(filter(None, (connection.paths.link(properties.reference(each)) for each in links)))


class Membership:
    """The list of blocks of the machine at ``path``."""

    def __init__(self, connection: connections.Connection, path: str) -> None:
        self._connection = connection
        self._path = path

    def apply(self, change: Change) -> base.Outcome:
        """Request a change, once; what is done already is not requested.

        Raise NotOffered where the machine's blocks cannot be changed, DeviceTaken where an added block is used
        otherwise, HardwareOutcomeUnknown where a request may have arrived, ResourceGone where there is no machine.
        """
        document, left = self._left(change)
        if not any(left):
            return base.Outcome(base.DONE, self._path)
        by_action = self._can_act(document, left)
        if by_action and len(left.single()) == 1:
            return self._act_first(document, left)
        return self._patch_first(document, left, by_action)

    def _act_first(self, document: Document, left: Change) -> base.Outcome:
        target, answer = self._act(document, left)
        if answer.status_code in _NOT_THIS_WAY and listed(self._connection, document) is not None:
            return self._patch_first(document, left, False)
        return self._outcome(target, answer, left)

    def _patch_first(self, document: Document, left: Change, by_action: bool) -> base.Outcome:
        """Change the list by PATCH, else block by block where ``by_action`` says that the machine has the actions."""
        change = left
        for _ in range(MOST_READS):
            answer = self._patch(left)
            if answer is None:
                return base.Outcome(base.DONE, self._path)
            if answer.status_code != _CHANGED_MEANWHILE:
                break
        if answer.status_code in _NOT_THIS_WAY and by_action:
            return self._act_on_each(change)
        return self._outcome(self._path, answer, change)

    def _patch(self, change: Change) -> typing.Any:
        """Return the answer to a PATCH of the list as it is now, None where there is nothing left to change."""
        read = self._connection.get(self._path)
        before = listed(self._connection, read.content)
        if before is None:
            raise introspection_errors.NotOffered(what="change of resource blocks")
        left = change.left(before)
        if not any(left):
            return None
        after = [each for each in before if each not in left.removed] + list(left.added)
        headers = {"If-Match": read.etag} if properties.usable_etag(read.etag) else {}
        body = {"Links": {"ResourceBlocks": [{"@odata.id": each} for each in after]}}
        return self._connection.exchange("PATCH", self._path, body, headers)

    def _act_on_each(self, change: Change) -> base.Outcome:
        """Change one block after the other.

        Raise HardwareOutcomeUnknown or a failure once a block was changed: other errors would mean that none was.
        """
        outcome, changed = base.Outcome(base.DONE, self._path), False
        for single in change.single():
            try:
                made = self._act_once(single)
            except composition_errors.HardwareOutcomeUnknown:
                raise
            except errors.PodManagerUnreachable as error:
                if not changed:
                    raise
                reason = error.kwargs["reason"]
                url = self._connection.paths.url
                raise composition_errors.HardwareOutcomeUnknown(url=url, reason=reason) from error
            except (composition_errors.DeviceTaken, introspection_errors.NotOffered) as error:
                if not changed:
                    raise
                # What was changed has to be undone, and is no reason for another method.
                raise composition_errors.CompositionFailed(url=self._path, reason=error.detail) from None
            if made is not None:
                changed = True
                outcome = made if made.state != base.DONE else outcome
        return outcome

    def _act_once(self, single: Change) -> base.Outcome | None:
        """Change one block, None where that is done; a block whose answer was lost is looked for once."""
        document, left = self._left(single)
        if not any(left):
            return None
        try:
            return self._outcome(*self._act(document, left), left)
        except composition_errors.HardwareOutcomeUnknown as unknown:
            try:
                is_made = not any(self._left(single)[1])
            except errors.PodManagerError:
                raise unknown from None
            if not is_made:
                raise
            return base.Outcome(base.DONE)

    def _act(self, document: Document, single: Change) -> tuple[str, typing.Any]:
        """Send the action for one block; return its target and the answer."""
        target = self._target(document, single)
        if target is None:
            raise introspection_errors.NotOffered(what="change of resource blocks")
        (block,) = single.added or single.removed
        body = {"ResourceBlock": {"@odata.id": block}}
        return target, self._connection.exchange("POST", target, body)

    def _outcome(self, path: str, answer: typing.Any, change: Change) -> base.Outcome:
        """Return the Outcome of an answer; where it is done, the machine is the one whose list was changed."""
        device = ", ".join(change.added) or None
        outcome = tasks.outcome(
            self._connection, path, answer, action="change of resource blocks", device=device
        )
        return outcome._replace(resource_url=self._path) if outcome.state == base.DONE else outcome

    def _left(self, change: Change) -> tuple[Document, Change]:
        """Return the machine's document and what is left to do: everything where the machine has no list."""
        document = self._connection.get(self._path).content
        present = listed(self._connection, document)
        return document, change if present is None else change.left(present)

    def _can_act(self, document: Document, change: Change) -> bool:
        return all(self._target(document, single) for single in change.single())

    def _target(self, document: Document, single: Change) -> str | None:
        """Return the path of the action for a change of one block, None where the machine does not list it."""
        name = "#ComputerSystem." + ("AddResourceBlock" if single.added else "RemoveResourceBlock")
        target = properties.at(document, ("Actions", name, "target"))
        return self._connection.paths.link(target) if isinstance(target, str) else None
