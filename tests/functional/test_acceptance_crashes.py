# SPDX-License-Identifier: Apache-2.0
"""Acceptance: kill -9 of a conductor, of the broker, of the database. No change is lost, and no event of one."""

from tests import clock
from tests import servers
from tests.functional import acceptance

#: seconds within which the API says that it cannot serve
NOTICED = 2.5
SYSTEMS = 100


class OutageCase(acceptance.AcceptanceCase):
    """Something is killed while a pod is synchronized for the first time, in small commits."""

    # NOTICED is measured with the default time-out of calls, not with that of other tests.
    options = {"sync": {"interval": 2, "batch": 50}, "conductor": {"call_timeout": 2.5}}

    def begin_to_synchronize(self):
        """Register a pod and return its simulator and the pod manager when some of its resources are stored."""
        simulator = self.simulate(systems=SYSTEMS, nodes=0, expand=False, latency=2)
        pod_manager = self.valence.register("simulator", simulator.root, **acceptance.CREDENTIALS)
        self.wait_for_events(1, "valence.resource.added")
        self.assertEqual(
            ["running"], [operation["state"] for operation in self.client.rows("/v1/operations")]
        )
        return simulator, pod_manager

    def assert_refuses_in_time(self):
        """Check that no request waits longer than it may, until they are refused, and that readiness follows."""
        began = clock.seconds()
        while (response := self.ask()).status_code != 503:
            self.assertEqual(200, response.status_code, response.text)
            self.assert_in_time(clock.seconds() - began, 10)
        self.assertIn("Retry-After", response.headers)
        self.wait_for(lambda: self.client.status("/readyz") == 503, NOTICED)

    def ask(self):
        began = clock.seconds()
        response = self.client.request("GET", "/v1/pod_managers")
        self.assert_in_time(clock.seconds() - began, NOTICED, response.text)
        return response

    def restart(self, part):
        """Start what was killed and wait until Valence serves again, by itself."""
        part.start()
        self.valence.wait_until_ready()
        self.assertEqual(200, self.ask().status_code)

    def assert_nothing_is_lost(self, pod_manager):
        """Check that all is stored in the end, told once, and published."""
        self.wait_until_synchronized(pod_manager["uuid"], 60)
        self.assertEqual(SYSTEMS, self.counts(pod_manager)["System"])
        self.wait_for(self.all_work_succeeded, 20, lambda: str(self.client.rows("/v1/operations")))
        self.assert_every_resource_was_told_once()
        self.assert_everything_was_published()

    def all_work_succeeded(self):
        return all(operation["state"] == "succeeded" for operation in self.client.rows("/v1/operations"))

    def assert_changes_were_told(self, number):
        """Check that each of the first ``number`` systems fell ill once in the history."""
        events = self.wait_for_events(number, acceptance.STATE_CHANGED)
        changed = [
            (event["new"]["resource_url"].rpartition("/")[2], event["new"]["health"]) for event in events
        ]
        self.assertEqual(sorted((name, "Critical") for name in systems(number)), sorted(changed))


class ConductorTest(OutageCase):
    def test_a_synchronization_cut_short_is_done_again_and_nothing_is_told_twice(self):
        _, pod_manager = self.begin_to_synchronize()
        self.valence.conductor.kill()
        self.assert_refuses_in_time()
        self.restart(self.valence.conductor)
        self.assert_nothing_is_lost(pod_manager)

    def test_what_changed_meanwhile_is_told(self):
        simulator = self.simulate(systems=10, nodes=0)
        self.register(simulator)
        self.valence.conductor.kill()
        self.set_health(simulator, "Critical", *systems(5))
        self.restart(self.valence.conductor)
        self.assert_changes_were_told(5)


class BrokerTest(OutageCase):
    def deployment(self):
        self.broker = self.useFixture(servers.RabbitMQ())
        return super().deployment(transport_url=self.broker.url())

    def test_changes_while_it_is_away_are_stored_and_published_afterwards(self):
        simulator, pod_manager = self.begin_to_synchronize()
        # The queue of notifications is there when one has come: see RabbitMQ.kill.
        self.consumer.wait_for({self.events("valence.resource.added")[0]["uuid"]})
        self.broker.kill()
        self.assert_refuses_in_time()
        self.set_health(simulator, "Critical", *systems(10))
        self.restart(self.broker)
        self.assert_nothing_is_lost(pod_manager)
        self.set_health(simulator, "Warning", *systems(5))
        self.wait_for_events(5, acceptance.STATE_CHANGED)
        self.assert_everything_was_published()


class DatabaseTest(OutageCase):
    def deployment(self):
        self.database = self.useFixture(servers.MariaDB())
        return super().deployment(database_url=self.database.new_database())

    def test_a_synchronization_cut_short_is_done_again_and_nothing_is_told_twice(self):
        _, pod_manager = self.begin_to_synchronize()
        self.database.kill()
        self.assert_refuses_in_time()
        self.restart(self.database)
        self.assert_nothing_is_lost(pod_manager)

    def test_what_changed_meanwhile_is_told(self):
        simulator = self.simulate(systems=10, nodes=0)
        self.register(simulator)
        self.database.kill()
        self.set_health(simulator, "Critical", *systems(5))
        self.assert_refuses_in_time()
        self.restart(self.database)
        self.assert_changes_were_told(5)


def systems(number):
    return [f"System{each + 1}" for each in range(number)]
