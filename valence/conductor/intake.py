# SPDX-License-Identifier: Apache-2.0
"""What happens to a document: it is looked up, stored as it came, processed by the hooks and stored again.

All of that is done under the lease of the machine's introspection, so that nothing is done twice at a time and a
conductor that was taken for dead writes nothing more.
"""

import hmac

from oslo_log import log

from valence.common import errors
from valence.common import introspection_errors
from valence.conductor import introspections
from valence.db.models.introspection import ENDED
from valence.introspection import document as documents
from valence.introspection import storage

LOG = log.getLogger(__name__)

#: seconds that a document waits while something else is done with its machine, such as ending its start
PATIENCE = 5
#: what ends an introspection with an error
FAILURES = (
    introspection_errors.HookFailed,
    introspection_errors.RuleFailed,
    introspection_errors.ProcessingFailed,
)


class Intake:
    """Takes documents in: those of ramdisks, and stored ones that are to be processed anew."""

    def __init__(self, records, leases, history, *, processing, rules):
        self._records, self._leases, self._history = records, leases, history
        self._processing, self._rules = processing, rules

    def receive(self, context, data, token=None):
        """Take what a ramdisk sent and return the uuid of its machine; raise BadRequest, Conflict, StorageUnavailable.

        A ramdisk tries again after Conflict and StorageUnavailable, so that nothing is lost by them.
        """
        prepared = self._processing.prepare(data, is_from_ramdisk=True)
        uuid = self._look_up(prepared)
        with self._leases.hold(introspections.lease_name(uuid), patience=PATIENCE) as lease:
            row = self._records.get(uuid)
            if row.state not in introspections.EXPECTING:
                raise errors.Conflict(reason=f"The introspection of {uuid} ended meanwhile.")
            _check_token(row, token)
            work = _Work(self._records, self._history, context, row, lease)
            work.enter("processing")
            work.keep_logs(prepared.logs)
            self._process(work, prepared)
        return uuid

    def take(self, context, row, lease, document):
        """Process what was found without a ramdisk, under the lease of its introspection.

        Raise RamdiskFailed when that is stored as the introspection's error, StorageUnavailable when it is to be done
        again.
        """
        prepared = self._processing.prepare(documents.dump(document))
        work = _Work(self._records, self._history, context, row, lease)
        work.enter("processing")
        self._process(work, prepared)

    def reapply(self, context, name, data=None):
        """Process the stored unprocessed document, or ``data`` in its place, anew; all or nothing is stored."""
        machine = self._records.machine(name)
        if not self._history.backend.keeps:
            raise errors.BadRequest(reason=introspection_errors.NothingKept(key=machine.uuid).detail)
        self._records.get(machine.uuid)
        with self._leases.hold(introspections.lease_name(machine.uuid), patience=PATIENCE) as lease:
            row = self._records.get(machine.uuid)
            if row.state not in ENDED:
                raise errors.Conflict(
                    reason=f"The machine {row.uuid} is being introspected: it is {row.state}."
                )
            prepared = self._stored(row) if data is None else self._processing.prepare(data)
            work = _Work(self._records, self._history, context, row, lease, again=data is None)
            work.enter("reapplying", error=None, started_at=self._records.now(), finished_at=None)
            self._process(work, prepared)

    def _stored(self, row):
        if row.unprocessed is None:
            raise introspection_errors.NoIntrospectionData(
                key=row.uuid, what=storage.what(storage.UNPROCESSED)
            )
        data = self._history.backend.get(row.uuid, storage.UNPROCESSED)
        return self._processing.prepare(data)._replace(unprocessed=data)

    def _look_up(self, prepared):
        try:
            return self._records.find(prepared.addresses).uuid
        except introspection_errors.LookUpFailed as error:
            reason = "\n".join([*prepared.failures, error.detail])
            raise introspection_errors.RamdiskFailed(reason=reason) from None

    def _process(self, work, prepared):
        try:
            processed, failures = self._completed(work, prepared)
            if failures:
                work.fail(prepared.unprocessed, "\n".join(failures))
            work.finish(prepared.unprocessed, processed)
        except (introspection_errors.StorageUnavailable, introspection_errors.ProcessingUnavailable):
            work.hand_back()
            raise

    def _completed(self, work, prepared):
        """Return the processed document, and what failed as a list of texts."""
        if prepared.failures:
            return None, prepared.failures
        rules = self._rules.every()
        machine = self._records.facts(work.uuid) if rules else None
        try:
            return self._processing.complete(prepared.processed, rules, machine), []
        except FAILURES as error:
            return None, [error.detail]


class _Work:
    """The work on one introspection, under its lease."""

    def __init__(self, records, history, context, row, lease, *, again=False):
        self._records, self._history, self._context = records, history, context
        self._lease, self._again = lease, again
        self._row = self._before = row
        self.uuid = row.uuid

    def enter(self, state, **values):
        """Store that the work begins; whoever aborted or started anew at this moment was faster: Conflict."""
        values |= {"state": state, "deadline": self._records.extended()}
        try:
            self._row = self._records.change(self._context, self._row, values, lease=self._lease)
        except errors.RevisionMismatch:
            raise errors.Conflict(
                reason=f"The introspection of {self._row.uuid} changed meanwhile."
            ) from None

    def keep_logs(self, logs):
        """Store the ramdisk's logs; that they cannot be stored is no reason to refuse the rest."""
        if not logs or not self._history.backend.keeps:
            return
        try:
            self._history.backend.save(self._row, logs, storage.LOGS)
        except introspection_errors.StorageUnavailable as error:
            LOG.warning("introspection %s: its logs are not kept: %s", self._row.uuid, error.detail)
            return
        self._row.logs = documents.digest(logs)

    def finish(self, data, processed):
        """Store both documents, then that they are there."""
        version = self._history.add(self._row, data, processed, self._again)
        values = {"state": "finished", "error": None, "processed": documents.digest(processed)}
        self._end(values, data, *version)
        self._history.trim(self._row.uuid)

    def fail(self, data, reason):
        """Store the unprocessed document, for whoever wants to know why, and raise RamdiskFailed."""
        self._history.backend.save(self._row, data, storage.UNPROCESSED)
        self._history.backend.delete(self._row.uuid)
        self._end({"state": "error", "error": reason[:1024], "processed": None}, data)
        raise introspection_errors.RamdiskFailed(reason=reason)

    def hand_back(self):
        """Store that it is as it was before, because the storage is away."""
        names = ("state", "error", "started_at", "finished_at", "deadline")
        before = {name: getattr(self._before, name) for name in names}
        if self._row.source == "redfish" and before["state"] in introspections.EXPECTING:
            before |= {"state": "starting"}
        elif before["state"] in introspections.EXPECTING:
            before |= {"state": "waiting", "deadline": self._records.extended()}
        # Not by ``change``: a state that comes back is no event.
        self._records.restore(self._row, before, self._lease)

    def _end(self, values, data, *changes):
        if self._history.backend.keeps:
            values |= {"unprocessed": documents.digest(data), "logs": self._row.logs}
        else:
            values |= {"processed": None}
        self._row = self._records.end(self._context, self._row, values, self._lease, *changes)


def _check_token(row, token):
    """Raise WrongToken if the introspection has a token that the ramdisk does not know."""
    known = introspections.digest(token or "")
    if row.token is not None and not hmac.compare_digest(row.token, known):
        raise introspection_errors.WrongToken(key=row.uuid)
