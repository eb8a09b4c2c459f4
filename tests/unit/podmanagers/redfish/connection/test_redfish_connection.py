# SPDX-License-Identifier: Apache-2.0
"""Documents by path: whole, in part, unchanged, or from a service that asks to wait."""

from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers.redfish import connection as redfish_connection

PATH = "/redfish/v1/Systems"
RESOURCE = {"@odata.id": PATH, "Id": "1"}


class ConnectionTestCase(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve({PATH: {"Id": "1", "Parts": [{"Id": "2"}]}})
        self.connection = redfish_connection.Connection(self.conf.redfish, self.pod_manager(self.service.url))
        self.addCleanup(self.connection.close)


class GetTest(ConnectionTestCase):
    def test_returns_document_and_etag(self):
        self.service.answers[f"GET {PATH}"] = lambda handler: handler.answer(200, {"Id": "1"}, ETag='"7"')
        self.assertEqual((RESOURCE, '"7"'), self.connection.get(PATH)[:2])

    def test_asks_with_an_etag_and_takes_304_for_unchanged(self):
        def answer(handler):
            unchanged = handler.headers.get("If-None-Match") == '"7"'
            handler.answer(304, b"") if unchanged else handler.answer(200, {"Id": "1"})

        self.service.answers[f"GET {PATH}"] = answer
        self.assertEqual((None, '"7"', None), self.connection.get(PATH, '"7"'))
        self.assertEqual((RESOURCE, None), self.connection.get(PATH, '"6"')[:2])
        self.assertEqual((RESOURCE, None), self.connection.get(PATH)[:2])

    def test_takes_the_same_bytes_for_unchanged(self):
        digest = self.connection.get(PATH).digest
        self.assertEqual((None, None, digest), self.connection.get(PATH, digest=digest))
        self.service.documents[PATH]["Id"] = "2"
        changed = self.connection.get(PATH, digest=digest)
        self.assertEqual("2", changed.content["Id"])
        self.assertNotEqual(digest, changed.digest)

    def test_an_error_with_the_same_bytes_is_an_error(self):
        digest = self.connection.get(PATH).digest
        body = self.service.documents[PATH]
        self.service.answers[f"GET {PATH}"] = lambda handler: handler.answer(500, body)
        self.assertRaises(errors.PodManagerError, self.connection.get, PATH, digest=digest)

    def test_304_to_a_question_without_etag_is_an_error(self):
        self.service.answers[f"GET {PATH}"] = lambda handler: handler.answer(304, b"")
        self.assertRaises(errors.PodManagerError, self.connection.get, PATH)

    def test_returns_the_part_that_a_fragment_names(self):
        self.assertEqual({"Id": "2"}, self.connection.get(f"{PATH}#/Parts/0").content)

    def test_a_part_that_is_not_there_is_gone(self):
        self.assertRaises(errors.ResourceGone, self.connection.get, f"{PATH}#/Parts/1")
        self.assertRaises(errors.ResourceGone, self.connection.get, f"{PATH}#/Id")


class BusyTest(ConnectionTestCase):
    def be_busy(self, status, **headers):
        """Answer the first question for PATH with this status."""

        def answer(handler):
            first = self.service.count(f"GET {PATH}") == 1
            handler.answer(status, {}, **headers) if first else handler.answer(200, {"Id": "1"})

        self.service.answers[f"GET {PATH}"] = answer

    def test_is_asked_once_more_after_a_short_wait_that_it_asks_for(self):
        for status in (429, 503):
            self.service.requests.clear()
            self.be_busy(status, Retry_After=0)
            self.assertEqual(RESOURCE, self.connection.get(PATH).content)

    def test_is_not_waited_for_long(self):
        self.be_busy(503, Retry_After=600)
        self.assertRaises(errors.PodManagerUnreachable, self.connection.get, PATH)

    def test_is_not_asked_again_if_it_does_not_ask_to(self):
        for headers in ({}, {"Retry_After": "Fri, 31 Dec 1999 23:59:59 GMT"}, {"Retry_After": "-1"}):
            self.service.requests.clear()
            self.be_busy(503, **headers)
            self.assertRaises(errors.PodManagerUnreachable, self.connection.get, PATH)

    def test_is_not_waited_for_while_the_connection_is_closed(self):
        self.connection.get(PATH)
        self.connection._closed.set()
        self.assertFalse(self.connection._waited("3"))


class SlashTest(ConnectionTestCase):
    """Services that know their paths only with, or only without, a slash at the end."""

    def move(self, path, new):
        self.service.documents[new] = self.service.documents.pop(path)

    def test_a_path_that_is_known_only_with_a_slash_is_read_and_the_form_is_remembered(self):
        self.move(PATH, f"{PATH}/")
        for _ in range(2):
            self.assertEqual("1", self.connection.get(PATH).content["Id"])
        forms = [f"GET {PATH}", f"GET {PATH}/", f"GET {PATH}/"]
        self.assertEqual(forms, [each for each in self.service.requests if PATH in each])

    def test_a_query_keeps_its_place(self):
        self.move(PATH, f"{PATH}/?$expand=.")
        self.assertEqual("1", self.connection.get(f"{PATH}?$expand=.").content["Id"])

    def test_a_redirect_to_the_form_with_a_slash_is_followed_once(self):
        self.service.documents[f"{PATH}/"] = self.service.documents[PATH]
        self.service.answers[f"GET {PATH}"] = lambda handler: handler.answer(
            301, b"", Location=f"https://bmc.example{PATH}/"
        )
        for _ in range(3):
            self.assertEqual("1", self.connection.get(PATH).content["Id"])
        self.assertEqual(1, self.service.count(f"GET {PATH}"))

    def test_what_is_not_there_costs_one_request_once_a_document_was_read(self):
        self.connection.get(PATH)
        self.service.requests.clear()
        self.assertRaises(errors.ResourceGone, self.connection.get, f"{PATH}/9")
        self.assertEqual([f"GET {PATH}/9"], self.service.requests)

    def test_a_service_may_know_some_paths_with_a_slash_and_others_without(self):
        self.connection.get(PATH)
        self.service.documents[f"{PATH}/1/"] = {"Id": "one"}
        self.assertEqual(f"{PATH}/1", self.connection.paths.link(f"{PATH}/1/"))
        self.assertEqual("one", self.connection.get(f"{PATH}/1").content["Id"])
        self.assertEqual("1", self.connection.get(PATH).content["Id"])

    def test_the_root_is_found_in_either_form(self):
        self.move(case.ROOT, case.ROOT.rstrip("/"))
        for status in (401, 403, 404, 500):
            self.service.answers[f"GET {case.ROOT}"] = lambda handler, status=status: handler.answer(
                status, {}
            )
            connection = redfish_connection.Connection(self.conf.redfish, self.pod_manager(self.service.url))
            self.addCleanup(connection.close)
            for _ in range(2):
                self.assertEqual("Root", connection.root()["Id"])


class RootTest(ConnectionTestCase):
    def test_is_read_anew_each_time(self):
        self.connection.root()
        self.service.documents[case.ROOT]["Name"] = "changed"
        self.assertEqual("changed", self.connection.root()["Name"])

    def test_that_is_not_there_is_no_redfish_service(self):
        del self.service.documents[case.ROOT]
        error = self.assertRaises(errors.PodManagerError, self.connection.root)
        self.assertNotIsInstance(error, errors.ResourceGone)
        self.assertIn("does not lead to a Redfish service", error.kwargs["reason"])

    def test_that_is_a_web_page_is_told(self):
        self.service.answers[f"GET {case.ROOT}"] = lambda handler: handler.answer(
            200, b"<html>", Content_Type="text/html"
        )
        error = self.assertRaises(errors.PodManagerError, self.connection.root)
        self.assertIn("text/html", error.kwargs["reason"])

    def test_credentials_in_the_url_are_not_told(self):
        url = self.service.url.replace("http://", "http://user:hunter2@")
        connection = redfish_connection.Connection(self.conf.redfish, self.pod_manager(url))
        self.addCleanup(connection.close)
        del self.service.documents[case.ROOT]
        error = self.assertRaises(errors.PodManagerError, connection.root)
        self.assertNotIn("hunter2", error.detail)
