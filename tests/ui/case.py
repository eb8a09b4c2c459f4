# SPDX-License-Identifier: Apache-2.0
"""A site with a simulated pod and a browser, both started once for a class of tests.

Playwright drives the Chromium of the distribution. A test fails if a page logs an error, violates the
Content-Security-Policy or sends a request to another host.
"""

import os
import pathlib
import re
import shutil
import urllib.parse

import fixtures
from axe_playwright_python import sync_playwright
from playwright import sync_api

from tests import base
from tests import deployment

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
#: milliseconds to wait for what a page shows: generous, so that a busy machine fails no test
PATIENCE = 30_000
#: tags of the rules of axe-core
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SIZE = {"width": 1366, "height": 768}
#: what Chromium logs about a response that is an error; a test says which it expects
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
_UNREACHABLE = re.compile(r"Failed to load resource: net::ERR_|.*net::ERR_INCOMPLETE_CHUNKED_ENCODING")


class Browser(fixtures.Fixture):
    """Chromium without a window: ``browser``."""

    def _setUp(self):
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise RuntimeError(f"The tests of the screen need one of {', '.join(PROGRAMS)}; see bindep.txt.")
        playwright = sync_api.sync_playwright().start()
        self.addCleanup(playwright.stop)
        # Chromium refuses its sandbox to root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        self.browser = playwright.chromium.launch(executable_path=program, args=arguments)
        self.addCleanup(self.browser.close)


class BrowserTestCase(base.TestCase):
    """Tests of pages: ``page`` is a new one in a context of its own, ``valence`` the site, by default the demo."""

    time_limit = 180

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.use(fixtures.TempDir()).path)
        cls.valence = cls.use(cls.site())
        cls.browser = cls.use(Browser()).browser

    @classmethod
    def site(cls):
        """Return what serves the pages."""
        return deployment.AllInOne(cls.folder, *cls.arguments())

    @classmethod
    def arguments(cls):
        """Return the arguments of ``valence-all-in-one``."""
        return ("--demo",)

    @classmethod
    def use(cls, fixture):
        """Set a fixture up for all tests of the class, and return it."""
        fixture.setUp()
        cls.addClassCleanup(fixture.cleanUp)
        return fixture

    def setUp(self):
        super().setUp()
        #: statuses of responses that the test causes, and whether it stops the API
        self.expected, self.unreachable = set(), False
        self.errors, self.hosts = [], set()
        self.page = self.new_page()

    def tearDown(self):
        self.assertEqual([], self.errors)
        self.assertLessEqual(self.hosts, {urllib.parse.urlsplit(self.valence.client.url).netloc})
        super().tearDown()

    def new_page(self, **options):
        """Return a page in a context of its own that is watched for errors and foreign hosts."""
        context = self.browser.new_context(viewport=SIZE, **options)
        self.addCleanup(context.close)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", self._logged)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._requested)
        return page

    def _logged(self, message):
        refused = _REFUSED.match(message.text)
        if refused and int(refused[1]) in self.expected:
            return
        if self.unreachable and _UNREACHABLE.match(message.text):
            return
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _requested(self, request):
        parts = urllib.parse.urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss"):
            self.hosts.add(parts.netloc)

    def open(self, path, heading=None, page=None):
        """Open a page by its deep link and wait for its heading."""
        page = page or self.page
        page.goto(f"{self.valence.client.url}/ui/#{path}")
        if heading:
            self.see(page.get_by_role("heading", level=1, name=heading, exact=True))
        return page

    def assert_accessible(self, *rules, page=None):
        """Check a page by axe-core: all rules of WCAG 2.2 AA, or some rules."""
        wanted = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": WCAG}
        found = sync_playwright.Axe().run(page or self.page, options={"runOnly": wanted}).response
        violations = [
            (each["id"], node["html"][:200], node["failureSummary"])
            for each in found["violations"]
            for node in each["nodes"]
        ]
        self.assertEqual([], violations)

    def see(self, locator):
        """Wait until something is visible, and return it."""
        locator.first.wait_for()
        return locator.first

    def gone(self, locator):
        """Wait until something is not visible."""
        locator.first.wait_for(state="hidden")
