# SPDX-License-Identifier: Apache-2.0
"""The lists of the screen: text filters, pages and links."""

from tests.ui import case

#: names of flavors that compare in ways of their own: case, accents, wildcards of SQL, characters beyond 16 bits
NAMES = [
    "Web",
    "w",
    "web",
    "web 1",
    "web%",
    "web-1",
    "web_1",
    "web-2",
    "we\u0301b",
    "w\u00e9b",
    "web\U0001f600",
    "wec",
]
NAMES += [
    "\U0001f600",
    "\U0001f600 a",
    "\U0001f601",
    "100%",
    "1000",
    "1_0",
    "a\U0010ffff",
    "a\U0010ffffb",
    "b",
]


class TextFilterTest(case.BrowserTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in NAMES:
            cls.valence.client.post("/v1/flavors", {"name": name})

    def setUp(self):
        super().setUp()
        self.open("/flavors", "Flavors")
        self.filter = self.page.get_by_label("Name begins with")
        self.read = []
        self.page.on("request", lambda request: self.read.append(request.url))

    def names(self):
        """Return the names in the table."""
        return self.page.locator("tbody td[data-label=Name]").all_inner_texts()

    def wait_for(self, names):
        """Wait until the table shows these names and no other."""
        self.page.wait_for_function(
            """names => JSON.stringify([...document.querySelectorAll("tbody td[data-label=Name]")]
                .map(each => each.textContent)) === JSON.stringify(names)""",
            arg=names,
        )

    def test_it_finds_the_names_that_begin_with_the_text(self):
        for text in (
            "w",
            "web",
            "web-",
            "W",
            "w\u00e9",
            "web%",
            "web_",
            "\U0001f600",
            "1_",
            "a\U0010ffff",
            "nothing",
        ):
            self.filter.fill(text)
            self.wait_for(sorted(name for name in NAMES if name.startswith(text)))

    def test_no_text_ends_the_filter(self):
        self.filter.fill("web")
        self.wait_for(sorted(name for name in NAMES if name.startswith("web")))
        self.filter.fill("")
        self.page.wait_for_function("() => !location.hash.includes('name=')")
        self.see(self.page.get_by_role("cell", name="100%", exact=True))

    def test_only_the_rows_of_the_page_are_read_and_pages_keep_the_filter(self):
        self.page.evaluate("localStorage.setItem('valence.rows', '2')")
        self.page.reload()
        wanted = sorted(name for name in NAMES if name.startswith("web"))
        self.filter.fill("web")
        self.wait_for(wanted[:2])
        self.page.get_by_role("button", name="Next").click()
        self.wait_for(wanted[2:4])
        self.assertIn("name=web", self.page.url)
        self.page.reload()
        self.wait_for(wanted[2:4])
        self.assertEqual("web", self.filter.input_value())
        self.page.go_back()
        self.wait_for(wanted[:2])
        filtered = [url for url in self.read if "/v1/flavors?name=" in url]
        self.assertTrue(filtered)
        for url in filtered:
            self.assertIn("?name=gte:web&name=lt:wec&sort=name:asc&limit=2", url)
        self.page.get_by_role("button", name="Show the command: List the flavors").click()
        self.see(self.page.get_by_text("--property name=gte:web --property name=lt:wec --limit 2"))

    def test_what_is_typed_stays_while_the_list_is_read_again(self):
        self.see(self.page.get_by_role("status").get_by_text("Live"))
        self.filter.fill("appears")
        self.see(self.page.get_by_text("Nothing matches the filters."))
        self.filter.press("End")
        self.filter.type(" ")  # not yet another filter
        made = self.valence.client.post("/v1/flavors", {"name": "appears later"})
        self.addCleanup(self.valence.client.request, "DELETE", f"/v1/flavors/{made['uuid']}")
        self.wait_for(["appears later"])
        self.assertEqual("appears ", self.filter.input_value())

    def test_the_end_of_a_range_is_the_next_text(self):
        for text, wanted in {
            "web": ["gte:web", "lt:wec"],
            "a\ud7ff": ["gte:a\ud7ff", "lt:a\ue000"],
            "a\U0010ffff\U0010ffff": ["gte:a\U0010ffff\U0010ffff", "lt:b"],
            "\U0010ffff": ["gte:\U0010ffff"],
            "\U0001f600": ["gte:\U0001f600", "lt:\U0001f601"],
        }.items():
            found = self.page.evaluate("async text => (await import('./lib.js')).beginsWith(text)", text)
            self.assertEqual(wanted, found)
