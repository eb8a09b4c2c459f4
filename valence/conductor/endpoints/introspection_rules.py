# SPDX-License-Identifier: Apache-2.0
"""Rules of introspection."""

import uuid

from valence.common import errors
from valence.conductor.rpc import rpc
from valence.db import models
from valence.db import store
from valence.introspection import rules

SHOWN = ("uuid", "description", "scope", "conditions", "actions")
BATCH = 500


class IntrospectionRulesEndpoint:
    """The namespace ``introspection_rules`` of ``valence.conductor.client``."""

    namespace = "introspection_rules"

    def __init__(self, database):
        self._store, self._rules = database, rules.Rules(database)

    @rpc
    def create(self, context, document):
        """Store a rule and return it."""
        values = rules.normal(document) | {"uuid": document.get("uuid") or str(uuid.uuid4())}
        return self._store.commit(store.Create(models.IntrospectionRule(**values)))[0].public(SHOWN)

    @rpc
    def list(self, context):
        """Return every rule, in the order in which they are applied."""
        return [rule.public(SHOWN) for rule in self._rules.every()]

    @rpc
    def get(self, context, uuid):
        """Return a rule."""
        return self._store.get(models.IntrospectionRule, uuid).public(SHOWN)

    @rpc
    def delete(self, context, uuid):
        """Remove a rule."""
        self._store.commit(store.Delete(self._store.get(models.IntrospectionRule, uuid)))

    @rpc
    def clear(self, context):
        """Remove every rule."""
        while found := self._store.list(models.IntrospectionRule, limit=BATCH):
            try:
                self._store.commit(*map(store.Delete, found))
            except (errors.NotFound, errors.RevisionMismatch):
                continue  # somebody else removes them too
