# SPDX-License-Identifier: Apache-2.0
"""Requests to a service that redirects, lies about sizes, is slow, or closes connections."""

import gzip
import json
import socket
import threading
import time
import tracemalloc

from tests import clock
from tests.unit.podmanagers import case
from valence.common import composition_errors
from valence.common import errors
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.http import requests

PATH = "/redfish/v1/Systems"
RESOURCE = {"@odata.id": PATH, "Id": "1"}


class HTTPTestCase(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve({PATH: {"Id": "1"}})
        self.http = self.connect(self.service.url)

    def connect(self, url, verify_ca="true"):
        http = requests.HTTP(self.conf.redfish, urls.Paths(url), verify_ca)
        self.addCleanup(http.pool.close)
        return http

    def answer(self, function):
        """Let a function of the request handler answer GET of PATH."""
        self.service.answers[f"GET {PATH}"] = function

    def reason(self, error, function=None):
        """Return why a GET of PATH fails, which must be with this error."""
        raised = self.assertRaises(error, function or (lambda: self.http.get(PATH, {})))
        return raised.kwargs["reason"]

    def get(self):
        """Return the JSON object at PATH."""
        return self.http.document(PATH, self.http.get(PATH, {}))


class GetTest(HTTPTestCase):
    def test_returns_the_answer(self):
        answer = self.http.get(PATH, {})
        self.assertEqual((200, RESOURCE), (answer.status_code, requests.json_object(answer)))

    def test_keeps_the_connection(self):
        ports = set()
        self.answer(lambda handler: (ports.add(handler.client_address), handler.answer(200, {})))
        for _ in range(3):
            self.http.get(PATH, {})
        self.assertEqual(1, len(ports))

    def test_asks_again_when_a_kept_connection_was_closed_by_the_request(self):
        def close_first(handler):
            handler.close_connection = True
            if self.service.count(f"GET {PATH}") > 1:
                handler.answer(200, {})

        self.answer(close_first)
        self.assertEqual(200, self.http.get(PATH, {}).status_code)

    def test_asks_twice_at_most(self):
        self.answer(lambda handler: setattr(handler, "close_connection", True))
        self.assertIn("cut", self.reason(errors.PodManagerUnreachable))
        self.assertEqual(2, self.service.count(f"GET {PATH}"))

    def test_unpacks_what_is_packed_although_nobody_asked(self):
        packed = gzip.compress(json.dumps(RESOURCE).encode())
        self.answer(lambda handler: handler.answer(200, packed, Content_Encoding="gzip"))
        self.assertEqual(RESOURCE, self.get())

    def test_a_port_where_nothing_listens(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            http = self.connect(f"http://127.0.0.1:{free.getsockname()[1]}")
            reason = self.reason(errors.PodManagerUnreachable, lambda: http.get(PATH, {}))
        self.assertIn("nothing listens", reason)


class LimitTest(HTTPTestCase):
    """What a service sends is bounded in time and size."""

    def trickle(self, head, body):
        """Answer byte by byte, each within the time-out."""

        def answer(handler):
            for byte in head + body:
                try:
                    handler.wfile.write(bytes([byte]))
                    handler.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)

        self.answer(answer)

    def check_it_ends(self):
        start = clock.seconds()
        self.assertIn("no complete answer in time", self.reason(errors.PodManagerUnreachable))
        self.assert_in_time(clock.seconds() - start, 5)

    def test_a_body_that_trickles_ends(self):
        self.trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b" " * 500)
        self.check_it_ends()

    def test_a_head_that_trickles_ends(self):
        self.trickle(b"HTTP/1.1 200 OK\r\n", b"X-Header: yes\r\n" * 50)
        self.check_it_ends()

    def test_chunks_that_trickle_end(self):
        self.trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 100)
        self.check_it_ends()

    def test_silence_ends(self):
        silence = threading.Event()
        self.addCleanup(silence.set)
        self.answer(lambda handler: silence.wait(10))
        self.check_it_ends()

    def test_a_document_that_is_too_large_is_not_read(self):
        self.configure(max_document_kib=64)
        http = self.connect(self.service.url)
        self.answer(lambda handler: handler.answer(200, b" " * 200_000))
        reason = self.reason(errors.PodManagerError, lambda: http.get(PATH, {}))
        self.assertEqual("an answer is larger than 64 KiB", reason)
        self.assertEqual(1, self.service.count(f"GET {PATH}"))

    def test_a_document_that_grows_too_large_when_unpacked_is_not_read(self):
        self.configure(max_document_kib=64)
        http = self.connect(self.service.url)
        self.answer(
            lambda handler: handler.answer(200, gzip.compress(b" " * 10_000_000), Content_Encoding="gzip")
        )
        self.assertIn("larger than", self.reason(errors.PodManagerError, lambda: http.get(PATH, {})))

    def test_a_document_is_not_unpacked_beyond_the_limit(self):
        self.configure(max_document_kib=64)
        http = self.connect(self.service.url)
        packed = gzip.compress(b" " * 50_000_000)
        self.answer(lambda handler: handler.answer(200, packed, Content_Encoding="gzip"))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.reason(errors.PodManagerError, lambda: http.get(PATH, {}))
        self.assertLess(tracemalloc.get_traced_memory()[1], 5_000_000)

    def test_a_document_of_just_the_limit_is_read(self):
        self.configure(max_document_kib=64)
        http = self.connect(self.service.url)
        self.answer(lambda handler: handler.answer(200, b" " * 65536))
        self.assertEqual(65536, len(http.get(PATH, {}).content))

    def test_something_packed_in_an_unknown_way_is_told(self):
        self.answer(lambda handler: handler.answer(200, b"???", Content_Encoding="br"))
        self.assertIn("compressed in an unknown way", self.reason(errors.PodManagerError))


