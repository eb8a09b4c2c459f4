# SPDX-License-Identifier: Apache-2.0
"""Query parameters."""

import pathlib
import re

from tests import base
from tests.unit.api import case
from valence.api import v1
from valence.api.model import query
from valence.common import errors
from valence.db import models


def parse(text, model=models.PodManager, **keywords):
    """Return the Query of a URL's query."""
    return query.parse(model, text, **{"max_limit": 1000, "default_limit": 100, "extra": {}} | keywords)


def problems(text, **keywords):
    """Return the parameters that are wrong, each as often as it is."""
    try:
        parse(text, **keywords)
    except errors.ValidationFailed as error:
        return [problem["path"] for problem in error.problems]
    return []


class FilterTest(base.TestCase):
    def test_plain_values_are_compared(self):
        self.assertEqual([["name", "eq", "row-7"]], parse("name=row-7").filters)

    def test_operators_come_before_the_value(self):
        for operator in ("neq", "gt", "gte", "lt", "lte", "eq"):
            self.assertEqual([["revision", operator, 7]], parse(f"revision={operator}:7").filters)

    def test_a_text_that_looks_like_an_operator_can_be_said(self):
        self.assertEqual([["name", "eq", "gt:7"]], parse("name=eq:gt:7").filters)

    def test_several_conditions_on_a_field_hold_together(self):
        filters = parse(
            "created_at=gte:2026-01-01T00:00:00Z&created_at=lt:2026-02-01T00:00:00%2B01:00"
        ).filters
        self.assertEqual(
            [["created_at", "gte", "2026-01-01T00:00:00Z"], ["created_at", "lt", "2026-01-31T23:00:00Z"]],
            filters,
        )

    def test_one_of_several(self):
        self.assertEqual([["name", "in", ["a", "b,c", ""]]], parse('name=in:a,"b,c",').filters)

    def test_values_have_the_type_of_their_field(self):
        self.assertEqual([["maintenance", "eq", True]], parse("maintenance=true").filters)
        self.assertEqual([["uuid", "eq", case.UUID]], parse(f"uuid={case.UUID.upper()}").filters)
        wrong = (
            "maintenance=often&uuid=7&status=asleep&revision=one&created_at=yesterday&name=in:&revision=9"
            + "9" * 19
        )
        self.assertEqual(
            ["maintenance", "uuid", "status", "revision", "created_at", "name", "revision"], problems(wrong)
        )

    def test_broken_quotes_are_refused(self):
        self.assertEqual(["name", "name"], problems('name=in:"a&name=in:"a"b'))

    def test_what_is_not_shown_cannot_be_guessed(self):
        self.assertEqual(["password"], problems("password=gt:a"))
        self.assertEqual(["identity"], problems("identity=a", model=models.ResourceWithState))

    def test_an_unknown_parameter_names_the_known_ones(self):
        error = self.assertRaises(errors.ValidationFailed, parse, "colour=red")
        for name in ("name", "status", "limit", "marker", "sort", "fields"):
            self.assertIn(name, error.problems[0]["hint"])
        self.assertNotIn("password", error.problems[0]["hint"])


class PagingTest(base.TestCase):
    def test_a_page_has_a_size(self):
        self.assertEqual(100, parse("").limit)
        self.assertEqual(7, parse("limit=7").limit)
        self.assertEqual(50, parse("", max_limit=50).limit)

    def test_a_size_has_bounds(self):
        for wrong in ("0", "-1", "1001", "x", "", "1.5", "1e3", "٣"):
            self.assertEqual(["limit"], problems(f"limit={wrong}"))

    def test_a_page_without_rows_is_for_a_count(self):
        asked = parse("limit=0&with_count=true")
        self.assertEqual((0, True), (asked.limit, asked.with_count))
        self.assertFalse(parse("").with_count)
        self.assertEqual(["limit"], problems("limit=0&with_count=false"))
        self.assertEqual(["with_count"], problems("with_count=many"))

    def test_sort_keys(self):
        self.assertEqual([["name", False], ["created_at", True]], parse("sort=name:asc,created_at:desc").sort)
        self.assertEqual([["name", False]], parse("sort=name").sort)

    def test_wrong_sort_keys(self):
        for wrong in ("colour", "name:up", "name,name:desc", "password", "name,"):
            self.assertEqual(["sort"], problems(f"sort={wrong}"))

    def test_json_is_not_sorted_by(self):
        self.assertEqual(["sort"], problems("sort=steps", model=models.Operation))

    def test_marker_is_a_key(self):
        self.assertEqual(case.UUID, parse(f"marker={case.UUID}").marker)
        self.assertEqual(["marker"], problems("marker=7"))

    def test_fields_are_public_ones(self):
        self.assertEqual(["name", "url"], parse("fields=name,url,name").fields)
        self.assertEqual(["fields"], problems("fields=name,password"))
        self.assertEqual(["fields"], problems("fields="))

    def test_all_problems_at_once(self):
        self.assertEqual(["x", "y", "sort", "marker", "limit"], problems("x=1&y=2&limit=0&marker=z&sort=q"))

    def test_a_parameter_that_counts_once_is_given_once(self):
        self.assertEqual(["limit"], problems("limit=1&limit=2"))


class PairTest(base.TestCase):
    def test_broken_queries_are_refused(self):
        for text in ("name=%ff", "name=a%00", "%00=1", "&".join(["a=1"] * 101)):
            self.assertRaises(errors.BadRequest, query.pairs, text)


class OptionTest(base.TestCase):
    def test_only_what_is_allowed(self):
        self.assertEqual({"force": True}, query.options("force=yes", {"force": query.boolean}))
        error = self.assertRaises(
            errors.ValidationFailed, query.options, "force=perhaps&a=1", {"force": query.boolean}
        )
        self.assertEqual(["force", "a"], [problem["path"] for problem in error.problems])

    def test_an_empty_value_is_true_only_where_it_shows_more(self):
        self.assertEqual({"stream": True}, query.options("stream", {"stream": query.flag}))
        self.assertEqual({"stream": False}, query.options("stream=false", {"stream": query.flag}))
        for text in ("force", "force="):
            self.assertRaises(errors.ValidationFailed, query.options, text, {"force": query.boolean})

    def test_no_request_that_changes_something_takes_an_empty_value_for_true(self):
        reading = {"all_projects", "detail", "stream"}
        found = pathlib.Path(v1.__path__[0]).parent.rglob("*.py")
        flags = {name for path in found for name in re.findall(r'"(\w+)": query\.flag\b', path.read_text())}
        self.assertEqual(reading, flags)


class CostTest(base.TestCase):
    def test_what_a_query_asks_for_is_limited(self):
        self.assertEqual(["name"], problems("name=in:" + ",".join(map(str, range(501)))))
        self.assertEqual(["sort"], problems("sort=" + ",".join(["name"] * 5000)))
        self.assertEqual(["fields"], problems("fields=" + ",".join(map(str, range(201)))))

    def test_as_much_as_is_allowed_is_taken(self):
        self.assertEqual([], problems("name=in:" + ",".join(map(str, range(500)))))
