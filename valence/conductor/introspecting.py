# SPDX-License-Identifier: Apache-2.0
"""Introspection as a part of a conductor: what is asked of it, and what it does by itself."""

from valence.conductor import intake
from valence.conductor import introspection_sweep
from valence.conductor import introspections
from valence.conductor import introspector
from valence.conductor import transfers
from valence.conductor.endpoints import introspection
from valence.conductor.endpoints import introspection_rules
from valence.introspection import history
from valence.introspection import own_process
from valence.introspection import processing as document_processing
from valence.introspection import rules
from valence.introspection import storage


class Introspecting:
    """The parts, on one storage: ``endpoints`` serve, ``introspector`` works in the background."""

    def __init__(self, conf, database, leases, connections, ownership):
        records = introspections.Introspections(conf, database)
        self.history = history.History(conf, database, storage.load(conf, database))
        # Made in any case: options that make no sense are told at the start.
        self._own_process, processing = None, document_processing.Processing(conf)
        if conf.processing.own_process:
            self._own_process = processing = own_process.OwnProcess(conf)
        taking = intake.Intake(
            records, leases, self.history, processing=processing, rules=rules.Rules(database)
        )
        self.introspector = introspector.Introspector(
            conf,
            database,
            leases,
            live_connections=connections,
            ownership=ownership,
            records=records,
            intake=taking,
        )
        self.sweep = introspection_sweep.Sweep(database, leases, self.history)
        served = introspection.IntrospectionEndpoint(
            database,
            records,
            self.history,
            intake=taking,
            transfers=transfers.Transfers(conf.host),
            ring=self.introspector.ring,
        )
        self.endpoints = [served, introspection_rules.IntrospectionRulesEndpoint(database)]

    def start(self):
        """Begin to work in the background."""
        self.introspector.start()
        self.sweep.start()

    def stop(self):
        """End what is being done."""
        self.sweep.stop()
        self.introspector.stop()
        if self._own_process:
            self._own_process.stop()
