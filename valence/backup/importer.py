# SPDX-License-Identifier: Apache-2.0
"""Import documents of Elasticsearch into the store, one collection after the other, in commits of a few hundred rows.

Rows that exist already stay as they are. So an interrupted import continues when it is started again, and a second
import changes nothing.
"""

import collections
import http
import itertools
import typing

from valence.backup import actions
from valence.backup import changes
from valence.backup import conversion
from valence.backup import sessions
from valence.common import errors
from valence.db import models
from valence.db import store

#: what refers to others comes after them
ORDER = ("clients", "actions", "sessions", "jobs", "backups")
#: collection of what is not one of Freezer's documents
UNKNOWN = "unknown"
BATCH = 200
MODELS = dict(
    zip(ORDER, (models.Client, models.Action, models.Session, models.Job, models.Backup), strict=True)
)


class Entry(typing.NamedTuple):
    """A line of the report: a document, what was done to it, and why."""

    done: str  # "repaired", "forked" or "refused"
    collection: str
    identifier: str
    reason: str


class Report:
    """The result of an import: ``counts`` by collection and "imported", "present" or "refused", and ``entries``."""

    def __init__(self):
        self.counts = {name: collections.Counter() for name in ORDER}
        self.entries = []

    def count(self, hit, done):
        """Count a document."""
        self.counts.setdefault(hit.collection or UNKNOWN, collections.Counter())[done] += 1

    def tell(self, done, hit, reason):
        """Add an entry; characters that are not printable are escaped."""
        line = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in reason)
        self.entries.append(Entry(done, hit.collection or UNKNOWN, hit.identifier, line))

    def refuse(self, hit, reason):
        """Count and note a document that is not imported."""
        self.count(hit, "refused")
        self.tell("refused", hit, reason)

    @property
    def changed(self):
        """How many documents were imported."""
        return sum(counts["imported"] for counts in self.counts.values())

    @property
    def refused(self):
        """How many documents were refused."""
        return sum(counts["refused"] for counts in self.counts.values())


