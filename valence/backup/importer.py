# SPDX-License-Identifier: Apache-2.0
"""The way from Elasticsearch into the store: collection by collection, in commits of a few hundred rows.

What is there already stays as it is. So an import that was cut off goes on where it was when it is started again,
and a second one changes nothing.
"""

import collections
import typing

from valence.backup import conversion
from valence.backup import job_actions
from valence.backup import scope
from valence.backup import sessions
from valence.common import errors
from valence.db import models
from valence.db import store

#: what refers to others comes after them
ORDER = ("clients", "actions", "sessions", "jobs", "backups")
BATCH = 200
MODELS = dict(
    zip(ORDER, (models.Client, models.Action, models.Session, models.Job, models.Backup), strict=True)
)


class Entry(typing.NamedTuple):
    """A line of the report: what was done to a document, and why."""

    done: str  # "repaired", "forked" or "refused"
    collection: str
    identifier: str
    reason: str


class Report:
    """What an import did: ``counts`` by collection and "imported", "present" or "refused", and ``entries``."""

    def __init__(self):
        self.counts = {name: collections.Counter() for name in ORDER}
        self.entries = []

    def count(self, collection, done, number=1):
        """Count documents."""
        self.counts[collection][done] += number

    def tell(self, done, hit, reason):
        """Note a line."""
        self.entries.append(Entry(done, hit.collection or "unknown", hit.identifier, reason))

    @property
    def changed(self):
        """How many documents were imported."""
        return sum(counts["imported"] for counts in self.counts.values())


