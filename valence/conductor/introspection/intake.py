# SPDX-License-Identifier: Apache-2.0
"""The intake of introspection documents: find the machine, store the document, process it, store the result.

All of that is done under the lease of the machine's introspection, so that a document is processed once, and a
conductor that has lost its lease stores nothing more.
"""

import contextlib
import hmac

from oslo_log import log

from valence.common import errors
from valence.common import introspection_errors
from valence.conductor.introspection import states
from valence.db.models.introspection import ENDED
from valence.introspection import documents
from valence.introspection.storages import storage

LOG = log.getLogger(__name__)

#: seconds that a document waits while something else is done with its machine, such as ending its start
PATIENCE = 5


class Intake:
    """Processes new documents of ramdisks and pod managers, and stored documents again."""

    def __init__(self, records, leases, history, *, processing, rules):
        self._records, self._leases, self._history = records, leases, history
        self._processing, self._rules = processing, rules

    def receive(self, context, data, token=None):
        """Process a ramdisk's document and return its machine's UUID; raise BadRequest, Conflict, StorageUnavailable.

        A ramdisk sends its document again after Conflict and StorageUnavailable, so that nothing is lost.
        """
        prepared = self._processing.prepare(data, is_from_ramdisk=True)
        uuid = self._look_up(prepared)
        with self._leases.hold(states.lease_name(uuid), patience=PATIENCE) as lease:
            row = self._records.get(uuid)
            if row.state not in states.EXPECTING:
                raise errors.Conflict(reason=f"The introspection of {uuid} ended meanwhile.")
            self._check_token(row, lease, token)
            work = _Work(self._records, self._history, context, row, lease)
            work.enter("processing")
            with work.ending():
                work.keep_logs(prepared.logs)
                self._process(work, prepared)
        return uuid

    def take(self, context, row, lease, document):
        """Process a document that a pod manager gave, under the lease of its introspection.

        Raise RamdiskFailed when that is stored as the introspection's error, StorageUnavailable when it is to be
        repeated.
        """
        prepared = self._processing.prepare(documents.dump(document))
        work = _Work(self._records, self._history, context, row, lease)
        work.enter("processing")
        with work.ending():
            self._process(work, prepared)

    def resume(self, context, row, lease):
        """Finish, under the lease of an introspection, the reapplication that a failed conductor left.

        Raise RamdiskFailed when that is stored as the introspection's error.
        """
        work = _Work(self._records, self._history, context, row, lease, again=True)
        with work.ending():
            self._process(work, self._stored(row))

    def reapply(self, context, name, data=None):
        """Process the stored unprocessed document, or ``data`` in its place, again; all or nothing is stored.

        Raise RamdiskFailed for a document that hooks or rules refuse: ``data`` is not stored then, and the stored
        documents stay as they are.
        """
        machine = self._records.machine(name)
        if not self._history.backend.keeps:
            raise errors.BadRequest(reason=introspection_errors.NothingKept(key=machine.uuid).detail)
        self._records.get(machine.uuid)
        with self._leases.hold(states.lease_name(machine.uuid), patience=PATIENCE) as lease:
            row = self._records.get(machine.uuid)
            # The lease is free, so the conductor of a reapplication that has not ended failed.
            if row.state not in (*ENDED, "reapplying"):
                raise errors.Conflict(
                    reason=f"The machine {row.uuid} is being introspected: it is {row.state}."
                )
            prepared = self._stored(row) if data is None else self._processing.prepare(data)
            work = _Work(self._records, self._history, context, row, lease, again=data is None)
            work.enter("reapplying", error=None, started_at=self._records.now(), finished_at=None)
            with work.ending():
                self._process(work, prepared)

    def _stored(self, row):
        if row.state in ENDED:
            data = self._history.read(row.uuid, "unprocessed").data
        else:  # a conductor died before it had stored whether this is the earlier document or the next one
            data = self._history.backend.get(row.uuid, storage.UNPROCESSED)
        return self._processing.prepare(data)._replace(unprocessed=data)

    def _look_up(self, prepared):
        try:
            return self._records.find(prepared.addresses).uuid
        except introspection_errors.LookUpFailed as error:
            failures = "".join(f"{each}\n" for each in prepared.failures)
            raise introspection_errors.LookUpFailed(**error.kwargs | {"failures": failures}) from None

    def _check_token(self, row, lease, token):
        """Raise WrongToken if the introspection has a token that the sender does not know.

        The introspection continues to wait; its error shows the refusal, because a ramdisk without its token gives up.
        """
        known = states.digest(token or "")
        if row.token is None or hmac.compare_digest(row.token, known):
            return
        refused = introspection_errors.WrongToken(key=row.uuid)
        LOG.warning("introspection %s: a document was refused: %s", row.uuid, refused.detail)
        if row.error is None:  # at most one commit, however many come
            with contextlib.suppress(errors.RevisionMismatch):  # another request changed it just now
                self._records.restore(row, {"error": f"{refused.detail} {refused.hint}"}, lease)
        raise refused

    def _process(self, work, prepared):
        processed, failures = self._completed(work, prepared)
        if failures:
            work.fail(prepared.unprocessed, "\n".join(failures))
        work.finish(prepared.unprocessed, processed)

    def _completed(self, work, prepared):
        """Return the processed document, and the failures as a list of texts."""
        if prepared.failures:
            return None, prepared.failures
        rules = self._rules.every()
        machine = self._records.facts(work.uuid) if rules else None
        try:
            return self._processing.complete(prepared.processed, rules, machine), []
        except errors.Unavailable:
            raise
        except errors.ValenceError as error:
            return None, [error.detail]


