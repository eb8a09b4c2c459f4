# SPDX-License-Identifier: Apache-2.0
"""Which URLs belong to a service."""

from tests import base
from valence.common import errors
from valence.podmanagers import redfish_paths

PATHS = redfish_paths.Paths("https://10.0.0.7/redfish/v1")


class RootTest(base.TestCase):
    def test_the_root_is_where_the_url_says_or_where_the_standard_says(self):
        for url in ("https://a", "https://a/", "https://a/redfish/v1", "https://a/redfish/v1/"):
            self.assertEqual("/redfish/v1/", redfish_paths.Paths(url).root, url)
        self.assertEqual("/pods/7/", redfish_paths.Paths("https://a/pods/7").root)

    def test_the_origin_has_no_path_and_no_credentials(self):
        paths = redfish_paths.Paths("https://user:secret@a:8443/redfish/v1")
        self.assertEqual(("https://a:8443", "https://a:8443/redfish/v1"), (paths.origin, paths.url))

    def test_an_address_of_version_6_keeps_its_brackets(self):
        self.assertEqual("https://[::1]:8443", redfish_paths.Paths("https://[::1]:8443/redfish/v1").origin)

    def test_other_urls_are_refused(self):
        for url in ("ftp://a/redfish/v1", "10.0.0.7", "https://", "https://a:port/", ""):
            self.assertRaises(errors.PodManagerError, redfish_paths.Paths, url)


class LinkTest(base.TestCase):
    def test_a_path_is_kept_without_a_slash_at_its_end(self):
        self.assertEqual("/redfish/v1/Systems", PATHS.link("/redfish/v1/Systems/"))
        self.assertEqual("/redfish/v1/Systems/a%20b?x=1#/c", PATHS.link("/redfish/v1/Systems/a%20b?x=1#/c"))

    def test_an_absolute_url_of_the_same_place_is_its_path(self):
        for url in ("https://10.0.0.7/a", "https://10.0.0.7:443/a", "HTTPS://10.0.0.7/a"):
            self.assertEqual("/a", PATHS.link(url), url)

    def test_urls_of_other_places_lead_nowhere(self):
        for url in (
            "https://10.0.0.8/a",
            "http://10.0.0.7/a",
            "https://10.0.0.7:8443/a",
            "//10.0.0.8/a",
            "http://[/a",
        ):
            self.assertIsNone(PATHS.link(url), url)

    def test_paths_that_climb_or_hide_something_lead_nowhere(self):
        for url in ("/a/../b", "/a/%2e%2e/b", "/a/%252e%252e/b", "/a/..", "/a\\b", "/a\nb", "a/b", "", "#/a"):
            self.assertIsNone(PATHS.link(url), url)

    def test_dots_within_a_name_are_no_matter(self):
        self.assertEqual("/a/b..c/1.2", PATHS.link("/a/b..c/1.2"))