class RedirectTest(HTTPTestCase):
    def redirect(self, location):
        self.answer(lambda handler: handler.answer(308, {}, Location=location))

    def test_is_followed_within_the_service(self):
        self.service.documents["/elsewhere/"] = {"Id": "2"}
        for location in ("/elsewhere/", f"{self.service.url}/elsewhere/"):
            self.redirect(location)
            self.assertEqual("2", self.get()["Id"])

    def test_is_not_followed_elsewhere(self):
        other = self.serve({PATH: {}})
        self.redirect(other.url + PATH)
        self.assertIn(f"to {other.url}", self.reason(errors.PodManagerError, self.get))
        self.assertEqual([], other.requests)

    def test_without_a_place_is_an_error(self):
        self.answer(lambda handler: handler.answer(302, {}))
        self.assertIn("redirects", self.reason(errors.PodManagerError, self.get))

    def test_in_a_circle_ends(self):
        self.redirect(PATH)
        self.assertIn("circle", self.reason(errors.PodManagerError, self.get))

    def test_to_the_same_path_by_another_name_of_the_host_is_followed_on_the_registered_host(self):
        self.service.documents[f"{PATH}/"] = {"Id": "2"}
        self.redirect(f"https://bmc.example{PATH}/")
        self.assertEqual("2", self.get()["Id"])

    def test_to_another_scheme_names_the_url_to_register(self):
        self.redirect(f"https://bmc.example{PATH}")
        self.assertIn(f"https://bmc.example{PATH}; register", self.reason(errors.PodManagerError, self.get))
        self.assertEqual(1, self.service.count(f"GET {PATH}"))

    def test_to_a_page_of_another_host_is_not_followed(self):
        for location in ("https://sso.example/login", "//sso.example/login", "https://sso.example"):
            self.redirect(location)
            self.assertIn(location, self.reason(errors.PodManagerError, self.get))


