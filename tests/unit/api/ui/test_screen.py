# SPDX-License-Identifier: Apache-2.0
"""The screen's files, their URLs and headers, and what the session shows."""

import hashlib
import re

from tests.unit.api import case
from valence.api.ui import screen

#: most bytes of all files together
MOST_BYTES = 200_000


class FilesTest(case.APITestCase):
    def test_the_page_is_served_with_its_policy(self):
        response = self.get("/ui/")
        self.assertEqual((200, "text/html; charset=utf-8"), (response.status_code, response.content_type))
        self.assertIn("default-src 'self'", response.headers["Content-Security-Policy"])
        self.assertIn(b'src="app.js"', response.data)

    def test_without_its_slash_it_leads_to_the_page_also_below_a_prefix(self):
        response = self.get("/ui")
        self.assertEqual((308, "ui/"), (response.status_code, response.headers["Location"]))

    def test_a_file_is_sent_once(self):
        response = self.get("/ui/app.js")
        self.assertEqual("text/javascript; charset=utf-8", response.content_type)
        again = self.get("/ui/app.js", If_None_Match=response.headers["ETag"])
        self.assertEqual((304, b""), (again.status_code, again.data))

    def test_no_path_leaves_the_folder(self):
        for path in (
            "../screen.py",
            "%2e%2e/screen.py",
            "pages/../../screen.py",
            "/etc/passwd",
            "pages",
            "none.js",
        ):
            self.assert_error(self.get(f"/ui/{path}"), 404, "valence.no_such_url")

    def test_every_file_that_a_file_names_exists(self):
        found = screen.files()
        for name, file in found.items():
            if not name.endswith(".js") or name.startswith("vendor/"):
                continue
            folder = name.rpartition("/")[0]
            for imported in re.findall(r'from "([.][^"]+)";', file.data.decode()):
                path = screen.FOLDER.joinpath(folder, imported).resolve().relative_to(screen.FOLDER.resolve())
                self.assertIn(path.as_posix(), found, f"{name} imports {imported}")

    def test_they_are_small(self):
        self.assertLessEqual(sum(len(file.data) for file in screen.files().values()), MOST_BYTES)

    def test_the_libraries_are_as_their_authors_published_them(self):
        """tests/ui/vendor.py writes them."""
        found = screen.files()
        lines = found["vendor/versions.txt"].data.decode().splitlines()
        listed = {f"vendor/{file}": digest for _, _, file, digest in map(str.split, lines)}
        vendored = {name for name in found if name.startswith("vendor/")} - {"vendor/versions.txt"}
        self.assertEqual(vendored, listed.keys())
        for name, digest in listed.items():
            self.assertEqual(digest, f"sha256:{hashlib.sha256(found[name].data).hexdigest()}", name)

    def test_none_names_another_host_or_runs_inline(self):
        own = {
            name: file.data.decode()
            for name, file in screen.files().items()
            if not name.startswith("vendor/")
        }
        for name, text in own.items():
            foreign = set(re.findall(r"https?://[\w.-]+", text)) - {"http://www.w3.org", "https://10.0.0.7"}
            self.assertEqual(set(), foreign, name)
            self.assertNotRegex(
                text, r"innerHTML|dangerously|<script(?! type=\"module\" src=)|\beval\(|style=\""
            )


class SessionTest(case.APITestCase):
    def test_it_says_what_the_policy_allows(self):
        session = self.get("/ui/session.json").json
        self.assertEqual("noauth", session["strategy"])
        self.assertIn("nodes:create", session["allowed"])


class DisabledTest(case.APITestCase):
    options = {"api__ui": False}

    def test_there_is_nothing(self):
        self.assert_error(self.get("/ui/"), 404, "valence.no_such_url")