class Importer:
    """One import. ``project_of(user_id)`` returns a project or None; with ``is_dry`` nothing is stored."""

    def __init__(self, database, project_of, *, is_dry=False, progress=lambda collection, number: None):
        self._store, self._project_of = database, project_of
        self._is_dry, self._progress = is_dry, progress
        self.report = Report()
        #: rows that would be there, and forks
        self._made = {model: {} for model in MODELS.values()}
        self._uuids = set()
        self._members = {}

    def run(self, read):
        """Import what ``read()`` yields, which is asked once for each collection; return the Report."""
        self._note_strangers(read())
        for collection in ORDER:
            self._import(collection, (hit for hit in read() if hit.collection == collection))
        return self.report

    def _note_strangers(self, hits):
        for hit in hits:
            if hit.collection is None:
                self.report.tell("refused", hit, "it is none of Freezer's documents")
            elif hit.collection == "sessions":
                self._note_members(hit)

    def _note_members(self, hit):
        """Remember what a session says of its jobs; an empty one has a list."""
        jobs = hit.source.get("jobs")
        if isinstance(jobs, dict):
            self._members[hit.source.get("session_id")] = jobs

    def _import(self, collection, hits):
        batch, number = [], 0
        for number, hit in enumerate(hits, 1):
            batch.append(hit)
            if len(batch) == BATCH:
                self._import_batch(collection, batch)
                self._progress(collection, number)
                batch = []
        self._import_batch(collection, batch)
        self._progress(collection, number)

    def _import_batch(self, collection, hits):
        documents = [document for document in map(self._document, hits) if document]
        present = self._present(MODELS[collection], documents)
        changes = []
        for document in documents:
            changes += self._rows(collection, document, present)
        if changes and not self._is_dry:
            self._store.commit(*map(store.Create, changes))

    def _document(self, hit):
        try:
            return conversion.Document(hit, self._project_of)
        except conversion.Refused as refusal:
            self._refuse(hit, refusal)
            return None

    def _rows(self, collection, document, present):
        """Return the rows that a document makes, none where it is there."""
        try:
            key = document.key(conversion.name(document))
            if key in present or key in self._made[MODELS[collection]]:
                self.report.count(collection, "present")
                return []
            rows = getattr(self, f"_{collection}")(document)
        except conversion.Refused as refusal:
            self._refuse(document.hit, refusal)
            return []
        for row in rows:
            self._made.get(type(row), {})[getattr(row, type(row).key)] = row
        self.report.count(collection, "imported")
        for note in document.notes:
            self.report.tell("repaired", document.hit, note)
        return rows

    def _refuse(self, hit, refusal):
        self.report.count(hit.collection, "refused")
        self.report.tell("refused", hit, str(refusal))

    def _present(self, model, documents):
        return self._stored(model, [document.scope.key(conversion.name(document)) for document in documents])

    def _stored(self, model, keys):
        """Return which keys the store has."""
        keys = [key for key in dict.fromkeys(keys) if len(key) <= model.fields["id"].max]
        if not keys:
            return set()
        found = self._store.list(model, filters=[store.Filter("id", "in", keys)], fields=["id"])
        return {row.id for row in found}

    def _clients(self, document):
        row = conversion.client(document)
        if row.uuid in self._uuids or self._has_uuid(row):
            document.note(f"another client has the UUID {row.uuid}")
            row.uuid = conversion.new_uuid(row.id)
        self._uuids.add(row.uuid)
        return [row]

    def _has_uuid(self, row):
        others = self._store.list(
            models.Client, filters=[store.Filter("uuid", "eq", row.uuid)], fields=["id"]
        )
        return any(other.id != row.id for other in others)

    def _actions(self, document):
        return [conversion.action(document)]

    def _sessions(self, document):
        return [conversion.session(document)]

    def _backups(self, document):
        return [conversion.backup(document)]

    def _jobs(self, document):
        job, attachment = conversion.job(document)
        self._join(document, attachment)
        attached = job_actions.attach(job.id, job.project_id, self._plan(document))
        new = [change.obj for change in attached]
        return [job, attachment, *self._client(document, attachment), *new]

    def _client(self, document, attachment):
        """Return the client of a job where there is none."""
        key = attachment.client_id
        if key in self._made[models.Client] or self._stored(models.Client, [key]):
            return []
        document.note(f"its client {attachment.client_name} was not registered")
        return [
            models.Client(
                id=key,
                project_id=document.project_id,
                user_id=document.user_id,
                uuid=conversion.new_uuid(key),
            )
        ]

    def _join(self, document, attachment):
        """Put a job into the session that it names, as the session sees it."""
        name = document.source.get("session_id")
        if not name:
            return
        key = document.key(name)
        if key not in self._made[models.Session] and not self._stored(models.Session, [key]):
            document.note(f"its session {name} is gone")
            return
        attachment.session_id = key
        attachment.session_tag = conversion.whole(document.source.get("session_tag"), 0)
        seen = self._members.get(name, {}).get(scope.name_of(attachment.job_id))
        if seen is None:
            document.note(f"the session {name} did not know of it")
            seen = {shown: getattr(attachment, shown) for shown in sessions.MEMBER}
        told = {field: seen.get(shown) for shown, field in sessions.MEMBER.items()}
        vars(attachment).update(document.mend(models.JobAttachment, told))

    def _plan(self, document):
        """Return the plan of a job's actions: copies that are not what is stored become actions of their own."""
        plan = job_actions.Plan([], [])
        try:
            for told in conversion.job_actions_of(document):
                row = self._action(document, told, plan)
                plan.attachments.append(job_actions.attachment(row, told))
        except conversion.Refused:
            for row in plan.new:
                del self._made[models.Action][row.id]
            raise
        return plan

    def _action(self, document, told, plan):
        name = told.get("action_id")
        stored = self._find(models.Action, document.key(name)) if name else None
        if stored is not None and "freezer_action" not in told:
            return stored
        copy = conversion.action(document, told, name or conversion.copy_name(document, plan))
        if stored is None:
            document.note(f"its action {scope.name_of(copy.id)} was not stored by itself")
            return self._add(copy, plan)
        if job_actions.is_same(stored, copy):
            return stored
        fork = conversion.fork(copy)
        self.report.tell(
            "forked",
            document.hit,
            f"action {name} is stored in another form; its own is {scope.name_of(fork.id)}",
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