class DocumentTest(HTTPTestCase):
    def check(self, error, status, body=b"{}", **headers):
        """Return why an answer is refused as a document."""
        self.answer(lambda handler: handler.answer(status, body, **headers))
        answer = self.http.get(PATH, {})
        return self.reason(error, lambda: self.http.document(PATH, answer))

    def test_is_a_resource(self):
        self.assertEqual(RESOURCE, self.http.document(PATH, self.http.get(PATH, {})))

    def test_success_without_a_resource_is_none(self):
        for body in (
            b"{}",
            b'{"Id": "1"}',
            b'{"@odata.id": null}',
            b'{"@odata.context": "/redfish/v1/$metadata"}',
        ):
            self.assertIn("no Redfish resource", self.check(errors.PodManagerError, 200, body), body)

    def test_success_with_an_error_is_none(self):
        error = {"error": {"code": "Base.1.18.GeneralError", "message": "out of memory"}}
        for document in (error, RESOURCE | error):
            self.assertIn(
                "(out of memory)", self.check(errors.PodManagerError, 200, json.dumps(document).encode())
            )
        for error, text in (("out of paper", "(out of paper)"), (5, "no Redfish resource")):
            body = json.dumps(RESOURCE | {"error": error}).encode()
            self.assertIn(text, self.check(errors.PodManagerError, 200, body))

    def test_numbers_that_are_none_do_not_make_it_unreadable(self):
        body = json.dumps(RESOURCE)[:-1] + ', "a": NaN, "b": -Infinity, "c": 1e999, "d": ' + "1" * 5000 + "}"
        self.answer(lambda handler: handler.answer(200, body.encode()))
        values = self.http.document(PATH, self.http.get(PATH, {}))
        self.assertEqual([None] * 4, [values[name] for name in "abcd"])

    def test_nothing_there(self):
        for status in (404, 410, 501):
            self.assertIn(PATH, self.check(errors.ResourceGone, status))

    def test_a_service_that_is_busy_is_not_reachable(self):
        for status in (429, 502, 503, 504):
            self.assertIn(str(status), self.check(errors.PodManagerUnreachable, status))

    def test_other_errors(self):
        for status in (400, 403, 405, 500, 202, 304):
            self.assertIn(str(status), self.check(errors.PodManagerError, status))

    def test_a_refusal_does_not_repeat_what_was_sent(self):
        body = {"error": {"message": "the token abc is not known"}}
        self.assertNotIn("abc", self.check(errors.PodManagerAuthFailed, 401, body))

    def test_anything_but_a_json_object(self):
        self.assertIn(
            "text/html", self.check(errors.PodManagerError, 200, b"<html>", Content_Type="text/html")
        )
        for body in (
            b"",
            b"[]",
            b'{"Id": ',
            b"\xff\xfe\xff",
            b'"x"',
            b"[" * 100_000,
        ):
            self.assertIn("it answers with", self.check(errors.PodManagerError, 200, body), body[:20])


class ErrorBodyTest(HTTPTestCase):
    """The status of an error is enough, whatever its body is."""

    def check(self, body, **headers):
        self.answer(lambda handler: handler.answer(401, body, **headers))
        answer = self.http.get(PATH, {})
        self.assertEqual((401, b""), (answer.status_code, answer.content))

    def test_may_be_cut(self):
        self.check(b'{"err', Content_Length=200, Connection="close")

    def test_may_never_end(self):
        self.check(b'{"err', Content_Length=200)

    def test_may_be_too_large(self):
        self.configure(max_document_kib=64)
        self.http = self.connect(self.service.url)
        self.check(b" " * 200_000)

    def test_may_be_packed_in_an_unknown_way(self):
        self.check(b"???", Content_Encoding="br")


