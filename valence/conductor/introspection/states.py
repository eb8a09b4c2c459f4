# SPDX-License-Identifier: Apache-2.0
"""The stored introspections: find them by machine or address, and change their state together with an event."""

import hashlib

from valence.common import errors
from valence.common import introspection_errors
from valence.conductor.events import outbox
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import contact
from valence.db import models
from valence.db import store
from valence.db import types
from valence.db.models.introspection import ENDED
from valence.db.models.introspection import MACHINES

#: states in which a ramdisk is waited for; one that died while it was processed may send again
EXPECTING = ("starting", "waiting", "processing")
#: states in which a conductor works on a document, under the lease of the introspection
WORKING = ("processing", "reapplying")
#: states of an introspection that has not ended
OPEN = ("starting", "waiting", *WORKING)
#: events that tell of a state
HAPPENED = {"starting": "start", "finished": "end", "error": "error"}
#: errors of a commit to an introspection that another request started or changed at the same time
CONFLICTS = (errors.RevisionMismatch, errors.Duplicate)
#: the texts that clients of ironic-inspector know
TIMEOUT, CANCELED = "Introspection timeout", "Canceled by operator"
#: what a rule can ask of a machine, besides the name of its pod manager
FACTS = (
    "uuid",
    "name",
    "resource_url",
    "resource_type",
    "podm_id",
    "health",
    "state",
    "power_state",
    "identity",
)


def lease_name(uuid):
    """Return the name of the lease that work on an introspection is done under."""
    return f"introspection/{uuid}"


