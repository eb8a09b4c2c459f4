# SPDX-License-Identifier: Apache-2.0
"""Changes of a machine's list of blocks, while another client changes it too."""

from tests.unit.podmanagers.redfish.composition import test_expand
from valence.common import composition_errors
from valence.common import errors
from valence.podmanagers import base as podmanagers
from valence.podmanagers.redfish.composition import membership


class Contested:
    """A connection on which other clients send their own PATCHes, one before each of the first of Valence's."""

    def __init__(self, connection, machine_url, lists):
        self._connection, self._machine_url = connection, machine_url
        self._lists = list(lists)
        self.bodies = []

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def exchange(self, method, path, body=None, headers=None):
        self.bodies.append(body)
        if self._lists:
            links = [{"@odata.id": url} for url in self._lists.pop(0)]
            self._connection.send("PATCH", self._machine_url, {"Links": {"ResourceBlocks": links}})
        return self._connection.exchange(method, path, body, headers)


class Withdrawn:
    """A connection to a service that takes one POST, and answers 405 to all others."""

    def __init__(self, connection):
        self._connection, self._posts = connection, 0

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def exchange(self, method, path, body=None, headers=None):
        self._posts += method == "POST"
        answer = self._connection.exchange(method, path, body, headers)
        return answer._replace(status_code=405) if method == "POST" and self._posts > 1 else answer


class Failing:
    """A connection on which requests fail from the POST with a number on: it is sent, if at all, without an answer.

    ``first`` is what that POST raises; ``then`` is what every request after it raises, if anything.
    """

    def __init__(self, connection, number, first, then=None, *, arrives=False):
        self._connection, self._left = connection, number
        self._first, self._then, self._arrives = first, then, arrives

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def get(self, path):
        if self._left <= 0 and self._then:
            raise self._then
        return self._connection.get(path)

    def exchange(self, method, path, body=None, headers=None):
        self._left -= method == "POST"
        if self._left > 0 or method != "POST":
            return self._connection.exchange(method, path, body, headers)
        if self._left < 0 and self._then:
            raise self._then
        if self._arrives:
            self._connection.exchange(method, path, body, headers)
        raise self._first


class Vanishing:
    """A connection to a service that cannot be reached after it has answered a POST."""

    def __init__(self, connection):
        self._connection, self._is_away = connection, False

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def get(self, path):
        if self._is_away:
            raise errors.PodManagerUnreachable(url=self._connection.paths.url, reason="no route")
        return self._connection.get(path)

    def exchange(self, method, path, body=None, headers=None):
        answer = self._connection.exchange(method, path, body, headers)
        self._is_away = method == "POST"
        return answer


class MembershipTest(test_expand.ExpandCase):
    def contest(self, *lists):
        """Start a service on which others send ``lists``, of numbers of storage blocks; return a Membership."""
        self.start(**test_expand.PATCH_ONLY)
        base = self.bases[0]
        self.machine = self.driver.read(base)["ComputerSystems"][0]["@odata.id"]
        urls = [[base, *(self.storage[number] for number in numbers)] for numbers in lists]
        self.connection = Contested(self.driver._connection, self.machine, urls)
        return membership.Membership(self.connection, self.machine)

    def test_a_block_that_another_client_added_meanwhile_stays(self):
        outcome = self.contest([2]).apply(membership.Change(tuple(self.storage[:2])))
        self.assertEqual((podmanagers.DONE, self.machine), (outcome.state, outcome.resource_url))
        self.assertEqual({self.bases[0], *self.storage}, set(self.blocks_of(self.machine)))
        self.assertEqual(2, len(self.connection.bodies))

    def test_what_another_client_did_is_not_requested_again(self):
        outcome = self.contest([0]).apply(membership.Change((self.storage[0],)))
        self.assertEqual(podmanagers.DONE, outcome.state)
        self.assertEqual(1, len(self.connection.bodies))

    def test_a_machine_that_never_stays_as_it_was_read_is_given_up(self):
        contested = self.contest([1], [2], [1])
        change = membership.Change((self.storage[0],))
        self.assertRaises(composition_errors.DeviceTaken, contested.apply, change)
        self.assertEqual([self.bases[0], self.storage[1]], self.blocks_of(self.machine))

    def test_a_way_that_ends_after_the_first_block_is_a_failure_that_is_undone(self):
        machine = self.by_actions()
        connection = Withdrawn(self.driver._connection)
        change = membership.Change(tuple(self.storage[:2]))
        error = self.assertRaises(
            composition_errors.CompositionFailed, membership.Membership(connection, machine).apply, change
        )
        self.assertIn("offers no change of resource blocks", error.detail)

    def by_actions(self):
        """Start a service that changes one block by each request; return the path of a machine."""
        self.start(block_patch=False, composition="expand", system_blocks=1, storage_blocks=3)
        return self.driver.read(self.bases[0])["ComputerSystems"][0]["@odata.id"]

    def fail(self, number, first, then=None, **options):
        """Add two blocks while requests fail; return the error."""
        machine = self.by_actions()
        connection = Failing(self.driver._connection, number, first, then, **options)
        change = membership.Change(tuple(self.storage[:2]))
        return self.assertRaises(
            errors.PodManagerError, membership.Membership(connection, machine).apply, change
        )

    def test_a_failure_after_the_first_block_never_says_that_nothing_was_changed(self):
        where = {"url": "http://127.0.0.1", "reason": "no route"}
        unknown = composition_errors.HardwareOutcomeUnknown
        away, busy = (
            errors.PodManagerUnreachable(**where),
            composition_errors.PodManagerBusy(seconds=1, **where),
        )
        closed, lost = errors.ConnectionClosed(**where), unknown(**where)
        for first in (away, busy, closed):
            self.assertIsInstance(self.fail(2, first), unknown)
            self.assertIs(first, self.fail(1, first), "nothing was changed")
        for then in (away, closed, errors.PodManagerError(**where)):
            self.assertIs(lost, self.fail(1, lost, then, arrives=True), "the block may be there")
        self.assertIs(lost, self.fail(2, lost, away, arrives=True))

    def test_a_read_that_fails_after_the_first_block_leaves_the_outcome_unknown(self):
        machine = self.by_actions()
        connection = Vanishing(self.driver._connection)
        change = membership.Change(tuple(self.storage[:2]))
        apply = membership.Membership(connection, machine).apply
        self.assertRaises(composition_errors.HardwareOutcomeUnknown, apply, change)
        self.assertEqual([self.bases[0], self.storage[0]], self.blocks_of(machine))

    def test_nothing_is_sent_where_nothing_is_left(self):
        contested = self.contest()
        contested.apply(membership.Change((self.storage[0],)))
        contested.apply(membership.Change((self.storage[0],), (self.storage[1],)))
        self.assertEqual(1, len(self.connection.bodies))

    def test_the_whole_list_is_sent_with_explicit_links(self):
        contested = self.contest()
        contested.apply(membership.Change((self.storage[0],)))
        contested.apply(membership.Change((self.storage[1],), (self.storage[0],)))
        (blocks,) = self.connection.bodies[1]["Links"].values()
        self.assertEqual([{"@odata.id": url} for url in (self.bases[0], self.storage[1])], blocks)
