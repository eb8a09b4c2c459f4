# SPDX-License-Identifier: Apache-2.0
"""The store on etcd's v3 API, which every etcd since 3.3 has."""

from valence.db.etcd import location
from valence.db.etcd import paths
from valence.db.etcd import store
from valence.db.etcd.v3 import gateway
from valence.db.etcd.v3 import keyspace
from valence.db.etcd.v3 import lease_keys


class Etcd3Store(store.EtcdStore):
    """A store whose commits are transactions of etcd."""

    def __init__(self, conf, cipher):
        where = location.locate(conf.database)
        etcd = gateway.Gateway(where)
        places = paths.Paths(where.prefix, str)
        super().__init__(etcd, keyspace.Keyspace(etcd, places), places, cipher)

    def _lease_keys(self):
        return lease_keys.LeaseKeys(self._etcd)