class SendTest(HTTPTestCase):
    """A request that changes something is sent once, unless the answer proves that nothing was done."""

    def check_sent_once(self, answer, error=None):
        for method in ("POST", "PATCH", "DELETE"):
            self.service.requests.clear()
            self.service.answers[f"{method} {PATH}"] = answer
            if error:
                self.assertRaises(error, self.http.send, method, PATH, {}, {"a": 1})
            else:
                self.http.send(method, PATH, {}, {"a": 1})
            self.assertEqual([f"{method} {PATH}"], self.service.requests)

    def test_not_again_when_the_connection_is_cut(self):
        self.check_sent_once(
            lambda handler: setattr(handler, "close_connection", True),
            composition_errors.HardwareOutcomeUnknown,
        )

    def test_not_again_when_a_kept_connection_was_closed_by_the_request(self):
        self.http.get(PATH, {})
        self.check_sent_once(
            lambda handler: setattr(handler, "close_connection", True),
            composition_errors.HardwareOutcomeUnknown,
        )

    def test_not_again_when_it_is_not_answered_in_time(self):
        silence = threading.Event()
        self.addCleanup(silence.set)
        self.check_sent_once(lambda handler: silence.wait(10), composition_errors.HardwareOutcomeUnknown)

    def test_not_again_when_the_answer_is_cut(self):
        def cut(handler):
            handler.answer(200, b"{", Content_Length=100)
            handler.close_connection = True

        self.check_sent_once(cut, composition_errors.HardwareOutcomeUnknown)

    def test_not_again_when_the_answer_is_too_large_or_cannot_be_decoded(self):
        too_large = b" " * (self.conf.redfish.max_document_kib * 1024 + 200_000)
        for body, headers in ((too_large, {}), (b"???", {"Content_Encoding": "br"})):
            self.check_sent_once(
                lambda handler, body=body, headers=headers: handler.answer(201, body, **headers),
                composition_errors.HardwareOutcomeUnknown,
            )

    def test_not_again_after_an_error(self):
        for status in (400, 405, 429, 500, 502, 503, 504):
            self.check_sent_once(lambda handler, status=status: handler.answer(status, {}, Retry_After=0))

    def test_not_again_where_a_redirect_may_say_that_it_was_done(self):
        for status in (302, 303):
            self.check_sent_once(
                lambda handler, status=status: handler.answer(status, {}, Location="/redfish/v1/Other")
            )

    def test_elsewhere_where_the_service_redirects_it(self):
        for status in (301, 307, 308):
            self.service.requests.clear()
            self.service.answers[f"POST {PATH}"] = lambda handler, status=status: handler.answer(
                status, {}, Location=f"https://bmc.example{PATH}/"
            )
            self.service.answers[f"POST {PATH}/"] = lambda handler: handler.answer(201, handler.body)
            answer = self.http.send("POST", PATH, {}, {"a": status})
            self.assertEqual((201, f'{{"a": {status}}}'.encode()), (answer.status_code, answer.content))

    def test_in_the_other_form_of_a_path_that_is_not_there(self):
        del self.service.documents[PATH]
        self.service.answers[f"POST {PATH}/"] = lambda handler: handler.answer(201, {})
        self.assertEqual((201, f"{PATH}/"), self.http.send("POST", PATH, {}, {})[::3])


