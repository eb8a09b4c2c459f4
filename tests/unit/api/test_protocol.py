# SPDX-License-Identifier: Apache-2.0
"""Header lines; what a whole connection does is tested with the server."""

import io

from tests import base
from valence.api import protocol


def read(*lines):
    """Return the headers that lines hold."""
    headers = {}
    protocol.read_headers(io.BytesIO(b"\r\n".join([*lines, b"", b""])), headers)
    return headers


class ReadHeadersTest(base.TestCase):
    def test_names_have_one_spelling_and_values_no_space_around(self):
        self.assertEqual({b"Host": b"x", b"If-Match": b'"1"'}, read(b"hOST:x", b'if-match: \t"1" '))

    def test_lists_are_joined(self):
        self.assertEqual({b"Accept": b"a/b, c/d"}, read(b"Accept: a/b", b"Accept: c/d"))

    def test_underscores_are_dropped(self):
        self.assertEqual({}, read(b"X_Auth_Token: x", b"Content_Length: 7"))

    def test_what_servers_could_read_differently_is_refused(self):
        wrong = [
            (b"Content-Length: 1", b"Content-Length: 2"),
            (b"Content-Length: 1", b"content-length: 1"),
            (b"Content-Length: 1", b"Transfer-Encoding: chunked"),
            (b"Content-Length : 1",),
            (b"Content-Length: +1",),
            (b"Content-Length: 1_0",),
            (b"Content-Length: 1, 1",),
            (b"Content-Length:",),
            (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
            (b"Host: a", b"Host: b"),
            (b" folded: at once",),
            (b"A: b", b" folded"),
            (b"no colon",),
            (b": no name",),
            (b"A b: c",),
            (b"A: b\x00c",),
            (b"A: b\rc",),
            (b"A: b\nc: d",),
            (b"\x00: a",),
        ]
        for lines in wrong:
            self.assertRaises(ValueError, read, *lines)

    def test_an_end_too_soon_is_refused(self):
        self.assertRaises(ValueError, protocol.read_headers, io.BytesIO(b"A: b\r\n"), {})
