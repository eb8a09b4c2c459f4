# SPDX-License-Identifier: Apache-2.0
"""Bad bodies, headers, URLs and queries, as bytes on the wire: each is the client's fault, told in the one format.

A table of each kind: what is sent, and how many problems are told of it at once.
"""

from tests.functional import bytes_case

JSON = b"Content-Type: application/json"
GOOD = b'{"name": "row-1", "url": "https://127.0.0.1:9/redfish/v1"}'
DEEP = b"[" * 40 + b"]" * 40
NAME = b'{"name": "row-1", '
URL = b'"url": "https://127.0.0.1:9"}'

#: bodies of POST /v1/pod_managers
BODIES = {
    b"": 1,
    b" ": 1,
    b"{": 1,
    b"}": 1,
    b"nonsense": 1,
    b"'single'": 1,
    b'{"name": "row-1",}': 1,
    b'{name: "row-1"}': 1,
    b'{"name": "row-1"} {}': 1,
    b'{"name": "row-1\n"}': 1,
    b'{"name": "\\x41"}': 1,
    b'{"name": "\\u12"}': 1,
    b"\xff\xfe{\x00}\x00": 1,
    b"\xef\xbb\xbf{}": 1,
    b'{"name": "\xc3"}': 1,
    b'{"name": "\xed\xa0\x80"}': 1,
    b'{"name": "\xc0\xaf"}': 1,
    b"null": 1,
    b"true": 1,
    b"7": 1,
    b"-": 1,
    b"01": 1,
    b'"text"': 1,
    b"[]": 1,
    b"[" + GOOD + b"]": 1,
    b"{}": 2,
    DEEP: 1,
    b'{"a": ' * 5000 + b"1" + b"}" * 5000: 1,
    b"[" * 200_000: 1,
    b'{"url": ' + DEEP + b"}": 1,
    NAME + b'"name": "row-2", ' + URL: 1,
    NAME + b'"name": "row-2", "name": "row-3", "url": "https://127.0.0.1:9", "url": ""}': 4,
    NAME + b'"url": "https://127.0.0.1\\u0000"}': 2,
    b'{"name": "\\u0000", ' + URL: 1,
    b'{"name": "\\ud800", ' + URL: 1,
    b'{"name": "\\udc00\\ud800", ' + URL: 1,
    b'{"\\ud800": 1, "name": "row-1", ' + URL: 2,
    b'{"name": "", "url": ""}': 3,
    b'{"name": "' + b"x" * 256 + b'", ' + URL: 1,
    b'{"name": 7, "url": 7}': 2,
    b'{"name": null, "url": null}': 2,
    b'{"name": ["row-1"], "url": {"href": "x"}}': 2,
    NAME + b'"url": "not a url"}': 1,
    NAME + b'"url": "https://"}': 1,
    NAME + b'"url": "ftp://127.0.0.1"}': 1,
    NAME + b'"url": "https://user:pw@127.0.0.1"}': 1,
    NAME + b'"url": "https://127.0.0.1:99999"}': 1,
    NAME + b'"url": "https://[::1"}': 1,
    NAME + b'"url": "https://127.0.0.1/' + b"x" * 500 + b'"}': 1,
    NAME + b'"maintenance": 1, "driver": null, "description": false, "username": [], ' + URL: 4,
    NAME + b'"maintenance": "true", ' + URL: 1,
    NAME + b'"revision": 7, "status": "online", "uuid": "x", "created_at": "now", ' + URL: 4,
    NAME + b'"revision": 9223372036854775808, ' + URL: 2,
    NAME + b'"revision": -1e400, ' + URL: 2,
    NAME + b'"revision": NaN, "failures": -Infinity, ' + URL: 4,
    NAME + b'"n": ' + b"9" * 10_000 + b", " + URL: 2,
    NAME + b'"colour": "red", "size": 7, ' + URL: 2,
    NAME + b'"__proto__": {}, "constructor": {}, ' + URL: 2,
    NAME + b'"password": 7, "verify_ca": true, ' + URL: 2,
    NAME + b'"password": "' + b"x" * 1025 + b'", ' + URL: 1,
    NAME + b'"driver": "no-such-driver", ' + URL: 1,
    NAME + b'"driver": "../../etc/passwd", ' + URL: 1,
    NAME + b'"authentication": [], ' + URL: 1,
    NAME + b'"authentication": [{}], ' + URL: 2,
    NAME + b'"authentication": [{"type": "basic", "auth_items": {}}], ' + URL: 2,
    NAME + b'"authentication": [{"type": "x", "auth_items": 7}], ' + URL: 2,
    b"{" + b",".join(b'"f%d": 1' % number for number in range(3000)) + b"}": 50,
    b'{"name": "' + b"x" * (1024 * 1024) + b'"}': 1,
}

