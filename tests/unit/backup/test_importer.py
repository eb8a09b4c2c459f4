# SPDX-License-Identifier: Apache-2.0
"""The import: complete, repeatable, and honest about what it had to change."""

import json
import pathlib

from tests.unit.backup import case
from tests.unit.backup.case import ACTION
from valence.api.backup import schemas
from valence.backup import elasticsearch
from valence.backup import importer
from valence.common import errors
from valence.db import models

DUMP = pathlib.Path(__file__).parents[2] / "data" / "freezer" / "es-dump-v1.ndjson"
WHOLE = {"clients": 9, "actions": 87, "sessions": 6, "jobs": 40, "backups": 40}


def hit(collection, identifier, **source):
    return elasticsearch.Hit(collection, identifier, 1, {"user_id": "alice"} | source)


def action(identifier="a", **told):
    return hit("actions", identifier, action_id=identifier, freezer_action=ACTION | told)


def job(identifier="j", *entries, **told):
    about = {"job_id": identifier, "client_id": "node", "job_actions": list(entries), "job_schedule": {}}
    return hit("jobs", identifier, **(about | told))


NODE = hit("clients", "auto", client={"client_id": "node", "uuid": "1"})


class ImporterCase(case.BackupCase):
    def run_import(self, *hits, read=None, check=schemas.check_import, **options):
        """Import hits, or what ``read`` yields, into the project demo; return the report."""
        work = importer.Importer(self.store, lambda user_id: "demo", check, **options)
        return work.run(read or (lambda: iter(hits)))

    def done(self, report, what):
        return [entry.reason for entry in report.entries if entry.done == what]

    def counts(self, report, what):
        return {name: counts[what] for name, counts in report.counts.items()}


class DumpTest(ImporterCase):
    def read(self):
        return elasticsearch.read_file(DUMP)

    def test_a_dump_is_imported_whole_and_once(self):
        report = self.run_import(read=self.read)
        self.assertEqual((WHOLE, []), (self.counts(report, "imported"), report.entries))
        report = self.run_import(read=self.read)
        self.assertEqual((0, WHOLE, []), (report.changed, self.counts(report, "present"), report.entries))

    def test_nothing_is_stored_by_a_dry_run(self):
        report = self.run_import(read=self.read, is_dry=True)
        self.assertEqual(WHOLE, self.counts(report, "imported"))
        self.assertEqual([0] * 5, [self.store.count(model) for model in importer.MODELS.values()])

    def test_an_import_that_was_cut_off_goes_on(self):
        def cut(collection, number):
            if collection == "sessions":
                raise KeyboardInterrupt

        self.assertRaises(KeyboardInterrupt, self.run_import, read=self.read, progress=cut)
        self.assertEqual(87, self.store.count(models.Action))
        report = self.run_import(read=self.read)
        self.assertEqual((40, 87), (report.counts["jobs"]["imported"], report.counts["actions"]["present"]))
        self.assertEqual(40, len(self.list("jobs", limit=100)))

    def test_documents_are_what_they_were(self):
        self.run_import(read=self.read)
        for each in self.read():
            if each.collection in ("jobs", "sessions"):
                name = each.source[f"{each.collection.removesuffix('s')}_id"]
                tenant = self.demo._replace(version="v1", user_id=each.source["user_id"])
                self.assert_has(each.source, self.show(each.collection, name, tenant))

    def assert_has(self, expected, shown, place="$"):
        """Check that what is shown has all that was in Elasticsearch."""
        if isinstance(expected, dict):
            for name, value in expected.items():
                self.assert_has(value, shown.get(name), f"{place}.{name}")
        elif isinstance(expected, list):
            for mine, other in zip(expected, shown, strict=True):
                self.assert_has(mine, other, f"{place}[]")
        elif (expected, shown) not in (("", None), (-1, None), (0, None)):
            self.assertEqual(expected, shown, place)