class _Work:
    """The work on one introspection, under its lease."""

    def __init__(self, records, history, context, row, lease, *, again=False):
        self._records, self._history, self._context = records, history, context
        self._lease, self._again, self._is_saved = lease, again, False
        self._row = self._before = row
        self.uuid = row.uuid

    def enter(self, state, **values):
        """Store that the work begins; raise Conflict if another request changed the introspection at this moment."""
        values |= {"state": state, "deadline": self._records.extended()}
        with self._unchanged():
            self._row = self._records.change(self._context, self._row, values, lease=self._lease)

    def keep_logs(self, logs):
        """Store the ramdisk's logs; a storage that cannot is no reason to refuse the document."""
        if not logs or not self._history.keeps(storage.LOGS):
            return
        try:
            self._history.backend.save(self._row, logs, storage.LOGS)
        except introspection_errors.StorageUnavailable as error:
            LOG.warning("introspection %s: its logs are not kept: %s", self._row.uuid, error.detail)
            return
        self._row.logs = documents.digest(logs)

    def finish(self, data, processed):
        """Store both documents, then the end of the introspection."""
        self._lease.renew()  # a storage does not know the lease: one that was lost must be noticed before
        version = self._history.add(self._row, data, processed, self._again)
        self._is_saved = True
        values = {"state": "finished", "error": None, "processed": documents.digest(processed)}
        self._end(values, data, *version)
        self._history.trim(self._row.uuid, self._lease)

    @contextlib.contextmanager
    def ending(self):
        """End the introspection, or hand it back, after an error inside the ``with`` block.

        A row that stays in the state "processing" or "reapplying" refuses every request until its deadline.
        """
        try:
            yield
        except introspection_errors.RamdiskFailed:
            raise
        except errors.LeaseLost:
            raise  # whoever takes the lease ends the introspection
        except errors.Unavailable:
            # A reapplication that has stored its documents is finished by the next look, and not taken back.
            if not self._is_saved or self._before.state in states.EXPECTING:
                self._attempt(self.hand_back)
            raise
        except Exception as error:  # plug-ins raise anything; the caller logs it
            expected = (
                error if isinstance(error, errors.ValenceError) else errors.Internal(host="the conductor")
            )
            self._attempt(self._give_up, expected.detail)
            raise

    def fail(self, data, reason):
        """Store that the document was refused, and raise RamdiskFailed.

        The document of a machine is kept as the unprocessed one, to find the cause. A failure to process a stored
        document changes no document, and a document that a client sent in its place changes nothing.
        """
        values = {"state": "error", "error": reason[:1024]}
        self._lease.renew()
        if self._before.state in states.EXPECTING:
            self._history.backend.save(self._row, data, storage.UNPROCESSED)
            if self._history.backend.removes:
                self._history.backend.delete(self._row.uuid)
            self._end(values | {"processed": None}, data)
        elif self._again:
            self._end(values, data)
        else:
            self.hand_back()
        raise introspection_errors.RamdiskFailed(reason=reason)

    def hand_back(self):
        """Store the state from before, because the storage is unavailable."""
        names = ("state", "error", "started_at", "finished_at", "deadline")
        before = {name: getattr(self._before, name) for name in names}
        if self._row.source == "redfish" and before["state"] in states.EXPECTING:
            before |= {"state": "starting"}
        elif before["state"] in states.EXPECTING:
            before |= {"state": "waiting", "deadline": self._records.extended()}
        # Not by ``change``: a state that comes back is no event.
        self._records.restore(self._row, before, self._lease)

    def _attempt(self, step, *arguments):
        """Run the last step of failed work; its own failure is logged, the caller raises the cause."""
        try:
            step(*arguments)
        except errors.ValenceError as error:
            LOG.warning("introspection %s: its end could not be stored: %s", self.uuid, error.detail)

    def _give_up(self, reason):
        row = self._records.get(self.uuid)
        if row.state == self._row.state:  # else it ended just before the failure
            self._records.fail(self._context, row, reason, self._lease, logs=self._row.logs)

    def _end(self, values, data, *changes):
        if self._history.backend.keeps:
            values |= {"unprocessed": documents.digest(data), "logs": self._row.logs}
        else:
            values |= {"processed": None}
        with self._unchanged():
            self._row = self._records.end(self._context, self._row, values, self._lease, *changes)

    @contextlib.contextmanager
    def _unchanged(self):
        """Raise Conflict, after which a ramdisk tries again, where another request changed the introspection."""
        try:
            yield
        except errors.RevisionMismatch:
            reason = f"The introspection of {self.uuid} changed meanwhile."
            raise errors.Conflict(reason=reason) from None
