# SPDX-License-Identifier: Apache-2.0
"""Which URLs belong to a service."""

from tests import base
from valence.common import errors
from valence.podmanagers.redfish import urls as redfish_urls

PATHS = redfish_urls.Paths("https://10.0.0.7/redfish/v1")


class RootTest(base.TestCase):
    def test_the_root_is_where_the_url_says_or_where_the_standard_says(self):
        for url in ("https://a", "https://a/", "https://a/redfish/v1", "https://a/redfish/v1/"):
            self.assertEqual("/redfish/v1/", redfish_urls.Paths(url).root, url)
        self.assertEqual("/pods/7/", redfish_urls.Paths("https://a/pods/7").root)

    def test_the_origin_has_no_path_and_no_credentials(self):
        paths = redfish_urls.Paths("https://user:secret@a:8443/redfish/v1")
        self.assertEqual(("https://a:8443", "https://a:8443/redfish/v1"), (paths.origin, paths.url))

    def test_an_address_of_version_6_keeps_its_brackets(self):
        self.assertEqual("https://[::1]:8443", redfish_urls.Paths("https://[::1]:8443/redfish/v1").origin)

    def test_other_urls_are_refused(self):
        for url in ("ftp://a/redfish/v1", "10.0.0.7", "https://", "https://a:port/", ""):
            self.assertRaises(errors.PodManagerError, redfish_urls.Paths, url)


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
            "//10.0.0.8/redfish/v1/a",
            "https://10.0.0.8/redfish/v11/a",
            "https://10.0.0.8",
            "http://[/a",
        ):
            self.assertIsNone(PATHS.link(url), url)

    def test_only_the_path_of_a_url_is_used_because_services_name_themselves_differently(self):
        for url in ("https://bmc.example/redfish/v1/a", "http://[::1]:8443/redfish/v1/a/", "redfish/v1/a"):
            self.assertEqual("/redfish/v1/a", PATHS.link(url), url)
        self.assertEqual("/redfish/v1/a#/b/0", PATHS.link("https://bmc.example/redfish/v1/a#/b/0"))

    def test_a_link_of_no_text_leads_nowhere(self):
        self.assertIsNone(PATHS.link(None))

    def test_paths_that_climb_or_hide_something_lead_nowhere(self):
        for url in ("/a/../b", "/a/%2e%2e/b", "/a/%252e%252e/b", "/a/..", "/a\\b", "/a\nb", "a/b", "", "#/a"):
            self.assertIsNone(PATHS.link(url), url)

    def test_dots_within_a_name_are_no_matter(self):
        self.assertEqual("/a/b..c/1.2", PATHS.link("/a/b..c/1.2"))


class MemberTest(base.TestCase):
    """Locations of sessions and subscriptions, in the forms that services give them."""

    COLLECTION = "/redfish/v1/EventService/Subscriptions"

    def test_every_form_of_a_location_is_the_same_path(self):
        for location in (
            f"{self.COLLECTION}/7",
            f"https://10.0.0.7{self.COLLECTION}/7",
            f"https://bmc.example:8443{self.COLLECTION}/7",
            f"{self.COLLECTION[1:]}/7",
            "Subscriptions/7",
            "./7",
            "7",
        ):
            for collection in (self.COLLECTION, f"{self.COLLECTION}/"):
                self.assertEqual(f"{self.COLLECTION}/7", PATHS.member(collection, location), location)

    def test_a_location_that_does_not_lead_below_the_collection_is_none(self):
        for location in (
            None,
            7,
            "",
            "/",
            self.COLLECTION,
            f"{self.COLLECTION}/",
            "/redfish/v1/Systems/1",
            "../7",
            f"{self.COLLECTION}/../../Systems/1",
            f"//bmc.example{self.COLLECTION}/7",
            "https://bmc.example/7",
            "\n",
        ):
            self.assertIsNone(PATHS.member(self.COLLECTION, location), location)

    def test_paths_are_compared_unquoted_and_without_a_slash_at_the_end(self):
        same = {redfish_urls.normal(path) for path in ("/a/b%20c", "/a/b c/", "/a/b%20c/#/d")}
        self.assertEqual({"/a/b c"}, same)

    def test_the_other_form_of_a_path_has_a_slash_at_its_end_or_none(self):
        for path, other in (("/a", "/a/"), ("/a?$expand=.", "/a/?$expand=.")):
            self.assertEqual((other, path), (redfish_urls.toggled(path), redfish_urls.toggled(other)))


class CanonicalTest(base.TestCase):
    def check(self, expected, *urls):
        for url in urls:
            self.assertEqual(expected, redfish_urls.canonical(url), url)

    def test_scheme_host_port_and_root_have_one_form(self):
        self.check(
            "https://pod.example/redfish/v1",
            "https://pod.example",
            "https://pod.example/",
            "HTTPS://Pod.Example:443/redfish/v1/",
            "https://pod.example./redfish/v1",
            "https://pod.example//redfish//v1//",
            "https://pod.example/x/../redfish/./v1",
            "https://pod.example/redfish/%76%31",
            "https://user:secret@pod.example/redfish/v1",
        )
        self.check("http://h:8080/redfish/v1", "http://h:8080")
        self.check("http://h:443/redfish/v1", "http://H:443/")
        self.check("http://h/pods/7", "http://h/pods/7/")

    def test_addresses_have_one_form(self):
        self.check(
            "https://[2001:db8::7]/redfish/v1",
            "https://[2001:DB8:0:0:0:0:0:7]",
            "https://[2001:db8::0007]:443",
        )
        self.check(
            "https://10.0.0.7/redfish/v1", "https://[::ffff:10.0.0.7]", "https://0xa.0.0.7", "https://10.7"
        )
        self.check("http://[fe80::1%eth0]/redfish/v1", "http://[fe80::1%25eth0]/")

    def test_what_is_no_url_is_refused(self):
        for url in ("ftp://a", "a", "http://", "http://a:b"):
            self.assertRaises(errors.PodManagerError, redfish_urls.canonical, url)

    def test_older_spellings_include_the_url_without_a_path(self):
        self.assertEqual(["http://h/redfish/v1", "http://h"], redfish_urls.spellings("http://h/redfish/v1"))
        self.assertEqual(["http://h/pods"], redfish_urls.spellings("http://h/pods"))

    def test_older_spellings_include_the_url_as_it_was_given(self):
        self.assertEqual(
            ["http://h/redfish/v1", "http://h", "http://H:80/"], redfish_urls.spellings("http://H:80/")
        )