class RepairTest(ImporterCase):
    def test_an_action_that_differs_from_the_stored_one_is_forked(self):
        entry = {"action_id": "a", "freezer_action": ACTION | {"mode": "nova"}}
        hits = (
            NODE,
            action(),
            job("j", entry),
            job("k", entry),
            job("l", {"action_id": "a", "freezer_action": ACTION}),
        )
        report = self.run_import(*hits)
        self.assertEqual(2, len(self.done(report, "forked")))
        names = [self.show("jobs", name)["job_actions"][0]["action_id"] for name in "jkl"]
        self.assertEqual((names[0], "a"), (names[1], names[2]))
        self.assertEqual("nova", self.show("actions", names[0])["freezer_action"]["mode"])
        report = self.run_import(*hits)
        self.assertEqual((0, []), (report.changed, report.entries))

    def test_an_action_that_only_a_job_has(self):
        entries = (
            {"action_id": "lost", "freezer_action": ACTION, "mandatory": True},
            {"freezer_action": ACTION},
        )
        report = self.run_import(NODE, job("j", *entries))
        shown = self.show("jobs", "j")["job_actions"]
        self.assertEqual(
            [("lost", True), ("j-1", False)], [(each["action_id"], each["mandatory"]) for each in shown]
        )
        self.assertEqual(2, len(self.done(report, "repaired")))

    def test_a_job_retries_in_its_own_way(self):
        self.run_import(
            NODE, action(), job("j", {"action_id": "a", "freezer_action": ACTION, "max_retries": 9})
        )
        self.assertEqual(
            (9, 5),
            (
                self.show("jobs", "j")["job_actions"][0]["max_retries"],
                self.show("actions", "a")["max_retries"],
            ),
        )

    def test_a_client_that_was_not_registered(self):
        report = self.run_import(job())
        self.assertEqual(["its client node was not registered"], self.done(report, "repaired"))
        self.assertEqual("node", self.show("clients", "node")["client"]["client_id"])

    def test_two_clients_with_one_uuid(self):
        report = self.run_import(NODE, hit("clients", "other", client={"client_id": "node-2", "uuid": "1"}))
        self.assertEqual(2, report.counts["clients"]["imported"])
        self.assertEqual(1, len(self.done(report, "repaired")))

    def test_a_client_that_is_there_twice(self):
        report = self.run_import(NODE, NODE._replace(identifier="again"))
        self.assertEqual((1, 1), (report.counts["clients"]["imported"], report.counts["clients"]["present"]))

    def test_a_session_that_is_gone(self):
        report = self.run_import(NODE, job(session_id="gone"))
        self.assertEqual(
            (["its session gone is gone"], ""),
            (self.done(report, "repaired"), self.show("jobs", "j")["session_id"]),
        )

    def test_a_session_and_its_jobs(self):
        seen = {
            "client_id": "node",
            "status": "completed",
            "result": "fail",
            "time_started": "",
            "time_ended": 5,
        }
        together = hit("sessions", "s", session_id="s", schedule={}, jobs={"j": seen, "gone": seen})
        report = self.run_import(NODE, together, job(session_id="s", session_tag=3), job("k", session_id="s"))
        members = self.show("sessions", "s")["jobs"]
        self.assertEqual(
            ("fail", -1, 5), tuple(members["j"][name] for name in ("result", "time_started", "time_ended"))
        )
        self.assertEqual(({"j", "k"}, 3), (members.keys(), self.show("jobs", "j")["session_tag"]))
        self.assertEqual(["the session s did not know of it"], self.done(report, "repaired"))


class RefusalTest(ImporterCase):
    def test_what_is_refused_is_said_and_the_rest_imported(self):
        hits = (
            NODE,
            action(),
            hit("actions", "b", action_id="b"),
            hit(None, "c"),
            job("j", {"action_id": "b"}),
        )
        report = self.run_import(*hits, job("k", {"action_id": "a"}))
        self.assertEqual(
            [
                "not one of Freezer's documents",
                "'freezer_action' is a required property",
                "job_actions: the action b is not there",
            ],
            self.done(report, "refused"),
        )
        self.assertEqual(["k"], [row["job_id"] for row in self.list("jobs")])

    def test_a_refused_job_leaves_no_actions(self):
        report = self.run_import(NODE, job("j", {"freezer_action": ACTION}, {"freezer_action": {}}))
        self.assertEqual((1, []), (report.counts["jobs"]["refused"], self.list("actions")))

    def test_what_only_the_store_refuses_is_refused_alone(self):
        """The check lets everything pass: a mistake in it must not stop an import."""
        broken = hit("actions", "b", action_id="b", freezer_action=ACTION | {"timeout": "soon"})
        hits = (NODE, action("a"), broken, action("c"))
        report = self.run_import(*hits, check=lambda collection, document: None)
        self.assertEqual(["timeout takes a integer, not 'soon'."], self.done(report, "refused"))
        self.assertEqual(["a", "c"], [row["action_id"] for row in self.list("actions")])

    def test_a_store_that_is_away_is_no_refusal(self):
        def commit(*changes):
            raise errors.StoreUnavailable(reason="away")

        self.store.commit = commit
        self.assertRaises(errors.StoreUnavailable, self.run_import, action())


def broken(kind, *path, value):
    """Return a change of a source that puts a value at a path in a document of a kind."""

    def change(source):
        inner = source
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value

    return kind, change