#: header lines of a POST with a good body, instead of "Content-Type: application/json"
HEADERS = {
    b"X-Nothing: at all": 1,
    b"Content-Type:": 1,
    b"Content-Type: text/plain": 1,
    b"Content-Type: application/x-www-form-urlencoded": 1,
    b"Content-Type: multipart/form-data; boundary=x": 1,
    b"Content-Type: application/merge-patch+json": 1,
    b"Content-Type: application/json; charset=utf-16": 1,
    b"Content-Type: ;;;": 1,
    b"Content-Type: \xff\xfe": 1,
    b"Content-Type: application/json\r\nContent-Type: text/plain": 1,
    b"Content-Type: application/json\r\nAccept: image/png": 1,
    b"Content-Type: application/json\r\nAccept: application/json;q=0": 1,
    b"Content-Type: application/json\r\nAccept: ,,;=;q=x": 1,
    b"Content-Type: application/json\r\nIdempotency-Key: ": 1,
    b"Content-Type: application/json\r\nIdempotency-Key: a b": 1,
    b"Content-Type: application/json\r\nIdempotency-Key: \xe4": 1,
    b"Content-Type: application/json\r\nIdempotency-Key: " + b"x" * 300: 1,
    b"Content-Type: application/json\r\nOpenStack-API-Version: valence 99.9": 1,
    b"Content-Type: application/json\r\nContent-Encoding: gzip\r\nAccept: text/html": 1,
    b"Content-Type: application/json\r\nContent-Length: 3": 1,
    b"Content-Type: application/json\r\nbroken": 1,
    b"Content-Type: application/json\r\n: broken": 1,
    b"Content-Type: application/json\r\nBroken : x": 1,
    b"Content-Type: application/json\r\nHost: other": 1,
    b"Content-Type: application/json\r\nA: \x00": 1,
    b"Content-Type: application/json\r\nA: " + b"x" * 40_000: 1,
}

#: header lines of a PATCH of a pod manager that there is
PATCH_HEADERS = {
    b"If-Match: 1": 1,
    b'If-Match: "1': 1,
    b'If-Match: "1.0" "2.0"': 1,
    b'If-Match: ""': 1,
    b'If-Match: "99999999999999999999999.0"': 1,
    b'If-Match: W/"1.0"': 1,
    b'If-Match: "-1.0"': 1,
    b"If-Match:": 1,
}

#: request targets of a GET
URLS = {
    b"/v2": 1,
    b"/v1/toasters": 1,
    b"/v1/pod_managers/1": 1,
    b"/v1/pod_managers/%00": 1,
    b"/v1/pod_managers/%ff": 1,
    b"/v1/pod_managers/%": 1,
    b"/v1/pod_managers/..%2f..%2fetc%2fpasswd": 1,
    b"/v1/pod_managers/../../etc/passwd": 1,
    b"/v1/pod_managers/5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11": 1,
    b"/v1/pod_managers/5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11/nodes": 1,
    b"/v1/pod_managers/5b5c2d6e3c0f4ce69d1c0f6e3a2b7c11": 1,
    b"/v1/pod_managers/' OR 1=1 --".replace(b" ", b"%20"): 1,
    b"/v1/pod_managers/" + b"x" * 5000: 1,
    b"/v1/pod_manager": 1,
    b"//": 1,
    b"//v1": 1,
    b"/v1//systems": 1,
    b"/V1/systems": 1,
    b"/v1/systems/{uuid}": 1,
    b"/v1/systems;a=b": 1,
    b"/%76%32": 1,
    b"/\xc3\xa4": 1,
    b"/[": 1,
    b"//[": 1,
    b"*": 1,
    b"v1": 1,
    b"http://127.0.0.1/": 1,
    b"/v1#systems": 1,
    b"/" + b"x" * 40_000: 1,
}

