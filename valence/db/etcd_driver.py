# SPDX-License-Identifier: Apache-2.0
"""The store on etcd's v2 API, which an etcd before 3.6 has when it is started with --enable-v2."""

import urllib.parse

from valence.db.etcd import location
from valence.db.etcd import paths
from valence.db.etcd import store
from valence.db.etcd.v2 import client
from valence.db.etcd.v2 import keyspace
from valence.db.etcd.v2 import lease_keys

#: names of folders that mean something to etcd
SPECIAL = {"": "%", ".": "%2E", "..": "%2E%2E"}


class EtcdStore(store.EtcdStore):
    """A store whose commits are journals that are applied key by key."""

    def __init__(self, conf, cipher):
        where = location.locate(conf.database)
        etcd = client.Client(where)
        places = paths.Paths(where.prefix, spell)
        super().__init__(etcd, keyspace.Keyspace(etcd, places), places, cipher)

    def _lease_keys(self):
        return lease_keys.LeaseKeys(self.commits)


def spell(text):
    """Return a text as the name of a key: what has a meaning in URLs is escaped."""
    return SPECIAL.get(text) or urllib.parse.quote(text, safe="")