class Introspections:
    """Reads and changes introspections; each change of state is stored together with its event."""

    def __init__(self, conf, database):
        self._timeout, self._store = conf.processing.timeout, database
        self._require_token = conf.processing.require_token

    def machine(self, name):
        """Return the ResourceWithState of a machine, by its uuid or its name; raise NotFound, Conflict."""
        kinds = store.Filter("resource_type", "in", list(MACHINES))
        for field in ("uuid", "name"):
            wanted = store.Filter(field, "eq", name.lower() if field == "uuid" else name)
            found = self._store.list(models.ResourceWithState, filters=[kinds, wanted], limit=2)
            if len(found) > 1:
                raise errors.Conflict(reason=f"More than one machine has the name {name}; use the uuid.")
            if found:
                return found[0]
        raise errors.NotFound(kind="machine", key=name)

    def facts(self, uuid):
        """Return what the conditions of rules can use of a machine; raise NotFound."""
        machine = self.machine(uuid)
        pod_manager = self._store.get_without_secrets(models.PodManager, machine.podm_id)
        return machine.public(FACTS) | {"pod_manager": pod_manager.name}

    def of(self, name):
        """Return the introspection of a machine, by its uuid or its name; raise NotFound."""
        return self.get(self.machine(name).uuid)

    def get(self, uuid):
        """Return the introspection of the machine ``uuid``; raise NotFound."""
        return self._store.get(models.Introspection, uuid)

    def needs_token(self, manage_boot: bool, source: str) -> bool:
        """Return whether the ramdisk of an introspection has to send its token."""
        is_wanted = self._require_token == "always" or (self._require_token == "booted" and manage_boot)
        return is_wanted and source == "ramdisk"

    def begin(self, context, machine, manage_boot=True, *, source="ramdisk", token=None):
        """Store that a machine is to be introspected, in place of its earlier introspection."""
        values = {
            "podm_id": machine.podm_id,
            "manage_boot": manage_boot,
            "source": source,
            "token": token and digest(token),
            "started_at": self._store.at(),
            "deadline": self._store.at(self._timeout),
            **dict.fromkeys(("error", "finished_at", "processed", "unprocessed", "logs")),
        }
        return self._until_stored(machine.uuid, lambda: self._begin(context, machine.uuid, values))

    def abort(self, context, uuid):
        """Store that an introspection was cancelled; one that has ended stays as it is. Raise NotFound, Conflict."""
        self._until_stored(uuid, lambda: self._abort(context, self.get(uuid)))

    def _until_stored(self, uuid, attempt):
        """Return the result of ``attempt``, repeated while other requests change the introspection."""
        try:
            return store.again(attempt, expected=CONFLICTS)
        except CONFLICTS:
            raise errors.Conflict(reason=f"Too many others change the introspection of {uuid}.") from None

    def _abort(self, context, row):
        self._require_no_work(row)
        if row.state not in ENDED:
            self.fail(context, row, CANCELED)

    def _require_no_work(self, row):
        """Raise Conflict while a conductor works on the documents; one that failed holds no lease."""
        name = lease_name(row.uuid)
        if row.state in WORKING and any(lease.name == name for lease in self._store.leases(name)):
            raise errors.Conflict(reason=f"The data of the machine {row.uuid} are being processed.")

    def _begin(self, context, uuid, values):
        try:
            old = self.get(uuid)
        except errors.NotFound:
            new = models.Introspection(uuid=uuid, state="starting", **values)
            told = outbox.event("introspection", context, HAPPENED["starting"], new=new)
            return self._store.commit(store.Create(new), told)[0]
        self._require_no_work(old)
        return self.change(context, old, {"state": "starting"} | values, *self.forget(uuid))

    def change(self, context, old, values, *changes, lease=None):
        """Store ``values`` of an introspection, its event and ``changes``; raise RevisionMismatch, LeaseLost."""
        new, happened = old.replace(**values), HAPPENED.get(values.get("state"))
        told = [outbox.event("introspection", context, happened, new=new)] if happened else []
        return self._commit(old, values, *told, *changes, lease=lease)

    def _commit(self, old, values, *changes, lease=None):
        """Store ``values`` of an introspection, and ``changes``; raise RevisionMismatch, LeaseLost.

        Addresses change only together with their introspection: where one is gone, or there already, so is ``old``.
        """
        try:
            return self._store.commit(store.Update(old, values), *changes, lease=lease)[0]
        except (errors.NotFound, errors.Duplicate) as error:
            if error.kwargs.get("kind") != models.IntrospectionAddress.kind:
                raise
            raise errors.RevisionMismatch(kind=old.kind, key=old.uuid) from None

    def end(self, context, old, values, lease=None, *changes):
        """Store that an introspection ended, and ``changes``; no ramdisk is expected from then on."""
        values = {"finished_at": self._store.at(), "deadline": None} | values
        new = self.change(context, old, values, *self.forget(old.uuid), *changes, lease=lease)
        _count(old, new)
        return new

    def fail(self, context, old, reason, lease=None, **values):
        """Store that an introspection failed, and why."""
        reason = {"state": "error", "error": reason[: contact.ERROR_LENGTH]}
        return self.end(context, old, reason | values, lease)

    def restore(self, row, values, lease, *changes):
        """Store values from before, and ``changes``, without an event, because nothing has happened."""
        return self._commit(row, values, *changes, lease=lease)

    def now(self):
        """Return the present time of the store as a DateTime value."""
        return self._store.at()

    def extended(self):
        """Return the deadline of work that is active now."""
        return self._store.at(self._timeout)

    def forget(self, uuid):
        """Return the changes that remove the addresses of a machine."""
        mine = [store.Filter("introspection_id", "eq", uuid)]
        return [store.Delete(each) for each in self._store.list(models.IntrospectionAddress, filters=mine)]

    def expect(self, old, known, lease):
        """Store the addresses of a machine, ``{attribute: values}``: its ramdisk may come from now on."""
        rows = [
            models.IntrospectionAddress(
                id=f"{old.uuid}/{attribute}/{value}",
                introspection_id=old.uuid,
                attribute=attribute,
                value=value,
            )
            for attribute, values in known.items()
            for value in values
        ]
        changes = [*self.forget(old.uuid)]
        kept = {change.obj.id for change in changes} & {row.id for row in rows}
        changes = [change for change in changes if change.obj.id not in kept]
        changes += [store.Create(row) for row in rows if row.id not in kept]
        return self._commit(old, {"error": None}, *changes, lease=lease)

    def find(self, known):
        """Return the introspection that waits for a ramdisk with these addresses; raise LookUpFailed.

        The introspection with the most values in common matches; two that have equally many are no match.
        """
        hits = self._hits(known)
        ranked = sorted(hits, key=lambda uuid: _weight(hits[uuid]), reverse=True)
        if not ranked or (len(ranked) > 1 and _weight(hits[ranked[0]]) == _weight(hits[ranked[1]])):
            told = "; ".join(f"{name} {', '.join(values[:10])}" for name, values in known.items() if values)
            reason = "more than one machine waits" if ranked else "no machine waits"
            raise introspection_errors.LookUpFailed(
                failures="", reason=reason, known=told or "no address at all"
            )
        return self.get(ranked[0])

    def _hits(self, known):
        """Return the attributes that each waiting introspection has in common with ``known``."""
        wanted = [value for values in known.values() for value in values]
        if not wanted:
            return {}
        hits = {}
        for row in self._store.list(
            models.IntrospectionAddress, filters=[store.Filter("value", "in", wanted)]
        ):
            if row.value in known[row.attribute]:
                hits.setdefault(row.introspection_id, []).append(row.attribute)
        return hits


def _count(old, new):
    """Add an introspection that ended to the metrics."""
    kind = "reapply" if old.state == "reapplying" else old.source
    known = {TIMEOUT: "timeout", CANCELED: "aborted"}
    result = "finished" if new.state == "finished" else known.get(new.error, "failed")
    work_metrics.INTROSPECTIONS.labels(kind, result).inc()
    if result == "finished" and new.started_at:
        seconds = types.parse_time(new.finished_at) - types.parse_time(new.started_at)
        work_metrics.INTROSPECTION_SECONDS.labels(kind).observe(max(0, seconds.total_seconds()))


def digest(token):
    """Return the digest of a token, which is stored in its place."""
    return hashlib.sha256(token.encode()).hexdigest()


def _weight(attributes):
    """Return the weight of a match: a MAC address or UUID is one machine's, a BMC or serial number may be shared."""
    return sum(attribute in ("mac", "uuid") for attribute in attributes), len(attributes)