#: queries of GET /v1/resources
QUERIES = {
    b"colour=red": 1,
    b"colour=red&size=7&=": 3,
    b"limit=0": 1,
    b"limit=-1&limit=2": 2,
    b"limit=many": 1,
    b"limit=1.0": 1,
    b"limit=%D9%A3": 1,
    b"limit=99999999999999999999999": 1,
    b"limit=1001": 1,
    b"limit=": 1,
    b"marker=": 1,
    b"marker=7": 1,
    b"sort=": 0,
    b"sort=,": 2,
    b"sort=colour,uuid:up,uuid:asc,uuid:desc": 3,
    b"sort=identity": 1,
    b"fields=": 1,
    b"fields=uuid,colour": 1,
    b"fields=etag": 1,
    b"uuid=7&podm_id=x": 2,
    b"podm_id=in:": 1,
    b"podm_id=in:5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11,7": 1,
    b"resource_type=Toaster": 1,
    b"resource_type=in:System,Toaster": 1,
    b'name=in:"a': 1,
    b"name=%ff": 1,
    b"name=%00": 1,
    b"name=%ed%a0%80": 1,
    b"detail=perhaps": 1,
    b"detail=true&limit=500": 1,
    b"parent=x&etag=y": 2,
    b"&".join(b"a%d=1" % number for number in range(90)): 90,
    b"&".join(b"a=1" for number in range(200)): 1,
    b"name=\xff": 1,
}

#: queries of GET /v1/events
EVENT_QUERIES = {
    b"since=yesterday": 1,
    b"since=": 1,
    b"since=-1": 1,
    b"since=0001-01-01T00:00:00Z": 1,
    b"since=5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11": 1,
    b"stream=maybe&since=later": 2,
    b"stream=true&limit=1&marker=5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11&sort=uuid": 3,
    b"sequence=99999999999999999999": 1,
    b"created_at=gt:soon": 1,
    b"old=x&new=y": 2,
}


class BadInputTest(bytes_case.RefusalCase):
    def post_bytes(self, headers, body=GOOD):
        """Return the bytes of a POST."""
        return self.bytes_of(b"POST", b"/v1/pod_managers", headers, body)

    def test_bodies(self):
        self.assert_refused((self.post_bytes(JSON, body), number) for body, number in BODIES.items())
        self.assertEqual([], self.get("/v1/pod_managers").json["pod_managers"])

    def test_headers(self):
        self.assert_refused((self.post_bytes(headers), number) for headers, number in HEADERS.items())
        self.assertEqual([], self.get("/v1/pod_managers").json["pod_managers"])

    def test_headers_of_changes(self):
        target = f"/v1/pod_managers/{self.add_pod_manager()['uuid']}".encode()
        requests = (
            (self.bytes_of(b"PATCH", target, JSON + b"\r\n" + header, b'{"name": "row-2"}'), number)
            for header, number in PATCH_HEADERS.items()
        )
        self.assert_refused(requests)

    def test_urls(self):
        self.assert_refused((self.bytes_of(b"GET", url), number) for url, number in URLS.items())

    def test_queries(self):
        url = b"/v1/resources?"
        self.assert_refused((self.bytes_of(b"GET", url + query), number) for query, number in QUERIES.items())

    def test_queries_of_events(self):
        url = b"/v1/events?"
        self.assert_refused(
            (self.bytes_of(b"GET", url + query), number) for query, number in EVENT_QUERIES.items()
        )

    def test_there_are_enough_of_them(self):
        tables = (BODIES, HEADERS, PATCH_HEADERS, URLS, QUERIES, EVENT_QUERIES)
        self.assertGreater(sum(map(len, tables)), 100)
