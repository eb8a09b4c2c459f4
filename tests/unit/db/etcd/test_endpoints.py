# SPDX-License-Identifier: Apache-2.0
"""Where etcd is, from the URL of the database."""

from oslo_config import cfg

from tests import base
from valence.common import errors
from valence.common.configuration import config
from valence.db import options
from valence.db.etcd import endpoints


class LocationTest(base.TestCase):
    def locate(self, url):
        conf = cfg.ConfigOpts()
        config.register(conf)
        conf([])
        options.register(conf)
        conf.set_override("connection", url, "database")
        return endpoints.locate(conf.database)

    def test_endpoints_sign_in_and_prefix_are_told_apart(self):
        found = self.locate("etcd3://me:p%40s%2Fs@a:1,b,[::1]:3/one/two")
        self.assertEqual((("a", 1), ("b", 2379), ("::1", 3)), found.endpoints)
        self.assertEqual(("me", "p@s/s", "one/two"), (found.user, found.password, found.prefix))

    def test_no_error_shows_a_part_of_the_password(self):
        for password in (
            "s3cret/more",
            "s3cret?more",
            "s3cret#more",
            "12/s3cret",
            "s3cret[more",
            "s3cret]more",
        ):
            url = f"etcd3://me:{password}@127.0.0.1:2379/valence"
            error = self.assertRaises(errors.StoreUnavailable, self.locate, url)
            self.assertIn("[database] connection", error.detail)
            for part in ("s3cret", "more", "me:"):
                self.assertNotIn(part, error.detail, password)

    def test_the_endpoint_that_is_wrong_is_named(self):
        for url in ("etcd://a:1,b:x/", "etcd://a:1,b:99999/", "etcd://a:1,:2/"):
            self.assertIn("endpoint 2", self.assertRaises(errors.StoreUnavailable, self.locate, url).detail)