class OutcomeTest(HTTPTestCase):
    """Whether a request may have arrived."""

    def check_not_sent(self, url, verify_ca="true"):
        http = self.connect(url, verify_ca)
        error = self.assertRaises(errors.PodManagerUnreachable, http.send, "POST", PATH, {}, {})
        self.assertIs(errors.PodManagerUnreachable, type(error))

    def test_not_to_a_port_where_nothing_listens(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            for scheme in ("http", "https"):
                self.check_not_sent(f"{scheme}://127.0.0.1:{free.getsockname()[1]}")

    def test_not_to_a_name_that_is_not_known(self):
        self.check_not_sent("http://no-such-host.invalid")

    def test_not_to_a_service_whose_certificate_is_not_accepted(self):
        service = self.serve(tls=True)
        self.check_not_sent(service.url)
        self.assertEqual([], service.requests)

    def test_not_to_a_service_that_ends_or_delays_the_handshake(self):
        for end in (lambda connection: connection.close(), lambda connection: None):
            listener = socket.create_server(("127.0.0.1", 0))
            self.addCleanup(listener.close)
            accepted = []
            thread = threading.Thread(
                target=lambda listener=listener, end=end, accepted=accepted: accepted.append(
                    (connection := listener.accept()[0], end(connection))
                )
            )
            thread.start()
            self.check_not_sent(f"https://127.0.0.1:{listener.getsockname()[1]}")
            thread.join()
            accepted[0][0].close()

    def test_not_while_all_connections_are_in_use(self):
        silence = threading.Event()
        self.answer(lambda handler: silence.wait(10))
        self.configure(max_concurrency=1, read_timeout=3)
        http = self.connect(self.service.url)
        readers = [
            threading.Thread(target=lambda: self.assertRaises(errors.PodManagerError, http.get, PATH, {}))
            for _ in range(http.pool.pool.maxsize)
        ]
        for reader in readers:
            reader.start()
        self.wait_for(lambda: self.service.count(f"GET {PATH}") == len(readers))
        self.configure(read_timeout=1)
        error = self.assertRaises(errors.PodManagerUnreachable, http.send, "POST", PATH, {}, {})
        self.assertIs(errors.PodManagerUnreachable, type(error))
        silence.set()
        for reader in readers:
            reader.join()
        self.assertNotIn(f"POST {PATH}", self.service.requests)

    def test_the_request_before_does_not_matter(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            http = self.connect(f"http://127.0.0.1:{free.getsockname()[1]}")
            http.pool.sending.began = True
            error = self.assertRaises(errors.PodManagerUnreachable, http.send, "POST", PATH, {}, {})
        self.assertIs(errors.PodManagerUnreachable, type(error))

    def test_unknown_if_valence_breaks_the_connection_off(self):
        waiting = threading.Event()
        self.service.answers[f"POST {PATH}"] = lambda handler: waiting.wait(10)
        interrupter = threading.Thread(
            target=lambda: (
                self.wait_for(lambda: self.service.count(f"POST {PATH}")),
                self.http.interruption.interrupt(),
            )
        )
        interrupter.start()
        self.configure(read_timeout=10)
        error = self.assertRaises(
            composition_errors.HardwareOutcomeUnknown, self.http.send, "POST", PATH, {}, {}
        )
        interrupter.join()
        waiting.set()
        self.assertIn("Valence broke the connection off", error.detail)

    def test_unknown_if_a_gateway_answers_that_it_got_no_answer(self):
        for status, kind in (
            (502, composition_errors.HardwareOutcomeUnknown),
            (504, composition_errors.HardwareOutcomeUnknown),
            (503, errors.PodManagerUnreachable),
            (429, errors.PodManagerUnreachable),
            (500, errors.PodManagerError),
        ):
            self.service.answers[f"POST {PATH}"] = lambda handler, status=status: handler.answer(status, {})
            answer = self.http.send("POST", PATH, {}, {})
            error = self.assertRaises(kind, self.http.accepted, PATH, answer)
            self.assertIs(kind, type(error))
            self.assertIn(str(status), error.detail)


class DeleteTest(HTTPTestCase):
    def test_deletes_in_the_form_that_the_service_knows(self):
        del self.service.documents[PATH]
        self.service.answers[f"DELETE {PATH}/"] = lambda handler: handler.answer(204, b"")
        self.http.delete(PATH, {}, 1)
        self.assertEqual([f"DELETE {PATH}", f"DELETE {PATH}/"], self.service.requests)

    def test_deletes(self):
        self.service.answers[f"DELETE {PATH}"] = lambda handler: handler.answer(204, b"")
        self.http.delete(PATH, {"X-Auth-Token": "t"}, 1)
        self.assertEqual([f"DELETE {PATH}"], self.service.requests)

    def test_a_failure_is_no_matter(self):
        self.service.answers[f"DELETE {PATH}"] = lambda handler: setattr(handler, "close_connection", True)
        self.http.delete(PATH, {}, 1)


class AuthoritiesTest(HTTPTestCase):
    def test_a_file_that_cannot_be_used_is_told(self):
        empty = self.make_folder() / "empty.pem"
        empty.touch()
        for file in ("/no/such/file", str(empty), str(self.make_folder())):
            reason = self.reason(
                errors.PodManagerUnreachable, lambda file=file: self.connect("https://127.0.0.1", file)
            )
            self.assertIn(f"file of authorities {file} cannot be used", reason)
