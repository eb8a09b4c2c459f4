# SPDX-License-Identifier: Apache-2.0
"""The mutants: wrong changes of the code that a test must notice."""

import typing


class Mutant(typing.NamedTuple):
    """``old`` occurs once in ``file``, below valence/, and becomes ``new``; ``tests`` are the modules that run."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


LEASES = ("tests.contract.test_leases",)
COMMITS = ("tests.contract.test_commit", "tests.contract.test_outage", "tests.unit.db.sql")
INVENTORY = ("tests.unit.conductor.inventory.comparison.test_comparison",)
HTTP = ("tests.unit.podmanagers.redfish.http.test_requests", "tests.unit.podmanagers.redfish.test_driver")
METHODS = ("tests.unit.podmanagers.redfish.composition.test_methods",)
OFFERS = ("tests.unit.podmanagers.redfish.test_offers",)
EXCHANGE = ("tests.unit.conductor.nodes.test_exchange",)
OUTBOX = ("tests.unit.conductor.events.outbox.test_outbox",)
KEEPER = ("tests.unit.conductor.cluster.test_leases",)
OPERATIONS = ("tests.unit.conductor.work.contact.test_job", "tests.unit.conductor.endpoints")
CONDITIONS = ("tests.unit.api.http.handler.test_conditions",)
REPEATED = (
    "tests.unit.conductor.endpoints.test_repeats",
    "tests.unit.api.http.request_body.test_idempotency",
)
PURGE = ("tests.unit.conductor.events.test_purge",)
DEADLINE = ("tests.unit.common.test_context", "tests.contract.test_deadline")
ACCESS = (
    "tests.unit.conductor.inventory.connections.test_access",
    "tests.unit.conductor.work.contact.test_job",
)
SECRETS = ("tests.unit.common.test_secrets",)
RENEWAL = ("tests.contract.test_values", "tests.contract.test_concurrency", "tests.contract.test_commit")
ETCD = ("tests.contract.test_etcd", "tests.unit.db.etcd")
POLICY = (
    "tests.unit.api.http.auth.test_policy",
    "tests.unit.api.http.auth.test_auth",
    "tests.unit.api.http.test_app",
)
RING = (
    "tests.unit.conductor.cluster.ownership.test_ring",
    "tests.unit.conductor.cluster.ownership.test_ownership",
)
KEYSTONE = ("tests.unit.api.http.test_keystone",)
DELETIONS = ("tests.unit.conductor.work.test_deletions",)
RESTORES = ("tests.unit.conductor.events.test_restores", "tests.contract.test_restores")
DETAILS = ("tests.unit.api.v1.resources.test_details",)
SESSIONS = ("tests.unit.backup.test_sessions",)
SCOPE = ("tests.unit.backup.listing.test_listing", "tests.unit.backup.test_jobs")
REPORTS = ("tests.unit.backup.test_reports",)
MIGRATION = ("tests.unit.introspection.storages.test_migration",)
RULES = ("tests.unit.introspection.rules.test_rules",)
INTAKE = ("tests.unit.conductor.introspection.test_intake",)
CROSS_SITE = ("tests.unit.api.http.auth.test_cross_site",)
PROXIES = ("tests.unit.api.http.auth.test_proxies",)

# fmt: off
MUTANTS = (
    # Leases of SQL databases
    Mutant("lease-renewed-by-name", "db/sql/leases.py",
           "return self._table.c.name == lease.name, self._table.c.token == lease.token",
           "return (self._table.c.name == lease.name,)", LEASES),
    Mutant("lease-fence-ignores-time", "db/sql/leases.py",
           "*self._is(lease), self._table.c.expires_at > self._clock\n        )\n        if",
           "*self._is(lease)\n        )\n        if", LEASES),
    Mutant("lease-fence-without-lock", "db/sql/leases.py",
           "connection.execute(held.with_for_update()).first()", "connection.execute(held).first()", LEASES),
    Mutant("lease-taken-from-a-holder", "db/sql/leases.py",
           "else (table.c.expires_at <= self._clock) | (table.c.nonce == row[\"nonce\"])",
           "else sqlalchemy.true()", LEASES),
    Mutant("lease-token-does-not-grow", "db/sql/leases.py",
           "else_=table.c.token + 1", "else_=table.c.token", LEASES),
    Mutant("leases-all-renewed-partly", "db/sql/leases.py",
           "(lambda connection: connection.execute(renewed).rowcount) == len(leases)",
           "(lambda connection: connection.execute(renewed).rowcount) >= 0", LEASES),
    Mutant("held-leases-of-the-past", "db/sql/leases.py",
           ".where(*begins, table.c.expires_at > self._clock)", ".where(*begins)", LEASES),
    # The keeper of a conductor
    Mutant("keeper-forgets-to-release", "conductor/cluster/leases.py",
           "                self._held.discard(lease)\n            self._release(lease)",
           "                self._held.discard(lease)", KEEPER),
    Mutant("keeper-renews-what-was-lost", "conductor/cluster/leases.py",
           "            self._held.discard(lease)\n        work_metrics", "            pass\n        work_metrics",
           KEEPER),
    Mutant("keeper-inherits-of-others", "conductor/cluster/leases.py",
           'self._store.leases("") if each.holder == self._holder]', 'self._store.leases("")]', KEEPER),
    # Commits of SQL databases
    Mutant("commit-without-fence", "db/sql/commit.py",
           "        if self._lease:\n            self._database.fences.require(connection, self._lease)\n", "", LEASES),
    Mutant("commit-repeated-without-proof", "db/sql/commit.py",
           "if not self.is_open or self._changes.is_repeatable:", "if True:", COMMITS),
    Mutant("commit-always-proven", "db/sql/commit.py",
           "        if not self.is_open or self._changes.is_repeatable:\n            return False\n",
           "        if self._changes.is_repeatable:\n            return False\n", COMMITS),
    Mutant("markers-purged-at-once", "db/sql/commit.py",
           "self._time(moment - OLD)", "self._time(moment + OLD)", COMMITS),
    # Isolation
    Mutant("mariadb-repeatable-read", "db/sql/engine.py",
           '"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",',
           '"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",',
           ("tests.contract.test_concurrency", "tests.contract.test_commit", "tests.unit.db.sql")),
    Mutant("postgresql-serializable", "db/sql/engine.py",
           '"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",', "",
           ("tests.contract.test_concurrency", "tests.contract.test_commit", "tests.unit.db.sql")),
    Mutant("mariadb-short-sorting", "db/sql/engine.py",
           'f"SET SESSION max_sort_length = {SORT_BYTES}",', "",
           ("tests.contract.test_texts", "tests.contract.test_reading")),
    # Secrets
    Mutant("renewal-overwrites-newer-secrets", "db/sql/bulk.py",
           'same = table.c[key] == sqlalchemy.bindparam("_key"), table.c[name] == sqlalchemy.bindparam("_old")',
           'same = (table.c[key] == sqlalchemy.bindparam("_key"),)', RENEWAL),
    Mutant("key-file-for-everybody", "common/secrets.py", "if mode & stat.S_IROTH:", "if False:", SECRETS),
    Mutant("oldest-key-encrypts", "common/secrets.py",
           "HEADER + _new_key() + path.read_text().removeprefix(HEADER)",
           "path.read_text() + _new_key()", SECRETS),
    Mutant("new-key-file-is-readable", "common/secrets.py", "os.open(path, flags, 0o600)",
           "os.open(path, flags, 0o644)", SECRETS),
    Mutant("key-file-is-read-once", "common/secrets.py",
           "if self._keys is None or seen != self._seen:", "if self._keys is None:", SECRETS),
    # etcd
    Mutant("etcd-old-schema-accepted", "db/etcd/schema.py",
           "if version is None or (version in VERSIONS and version != self.head()):", "if False:",
           ("tests.contract.test_schema", *ETCD)),
    Mutant("etcd-missing-index-accepted", "db/etcd/schema.py",
           'if missing := [_name(tree) for _, tree in self._trees() if _name(tree) not in state["indexes"]]:',
           "if missing := []:", ("tests.contract.test_schema", *ETCD)),
    Mutant("etcd-new-index-not-filled", "db/etcd/schema.py",
           "for step in (self._clean, self._fill):", "for step in (self._clean,):",
           ("tests.contract.test_schema", *ETCD)),
    Mutant("etcd-wrong-entries-stay", "db/etcd/schema.py",
           "for step in (self._clean, self._fill):", "for step in (self._fill,):",
           ("tests.contract.test_schema", *ETCD)),
    Mutant("etcd-commits-out-of-turn", "db/etcd/commits.py",
           "return head.queue[0] == self.identity if head.queue else self._number <= self._unlucky",
           "return True", ("tests.contract.test_etcd_turns", *ETCD)),
    Mutant("etcd-turn-is-never-passed-over", "db/etcd/commits.py",
           "elif self._watch.unchanged(snapshot) > TURN_SECONDS:", "elif False:",
           ("tests.contract.test_etcd_turns", *ETCD)),
    Mutant("etcd-left-journal-is-not-completed", "db/etcd/commits.py",
           "        self._keyspace.complete(snapshot)\n        return self._keyspace.snapshot()",
           "        return snapshot", ("tests.contract.test_etcd_outcomes", "tests.contract.test_outage", *ETCD)),
    # Inventory
    Mutant("unread-parts-are-removed", "conductor/inventory/comparison.py",
           "or not self._protected(number))", "or True)", INVENTORY),
    Mutant("everything-is-protected", "conductor/inventory/comparison.py",
           "            if parent == NOTHING:\n                return True",
           "            if True:\n                return True", INVENTORY),
    Mutant("moved-without-identity", "conductor/inventory/comparison.py",
           "if places[own] == 1:", "if True:", INVENTORY),
    Mutant("serial-moves-anywhere", "conductor/inventory/comparison.py",
           "if is_uuid(seen.identity) or parents.get(parent, parent) == hash(seen.parent):",
           "if True:", INVENTORY),
    Mutant("unknown-states-are-told", "conductor/inventory/comparison.py",
           "told = known(row) and any(", "told = any(", INVENTORY),
    Mutant("transitional-states-are-stored", "conductor/inventory/comparison.py",
           'if values["power_state"] in base.TRANSITIONAL:', "if False:", INVENTORY),
    Mutant("returned-gets-another-uuid", "conductor/inventory/comparison.py",
           "new if returned is None else new.replace(uuid=returned.uuid)", "new", INVENTORY),
    Mutant("unchanged-counts-as-missing", "conductor/inventory/comparison.py",
           '        """Take the URL of an Unchanged."""\n        self.seen += 1\n'
           "        number = self._stored.find(resource_url)\n        if number is not None:",
           '        """Take the URL of an Unchanged."""\n        self.seen += 1\n'
           "        number = self._stored.find(resource_url)\n        if False:", INVENTORY),
    # Redfish over HTTP
    Mutant("writes-are-sent-again", "podmanagers/redfish/http/requests.py",
           "        raise failure\n\n    def accepted",
           "        return self._once(path, headers, method, None if body is None else json.dumps(body).encode())"
           "\n\n    def accepted", HTTP),
    Mutant("post-follows-see-other", "podmanagers/redfish/http/requests.py",
           "_KEEPING_METHOD = frozenset({301, 307, 308})", "_KEEPING_METHOD = REDIRECTS", HTTP),
    Mutant("decompression-without-limit", "podmanagers/redfish/http/requests.py",
           "decompress(content, limit + 1)", "decompress(content)",
           (*HTTP, "tests.unit.podmanagers.redfish.http.test_transport")),
    Mutant("what-is-no-resource-is-believed", "podmanagers/redfish/http/requests.py",
           "elif properties.is_resource(document):", "elif True:", HTTP),
    Mutant("redirects-go-round", "podmanagers/redfish/http/requests.py",
           "            path = self._redirected(answer)\n            if path is None or path in passed or",
           "            path = self._redirected(answer)\n            if path is None or", HTTP),
    Mutant("busy-is-an-error", "podmanagers/redfish/http/requests.py",
           "BUSY = frozenset({429, 502, 503, 504})", "BUSY = frozenset({503})", HTTP),
    # Composition by Redfish
    Mutant("another-method-after-any-error", "podmanagers/redfish/composition/methods.py",
           "except introspection_errors.NotOffered as error:", "except Exception as error:", METHODS),
    Mutant("conflicts-are-all-taken-hardware", "podmanagers/redfish/tasks.py",
           "and not any(_OTHER_IDS.search(name) for name, _ in found)", "",
           ("tests.unit.podmanagers.redfish.test_tasks",)),
    Mutant("unread-places-are-stored", "podmanagers/redfish/offers.py",
           "        if facts.capabilities is None or (", "        if (", OFFERS),
    Mutant("choices-are-requested-again", "conductor/nodes/compose.py",
           "        if plan.may_differ:\n", "        if False:\n", EXCHANGE),
    Mutant("smaller-devices-are-enough", "conductor/nodes/exchange.py",
           "for rule in weighing.RULES)", "for rule in weighing.RULES if rule.field in _KINDS)", EXCHANGE),
    # Events
    Mutant("cursor-moves-before-publication", "conductor/events/outbox.py",
           "            self._mark(published)\n        return len(batch)",
           "            self._mark(batch[-1].sequence if batch else published)\n        return len(batch)", OUTBOX),
    Mutant("cursor-stays", "conductor/events/outbox.py",
           "                published = event.sequence\n", "", OUTBOX),
    Mutant("cursor-of-the-version-before-is-lost", "conductor/events/outbox.py",
           "return self._store.get(models.Cursor, WHOLE).sequence", "return 0", OUTBOX),
    Mutant("cursor-ahead-stays", "conductor/events/outbox.py",
           "if cursor.sequence <= self._store.last_number(models.Event):", "if True:",
           (*OUTBOX, "tests.contract.test_restores")),
    Mutant("lost-lease-goes-on", "conductor/events/outbox.py",
           "if self._lease is not None and not self._leases.holds(self._lease):", "if False:", OUTBOX),
    # Operations
    Mutant("poisonous-work-begins-for-ever", "conductor/work/operations.py",
           "if self._attempts >= MOST_ATTEMPTS:", "if False:", OPERATIONS),
    Mutant("cancelled-work-begins", "conductor/work/operations.py",
           "        if self._operation.cancel_requested_at:\n            return errors.Cancelled()\n", "", OPERATIONS),
    Mutant("partial-is-complete", "conductor/work/operations.py",
           '"partial" if counters.get("unread") else "complete"', '"complete"', OPERATIONS),
    Mutant("handing-back-counts", "conductor/work/operations.py",
           "attempts = max(0, self._operation.attempts - 1)", "attempts = self._operation.attempts", OPERATIONS),
    # Conditional and repeated requests
    Mutant("weak-tags-match", "api/http/handler.py",
           'if not weak]\n    return [int', ']\n    return [int', CONDITIONS),
    Mutant("if-match-star-matches-nothing", "api/http/handler.py",
           'if header is None or header.strip() == "*":\n        return None\n    names',
           'if header is None:\n        return None\n    names', CONDITIONS),
    Mutant("key-with-another-request", "conductor/endpoints/repeats.py",
           'if known.request != idempotency["request"]:', "if False:", REPEATED),
    Mutant("key-of-another-user", "api/http/request_body.py",
           "place = [call.context.actor, call.http.path.rstrip(\"/\"), key,",
           "place = [call.http.path.rstrip(\"/\"), key,", REPEATED),
    Mutant("key-at-another-path", "api/http/request_body.py",
           "place = [call.context.actor, call.http.path.rstrip(\"/\"), key,",
           "place = [call.context.actor, key,", REPEATED),
    # Purge
    Mutant("unpublished-events-are-purged", "conductor/events/purge.py",
           'limit = [] if published is None else [store.Filter("sequence", "lte", published)]', "limit = []", PURGE),
    Mutant("purge-without-lease", "conductor/events/purge.py",
           "with self._leases.hold(LEASE):", "if True:", PURGE),
    Mutant("living-conductors-are-purged", "conductor/events/purge.py",
           ', 1, store.Filter("alive", "eq", False))', ", 1)", PURGE),
    # Deadlines
    Mutant("late-calls-are-worked-on", "common/context.py",
           "if bounds and bounds[0] >= self.moment:", "if False:", DEADLINE),
    Mutant("calls-are-dropped-in-doubt", "common/context.py",
           "if bounds and bounds[0] >= self.moment:", "if bounds and bounds[1] >= self.moment:", DEADLINE),
    Mutant("a-late-sign-revives", "common/context.py",
           "if bounds and bounds[1] < self.moment:", "if bounds:", DEADLINE),
    Mutant("deadline-stays-in-the-thread", "common/context.py",
           "    finally:\n        _threads.deadline = None", "    finally:\n        pass", DEADLINE),
    # Access
    Mutant("unreadable-secret-is-fatal", "conductor/inventory/connections.py",
           "        return database.get_without_secrets(models.PodManager, uuid).replace(password=None)",
           "        raise", ACCESS),
    Mutant("maintenance-does-not-end-a-contact", "conductor/inventory/connections.py",
           'CONTACT = (*ACCESS, "maintenance", "conductor_group")', "CONTACT = ACCESS", ACCESS),
    Mutant("decisions-of-others-are-reused", "api/http/auth.py",
           "return self._decide(rule, _frozen(values), project_id,",
           "return self._decide(rule, (), project_id,", POLICY),
    Mutant("project-is-ignored", "api/http/auth.py",
           'target = {} if project_id is None else {"project_id": project_id}', "target = {}", POLICY),
    Mutant("one-member-serves-everything", "conductor/cluster/ownership.py",
           "most = math.ceil(MOST * len(keys) / len(names))", "most = len(keys)", RING),
    Mutant("groups-are-ignored", "conductor/cluster/ownership.py",
           "[name for name, serves in members.items() if group in serves]", "list(members)", RING),
    # Keystone
    Mutant("identity-away-is-401", "api/http/keystone.py",
           "if isinstance(failure.__context__, AWAY):", "if False:", KEYSTONE),
    Mutant("access-rules-of-one-service", "api/http/keystone.py",
           'return guarded.get(f"/{first}", guarded["/"])', 'return guarded["/"]', KEYSTONE),
    # Deletions of pod managers
    Mutant("deletion-is-not-continued", "conductor/work/deletions.py",
           "            return found\n        ended = [", "            return None\n        ended = [", DELETIONS),
    Mutant("deletion-ignores-the-revision", "conductor/work/deletions.py",
           "if revision not in (None, pod_manager.revision) and pod_manager.status != DELETED:", "if False:",
           (*DELETIONS, "tests.unit.conductor.endpoints.test_pod_managers")),
    Mutant("deletion-breaks-off-work", "conductor/work/deletions.py",
           "            if steal and not force:", "            if False:",
           (*DELETIONS, "tests.unit.conductor.endpoints.test_pod_managers")),
    Mutant("deletion-in-the-name-of-the-finisher", "conductor/work/deletions.py",
           "            self._context = operations.context_of(operation)\n", "", DELETIONS),
    Mutant("deletion-cannot-be-stopped", "conductor/work/deletions.py",
           "                    if must_pause():\n                        return False\n", "", DELETIONS),
    Mutant("deletion-tells-of-a-deleted-status", "conductor/work/deletions.py",
           'shown = pod_manager.replace(status=operation.progress.get("status", pod_manager.status))',
           "shown = pod_manager", DELETIONS),
    # Restored databases
    Mutant("restore-is-not-noticed", "conductor/events/restores.py",
           "        if rows and rows[0].sequence == self.sequence:\n            return True\n", "", RESTORES),
    Mutant("purge-is-a-restore", "conductor/events/restores.py",
           "return self._store.last_number(models.Event) < self.sequence", "return True", RESTORES),
    Mutant("every-start-begins-an-epoch", "conductor/events/restores.py",
           "if not (database.leases(ownership.PREFIX) and _rows(database)):", "if True:", RESTORES),
    Mutant("epochs-are-kept-for-ever", "conductor/events/restores.py",
           "_remove(database, rows[:-MOST])", "_remove(database, [])", RESTORES),
    # Documents of pod managers that hang
    Mutant("all-try-a-hanging-one", "api/v1/resources.py",
           'entry["is_tried"] = True', "pass", DETAILS),
    Mutant("an-answer-does-not-end-it", "api/v1/resources.py",
           "self._entries.pop(pod_manager, None)", "pass", DETAILS),
    Mutant("refusals-do-not-end", "api/v1/resources.py",
           'if left <= 0 and not entry["is_tried"]:', "if False:", DETAILS),
    # Backup service
    Mutant("things-of-others-are-found", "backup/changes.py",
           "    if not scope.owns(row):\n        raise missing(model, name)\n    return row", "    return row", SCOPE),
    Mutant("things-of-others-are-found-joined", "backup/changes.py",
           "if not rows or not scope.owns(rows[0]):", "if not rows:", SCOPE),
    Mutant("start-does-not-count", "backup/sessions.py",
           "tag += parameters[\"current_tag\"] == tag", "tag += 0", SESSIONS),
    Mutant("hold-off-is-ignored", "backup/sessions.py",
           "if now - session.time_start <= session.hold_off:", "if False:", SESSIONS),
    Mutant("one-end-ends-the-session", "backup/sessions.py",
           'if any(each.session_status != "completed" for each in present):', "if False:", SESSIONS),
    Mutant("one-success-is-enough", "backup/sessions.py",
           '"success" if all(each.session_result', '"success" if any(each.session_result', SESSIONS),
    Mutant("leaving-keeps-the-schedule", "backup/sessions.py",
           'return [store.Update(job, {"scheduling": {}}), store.Update', "return [store.Update", SESSIONS),
    Mutant("reports-of-running-jobs", "backup/reports.py",
           "return after.result in RESULTS and after.time_ended > 0 and", "return", REPORTS),
    Mutant("run-is-reported-again", "backup/reports.py",
           "and after.time_ended != before.time_ended", "", REPORTS),
    Mutant("log-of-success-is-kept", "backup/reports.py",
           'if told["result"] != "success" else None', "", REPORTS),
    # Introspection
    Mutant("migration-believes-what-it-wrote", "introspection/storages/migration.py",
           "            if self._stored(node_id, suffix) != data:", "            if False:", MIGRATION),
    Mutant("migration-replaces-good-contents", "introspection/storages/migration.py",
           "if recorded and recorded != documents.digest(data):", "if False:", MIGRATION),
    Mutant("migration-hides-what-it-copied", "introspection/storages/migration.py",
           "if not self._recorded(node_id, suffix):", "if False:", MIGRATION),
    Mutant("migration-during-introspection", "introspection/storages/migration.py",
           "if suffix in FIELDS and row and row.state not in ENDED:", "if False:", MIGRATION),
    Mutant("rules-of-other-scopes", "introspection/rules/rules.py",
           'if rule.scope in (None, "", machine["pod_manager"], machine["podm_id"])\n        and', "if", RULES),
    Mutant("ramdisk-sends-node", "introspection/rules/rules.py",
           'document.pop("node", None)', "pass", RULES),
    Mutant("document-after-the-end", "conductor/introspection/intake.py",
           "if row.state not in states.EXPECTING:", "if False:", INTAKE),
    Mutant("reapply-during-introspection", "conductor/introspection/intake.py",
           'if row.state not in (*ENDED, "reapplying"):', "if False:", INTAKE),
    # Requests of web pages, and of proxies
    Mutant("any-origin", "api/http/auth.py",
           "if place is None or place not in self._origins and place != _place(origin, host):", "if False:",
           CROSS_SITE),
    Mutant("any-host", "api/http/auth.py",
           "if host is not None and not self._is_own_host(host):", "if False:", CROSS_SITE),
    Mutant("sites-without-origin", "api/http/auth.py",
           'elif site is not None and site not in ("same-origin", "none") and', "elif False and", CROSS_SITE),
    Mutant("every-proxy-is-believed", "api/http/auth.py",
           "return address is not None and any(address in network for network in self._networks)",
           "return True", PROXIES),
    Mutant("first-address-is-believed", "api/http/auth.py",
           "before := _address(way.pop())", "before := _address(way.pop(0))", PROXIES),
)
# fmt: on