class Importer:
    """One import. ``project_of(user_id)`` returns a project or None; with ``is_dry`` nothing is stored.

    ``check(collection, document)`` raises BadRequest for what the API would refuse.
    """

    def __init__(
        self, database, project_of, check, *, is_dry=False, progress=lambda collection, number: None
    ):
        self._store, self._project_of, self._check = database, project_of, check
        self._is_dry, self._progress = is_dry, progress
        self.report = Report()
        #: rows that would be there, and forks
        self._made = {model: {} for model in MODELS.values()}
        self._uuids = set()
        self._members = {}

    def run(self, read):
        """Import what ``read()`` yields, which is called once for each collection; return the Report."""
        for hit in read():
            if hit.collection is None:
                self.report.refuse(hit, hit.problem or "not one of Freezer's documents")
        for collection in ORDER:
            self._import(collection, (hit for hit in read() if hit.collection == collection))
        return self.report

    def _import(self, collection, hits):
        number = 0
        while batch := list(itertools.islice(hits, BATCH)):
            self._import_batch(collection, batch)
            number += len(batch)
            self._progress(collection, number)
        if not number:
            self._progress(collection, number)

    def _import_batch(self, collection, hits):
        documents = [document for document in map(self._document, hits) if document]
        present = self._stored(MODELS[collection], [document.own_key for document in documents])
        self._uuids |= self._taken_uuids(documents) if collection == "clients" else set()
        made = [(document, self._rows(collection, document, present)) for document in documents]
        self._commit([(document, rows) for document, rows in made if rows])

    def _document(self, hit):
        try:
            document = conversion.Document(hit, self._project_of, self._check)
            document.own_key = conversion.key(document)
            if hit.collection == "sessions":
                self._members[document.own_key] = document.members
        except conversion.Refused as refusal:
            self.report.refuse(hit, str(refusal))
            return None
        return document

    def _rows(self, collection, document, present):
        """Return the rows of a document, none where they exist."""
        if document.own_key in present or document.own_key in self._made[MODELS[collection]]:
            self.report.count(document.hit, "present")
            return []
        try:
            rows = getattr(self, f"_{collection}")(document)
        except conversion.Refused as refusal:
            self.report.refuse(document.hit, str(refusal))
            return []
        for row in rows:
            self._made.get(type(row), {})[getattr(row, type(row).key)] = row
        return rows

    def _commit(self, made):
        """Store the rows of documents together, one document after the other where the store refuses something."""
        try:
            self._create([row for _, rows in made for row in rows])
        except errors.ValenceError as refusal:
            if not _is_of_a_document(refusal):
                raise
            for document, rows in made:
                self._commit_one(document, rows)
            return
        for document, _ in made:
            self._note_imported(document)

    def _commit_one(self, document, rows):
        try:
            self._create(rows)
        except errors.ValenceError as refusal:
            if not _is_of_a_document(refusal):
                raise
            self._forget(rows)
            self.report.refuse(document.hit, refusal.problems[0]["detail"])
        else:
            self._note_imported(document)

    def _create(self, rows):
        if rows and not self._is_dry:
            self._store.commit(*map(store.Create, rows))

    def _forget(self, rows):
        for row in rows:
            self._made.get(type(row), {}).pop(getattr(row, type(row).key), None)

    def _note_imported(self, document):
        self.report.count(document.hit, "imported")
        for note in document.notes:
            self.report.tell("repaired", document.hit, note)

    def _stored(self, model, keys):
        """Return which keys the store has."""
        if not keys:
            return set()
        filters = [store.Filter("id", "in", list(dict.fromkeys(keys)))]
        return {row.id for row in self._store.list(model, filters=filters, fields=["id"])}

    def _taken_uuids(self, documents):
        """Return which UUIDs of the clients of documents the store has."""
        wanted = [(document.source.get("client") or {}).get("uuid") for document in documents]
        wanted = [each for each in wanted if conversion.is_uuid(each)]
        filters = [store.Filter("uuid", "in", list(dict.fromkeys(wanted)))]
        found = self._store.list(models.Client, filters=filters, fields=["uuid"]) if wanted else []
        return {row.uuid for row in found}

    def _clients(self, document):
        row = conversion.client(document)
        if row.uuid in self._uuids:
            document.note(f"another client has the UUID {row.uuid}")
            row.uuid = conversion.new_uuid(row.id)
        self._uuids.add(row.uuid)
        return [row]

    def _actions(self, document):
        return [conversion.action(document)]

    def _sessions(self, document):
        return [conversion.session(document)]

    def _backups(self, document):
        return [conversion.backup(document)]

    def _jobs(self, document):
        job, attachment = conversion.job(document)
        self._join(document, attachment)
        attached = actions.attach(job.id, job.project_id, self._plan(document))
        new = [change.obj for change in attached]
        return [job, attachment, *self._client(document, attachment), *new]

    def _client(self, document, attachment):
        """Return the client of a job where there is none."""
        key = attachment.client_id
        if key in self._made[models.Client] or self._stored(models.Client, [key]):
            return []
        document.note(f"its client {attachment.client_name} was not registered")
        return [document.make(models.Client, key, uuid=conversion.new_uuid(key))]

    def _join(self, document, attachment):
        """Put a job into the session that it names, as the session sees it."""
        name, tag = document.source.get("session_id"), attachment.session_tag
        attachment.session_tag = 0
        if not name:
            return
        key = document.key("session_id", name)
        if key not in self._made[models.Session] and not self._stored(models.Session, [key]):
            document.note(f"its session {name} is gone")
            return
        attachment.session_id, attachment.session_tag = key, tag
        seen = self._members.get(key, {}).get(changes.name_of(attachment.job_id))
        if seen is None:
            document.note(f"the session {name} did not know of it")
            seen = {shown: getattr(attachment, shown) for shown in sessions.MEMBER}
        vars(attachment).update(
            {field: seen[shown] for shown, field in sessions.MEMBER.items() if shown in seen}
        )

    def _plan(self, document):
        """Return the plan of a job's actions: copies that are not what is stored become actions of their own."""
        plan = actions.Plan([], [])
        try:
            for told in document.job_actions:
                row = self._action(document, told, plan)
                plan.attachments.append(actions.attachment(row, told))
        except conversion.Refused:
            self._forget(plan.new)
            raise
        return plan

    def _action(self, document, told, plan):
        name = told.get("action_id")
        stored = self._find(models.Action, document.key("action_id", name)) if name else None
        if stored is not None and "freezer_action" not in told:
            return stored
        if "freezer_action" not in told:
            raise conversion.Refused(f"job_actions: the action {name} is not there")
        copy = conversion.action(document, told, name or conversion.copy_name(document, plan))
        if stored is None:
            document.note(f"its action {changes.name_of(copy.id)} was not stored by itself")
            return self._add(copy, plan)
        if actions.is_same(stored, copy):
            return stored
        fork = conversion.fork(document, copy)
        self.report.tell(
            "forked",
            document.hit,
            f"action {name} is stored in another form; its own is {changes.name_of(fork.id)}",
        )
        return self._find(models.Action, fork.id) or self._add(fork, plan)

    def _add(self, row, plan):
        plan.new.append(row)
        self._made[models.Action][row.id] = row
        return row

    def _find(self, model, key):
        if key in self._made[model]:
            return self._made[model][key]
        try:
            return self._store.get(model, key)
        except errors.NotFound:
            return None


def _is_of_a_document(error):
    """Return whether an error is about a document, and not about the store."""
    return error.status < http.HTTPStatus.INTERNAL_SERVER_ERROR