GOOD = {
    "clients": lambda name: {"client": {"client_id": name, "uuid": name}},
    "actions": lambda name: {"action_id": name, "freezer_action": dict(ACTION), "max_retries": 1},
    "sessions": lambda name: {"session_id": name, "schedule": {}, "jobs": {"j": {"status": ""}}},
    "jobs": lambda name: {
        "job_id": name,
        "client_id": "node",
        "session_id": "",
        "job_schedule": {"time_started": -1, "status": ""},
        "job_actions": [{"action_id": f"of-{name}", "freezer_action": dict(ACTION), "mandatory": True}],
    },
    "backups": lambda name: {
        "backup_id": name,
        "backup_metadata": {"backup_name": "b", "container": "c", "hostname": "node", "job_id": "j"},
    },
}
BROKEN = (
    broken("clients", "client", value=["node"]),
    broken("clients", "client", "client_id", value={"a": 1}),
    broken("clients", "client", "client_id", value="a b"),
    broken("clients", "client", "uuid", value=7),
    broken("clients", "client", "uuid", value="x" * 65),
    broken("clients", "client", "hostname", value=["node"]),
    broken("clients", "client", "supported_modes", value="fs"),
    broken("clients", "client", "is_central", value="yes"),
    broken("clients", "user_id", value=["alice"]),
    broken("actions", "action_id", value="a\0"),
    broken("actions", "freezer_action", value="backup"),
    broken("actions", "freezer_action", "action", value=None),
    broken("actions", "freezer_action", "container", value="x" * 5000),
    broken("actions", "freezer_action", "label", value="\ud800"),
    broken("actions", "freezer_action", "limit", value=float("nan")),
    broken("actions", "max_retries", value="often"),
    broken("actions", "mandatory", value="no"),
    broken("actions", "project_id", value="../else"),
    broken("sessions", "session_id", value=["s"]),
    broken("sessions", "schedule", value="daily"),
    broken("sessions", "jobs", value={"j": 7}),
    broken("sessions", "jobs", "j", "status", value=["running"]),
    broken("sessions", "hold_off", value="long"),
    broken("sessions", "description", value={"a": 1}),
    broken("jobs", "session_id", value={"s": 1}),
    broken("jobs", "session_tag", value=2**70),
    broken("jobs", "job_schedule", value=[1]),
    broken("jobs", "job_schedule", "status", value="perhaps"),
    broken("jobs", "job_schedule", "time_started", value=[7]),
    broken("jobs", "job_schedule", "schedule_interval", value="often"),
    broken("jobs", "job_schedule", "schedule_day", value="\udc00"),
    broken("jobs", "job_actions", value="all"),
    broken("jobs", "job_actions", 0, value=7),
    broken("jobs", "job_actions", 0, "action_id", value=[1]),
    broken("jobs", "job_actions", 0, "mandatory", value="yes"),
    broken("jobs", "job_actions", 0, "max_retries", value={}),
    broken("jobs", "job_actions", 0, "freezer_action", "timeout", value="soon"),
    broken("jobs", "client_id", value=None),
    broken("jobs", "description", value=7),
    broken("backups", "backup_id", value="a\0b"),
    broken("backups", "backup_metadata", value=[1]),
    broken("backups", "backup_metadata", "label", value="\udfff"),
    broken("backups", "backup_metadata", "backup_name", value=7),
    broken("backups", "backup_metadata", "hostname", value="x" * 300),
    broken("backups", "user_name", value={"a": 1}),
)


class BrokenTest(ImporterCase):
    """Every second record of a dump is broken in another way."""

    def dump(self):
        yield NODE
        for number, (kind, change) in enumerate(BROKEN):
            yield hit(kind, f"good-{number}", **GOOD[kind](f"good-{number}"))
            source = GOOD[kind](f"bad-{number}")
            change(source)
            yield hit(kind, f"bad-{number}", **source)

    def test_the_good_half_arrives_and_each_bad_one_is_named(self):
        report = self.run_import(read=self.dump)
        names = {f"bad-{number}" for number in range(len(BROKEN))}
        refused = {each.identifier: each.reason for each in report.entries if each.done == "refused"}
        self.assertEqual((names, len(BROKEN)), (refused.keys(), sum(self.counts(report, "refused").values())))
        for number, (_, change) in enumerate(BROKEN):
            self.assertRegex(refused[f"bad-{number}"], r"^[\w.]+: .|'client_id' is a req", change)
        for kind in GOOD:
            good = {f"good-{number}" for number, (of, _) in enumerate(BROKEN) if of == kind}
            shown = json.loads(json.dumps(self.list(kind, limit=100)).encode("utf-8"))
            found = {(each.get("client") or each)[f"{kind.removesuffix('s')}_id"] for each in shown}
            self.assertEqual(good, {name for name in found if not name.startswith(("node", "of-"))})
        self.assertEqual(refused, self.refused_again())

    def refused_again(self):
        report = self.run_import(read=self.dump)
        self.assertEqual(0, report.changed)
        return {each.identifier: each.reason for each in report.entries}
