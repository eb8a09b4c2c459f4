# SPDX-License-Identifier: Apache-2.0
"""Flavors and quotas for clients: each change is one commit with its event."""

import json

from valence.bus import messaging
from valence.common import errors
from valence.composition import quotas
from valence.conductor.endpoints import repeats
from valence.conductor.events import outbox
from valence.db import models
from valence.db import store
from valence.db.models import quota


class FlavorsEndpoint:
    """The namespace ``flavors`` of ``valence.conductor.client``."""

    namespace = "flavors"

    def __init__(self, database):
        self._store = database

    @messaging.expose
    def create(self, context, values, idempotency=None):
        """Store a flavor."""

        def do(remember):
            now = self._store.at()
            flavor = models.Flavor(**values, created_at=now, updated_at=now)
            answer = {"flavor": flavor.public()}
            event = outbox.event("flavor", context, "create", new=flavor)
            self._store.commit(store.Create(flavor), event, *remember(answer))
            return answer

        return repeats.once(self._store, idempotency, do)

    @messaging.expose
    def update(self, context, uuid, values, revision=None):
        """Change fields."""
        return self._again(revision, lambda: self._update(context, self._expect(uuid, revision), values))

    @messaging.expose
    def delete(self, context, uuid, revision=None, force=False):
        """Remove a flavor; nodes that were requested with it stay."""
        self._again(revision, lambda: self._delete(context, self._expect(uuid, revision)))

    def _update(self, context, old, values):
        changes = {name: value for name, value in values.items() if getattr(old, name) != value}
        if not changes:
            return old.public()
        event = outbox.event("flavor", context, "update", old=old, new=old.replace(**changes))
        return self._store.commit(store.Update(old, changes), event)[0].public()

    def _delete(self, context, old):
        self._store.commit(store.Delete(old), outbox.event("flavor", context, "delete", old=old))

    def _again(self, revision, attempt):
        """Return the result of a change; without an expected revision it may follow another one."""
        return store.again(attempt, tries=store.TRIES if revision is None else 1)

    def _expect(self, uuid, revision):
        flavor = self._store.get(models.Flavor, uuid)
        if revision is not None and flavor.revision != revision:
            raise errors.RevisionMismatch(kind="flavor", key=uuid)
        return flavor


#: times that new limits are tried to be stored while requests of the project are under way
MOST_TRIES = 100


class QuotasEndpoint:
    """The namespace ``quotas`` of ``valence.conductor.client``."""

    namespace = "quotas"

    def __init__(self, database):
        self._store = database

    @messaging.expose
    def list(self, context, project, query):
        """Return a page of quotas, encoded, with what is used."""
        names = query["fields"] or models.QuotaWithUse.public_fields()
        limit = query["limit"]
        rows = self._store.list(
            models.Quota,
            filters=_wanted(project, query["filters"]),
            sort=[store.Sort(*each) for each in query["sort"]],
            marker=query["marker"],
            limit=limit and limit + 1,
        )
        if project is not None and not rows and not query["filters"] and query["marker"] is None:
            rows = [models.Quota(project_id=project)]
        page = rows[:limit]
        shown = self._shown(page, names)
        text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
        more = page[-1].project_id if len(rows) > len(page) else None
        return {"rows": text, "count": len(page), "next": more}

    @messaging.expose
    def count(self, context, project, filters=()):
        """Return how many quotas there are; a project has one whether limits were set for it or not."""
        if project is not None and not filters:
            return 1
        return self._store.count(models.Quota, filters=_wanted(project, filters))

    @messaging.expose
    def get(self, context, project_id):
        """Return the quota of a project, whether limits were set for it or not."""
        return self._shown([self._read(project_id)[1]])[0]

    @messaging.expose
    def update(self, context, project_id, limits, expected=None):
        """Set limits of a project; what is not named stays, None is the limit of the site from then on.

        A quota whose last limit goes is no longer stored, until a request of its project needs it.
        """
        # requests of the project change its revision, or store its first row; another change may remove it
        conflicts = (errors.RevisionMismatch, errors.Duplicate, errors.NotFound)
        row = store.again(
            lambda: self._update(context, project_id, limits, expected), expected=conflicts, tries=MOST_TRIES
        )
        if row is None:  # raised here: within the attempts it would be tried again
            raise errors.RevisionMismatch(kind=models.Quota.kind, key=project_id)
        return self._shown([row])[0]

    def _update(self, context, project_id, limits, expected):
        """Return the changed quota, None where its limits are not the expected ones."""
        is_stored, old = self._read(project_id)
        if expected is not None and old.limits != expected:
            return None
        changed = {name: limit for name, limit in (old.limits | limits).items() if limit is not None}
        new = old.replace(limits=changed)
        changes = (
            [] if changed == old.limits else [outbox.event("quota", context, "update", old=old, new=new)]
        )
        if is_stored and not changed:
            changes.append(store.Delete(old))
        elif changes:
            changes.append(store.Update(old, {"limits": changed}) if is_stored else store.Create(new))
        if changes:
            self._store.commit(*changes)
        return new

    def _read(self, project_id):
        """Return whether a project has a stored quota, and the quota that it has."""
        row = quotas.read(self._store, quota.project_of(project_id))
        return row is not None, row or models.Quota(project_id=project_id)

    def _shown(self, rows, names=None):
        """Return the values of fields of quotas; what all of their projects use is summed together."""
        names = names or models.QuotaWithUse.public_fields()
        projects = [quota.project_of(row.project_id) for row in rows]
        used = quotas.used_by(self._store, projects) if "used" in names else {}
        shown = []
        for row, project_id in zip(rows, projects, strict=True):
            values = {
                "project_id": row.project_id,
                "limits": row.limits,
                "effective_limits": quotas.effective(row),
                "used": used.get(project_id),
            }
            shown.append({name: values[name] for name in names})
        return shown


def _wanted(project, filters):
    """Return the filters of the quotas of a project, or of all, that ``filters`` select."""
    own = [] if project is None else [store.Filter("project_id", "eq", project)]
    return [*own, *(store.Filter(*each) for each in filters)]
