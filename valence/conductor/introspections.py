# SPDX-License-Identifier: Apache-2.0
"""The introspections that are stored: of which machine, in which state, and how one state follows another."""

import hashlib

from valence.common import errors
from valence.common import introspection_errors
from valence.conductor import events
from valence.conductor import monitor
from valence.db import models
from valence.db import store

#: kinds of resources that an operating system can be started on
MACHINES = ("System", "Node")
#: states in which a ramdisk is waited for; one that died while it was processed may send again
EXPECTING = ("starting", "waiting", "processing")
#: events that tell of a state
HAPPENED = {"starting": "start", "finished": "end", "error": "error"}
TRIES = 20
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
    """Reads and changes introspections; every change is stored together with its event."""

    def __init__(self, conf, database):
        self._timeout, self._store = conf.processing.timeout, database
        #: whether a ramdisk has to know the token of its introspection
        self.require_token = conf.processing.require_token

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
        """Return what rules can ask of a machine; raise NotFound."""
        machine = self.machine(uuid)
        pod_manager = self._store.get_without_secrets(models.PodManager, machine.podm_id)
        return machine.public(FACTS) | {"pod_manager": pod_manager.name}

    def of(self, name):
        """Return the introspection of a machine, by its uuid or its name; raise NotFound."""
        return self.get(self.machine(name).uuid)

    def get(self, uuid):
        """Return the introspection of the machine ``uuid``; raise NotFound."""
        return self._store.get(models.Introspection, uuid)

    def begin(self, context, machine, manage_boot=True, *, source="ramdisk", token=None):
        """Store that a machine is to be introspected, in place of what is stored of an earlier time."""
        values = {
            "podm_id": machine.podm_id,
            "manage_boot": manage_boot,
            "source": source,
            "token": token and digest(token),
            "started_at": self._store.at(),
            "deadline": self._store.at(self._timeout),
            **dict.fromkeys(("error", "finished_at", "processed", "unprocessed", "logs")),
        }
        for _ in range(TRIES):
            try:
                return self._begin(context, machine.uuid, values)
            except (errors.RevisionMismatch, errors.Duplicate):
                continue  # somebody else starts, or aborts, at the same time
        raise errors.Conflict(reason=f"Too many others change the introspection of {machine.uuid}.")

    def _begin(self, context, uuid, values):
        try:
            old = self.get(uuid)
        except errors.NotFound:
            new = models.Introspection(uuid=uuid, state="starting", **values)
            told = events.introspection(context, HAPPENED["starting"], new=new)
            return self._store.commit(store.Create(new), told)[0]
        if old.state in ("processing", "reapplying"):
            raise errors.Conflict(reason=f"The data of the machine {uuid} are being processed.")
        return self.change(context, old, {"state": "starting"} | values, *self.forget(uuid))

    def change(self, context, old, values, *changes, lease=None):
        """Store ``values`` of an introspection, its event and ``changes``; raise RevisionMismatch, LeaseLost."""
        new, happened = old.replace(**values), HAPPENED.get(values.get("state"))
        told = [events.introspection(context, happened, new=new)] if happened else []
        return self._store.commit(store.Update(old, values), *told, *changes, lease=lease)[0]

    def end(self, context, old, values, lease=None, *changes):
        """Store that an introspection ended, and ``changes``: nothing waits for its ramdisk any more."""
        values = {"finished_at": self._store.at(), "deadline": None} | values
        return self.change(context, old, values, *self.forget(old.uuid), *changes, lease=lease)

    def fail(self, context, old, reason, lease=None, **values):
        """Store that an introspection failed, and why."""
        reason = {"state": "error", "error": reason[: monitor.ERROR_LENGTH]}
        return self.end(context, old, reason | values, lease)

    def restore(self, row, values, lease, *changes):
        """Store values that an introspection had before, and ``changes``: no event, because nothing has happened."""
        return self._store.commit(store.Update(row, values), *changes, lease=lease)[0]

    def now(self):
        """Return the present time of the store as a DateTime value."""
        return self._store.at()

    def extended(self):
        """Return when something that goes on now has to be done."""
        return self._store.at(self._timeout)

    def forget(self, uuid):
        """Return the changes that remove what a machine is known by."""
        mine = [store.Filter("introspection_id", "eq", uuid)]
        return [store.Delete(each) for each in self._store.list(models.IntrospectionAddress, filters=mine)]

    def expect(self, old, known, lease):
        """Store what a machine is known by, ``{attribute: values}``: its ramdisk may come from now on."""
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
        return self._store.commit(store.Update(old, {"error": None}), *changes, lease=lease)[0]

    def find(self, known):
        """Return the introspection that waits for a ramdisk with these addresses; raise LookUpFailed.

        Whoever has most of the values in common is it, two that have equally many are nobody.
        """
        hits = self._hits(known)
        ranked = sorted(hits, key=lambda uuid: _weight(hits[uuid]), reverse=True)
        if not ranked or (len(ranked) > 1 and _weight(hits[ranked[0]]) == _weight(hits[ranked[1]])):
            told = "; ".join(f"{name} {', '.join(values[:10])}" for name, values in known.items() if values)
            reason = "more than one machine waits" if ranked else "no machine waits"
            raise introspection_errors.LookUpFailed(reason=reason, known=told or "no address at all")
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


def digest(token):
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _weight(attributes):
    """Return how sure a match is: MAC addresses and UUIDs are one machine's, BMCs and serial numbers may be many's."""
    return sum(attribute in ("mac", "uuid") for attribute in attributes), len(attributes)
