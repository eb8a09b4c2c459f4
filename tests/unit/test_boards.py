# SPDX-License-Identifier: Apache-2.0
"""The Grafana board and the alert rules in etc/valence ask for figures, and labels, that there are."""

import itertools
import json
import pathlib
import re

import prometheus_client
import yaml

from tests import base
from valence.api.http import app
from valence.common.web import metrics
from valence.conductor import service
from valence.conductor.monitoring import work_metrics

#: the module that loads every other one in which metrics of a conductor are made
CONDUCTOR = service.__name__
SAMPLES = pathlib.Path(__file__).parents[2] / "etc" / "valence"
SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""], "unknown": [""]}
#: labels that Prometheus adds
ADDED = {"job", "instance", "severity"}
SELECTOR = re.compile(r"\b((?:valence|process)_\w+)(?:\{([^}]*)\})?")
GROUPING = re.compile(r"by \(([^)]*)\)")
USED_LABEL = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


def series():
    """Return the labels of every series that Valence's processes have, by its name."""
    own = app.Metrics(feed=None)._registry
    found = {}
    for registry in (own, metrics.PROCESS):
        for collector in registry._collector_to_names:
            labels = set(getattr(collector, "_labelnames", ()))
            for family in collector.describe() if hasattr(collector, "describe") else collector.collect():
                found |= {family.name + suffix: labels for suffix in SUFFIXES[family.type]}
    return found


def panels():
    board = json.loads((SAMPLES / "grafana-dashboard.json").read_text())
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def rules():
    groups = yaml.safe_load((SAMPLES / "prometheus-rules.yaml").read_text())["groups"]
    return list(itertools.chain.from_iterable(group["rules"] for group in groups))


class ExpressionCase(base.TestCase):
    def assert_is_answered(self, expression, texts=()):
        """Check that what an expression names is there, and that ``texts`` use labels that its result has."""
        known, labels = series(), set()
        for name, conditions in SELECTOR.findall(expression):
            self.assertIn(name, known, expression)
            used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", conditions))
            self.assertEqual(set(), used - known[name] - ADDED - {"le"}, expression)
            labels |= known[name] | {"le"}
        groupings = GROUPING.findall(expression)
        grouped = {label.strip() for grouping in groupings for label in grouping.split(",")}
        self.assertEqual(set(), grouped - labels - ADDED, expression)
        shown = {label for text in texts for label in USED_LABEL.findall(text)}
        self.assertEqual(set(), shown - (grouped or labels | ADDED), expression)

    def assert_is_balanced(self, expression):
        for opening, closing in ("()", "{}", "[]"):
            self.assertEqual(expression.count(opening), expression.count(closing), expression)


class BoardTest(ExpressionCase):
    def test_every_panel_asks_for_figures_that_there_are(self):
        targets = [target for panel in panels() for target in panel["targets"]]
        self.assertGreater(len(targets), 20)
        for target in targets:
            self.assert_is_answered(target["expr"], [target["legendFormat"]])
            self.assert_is_balanced(target["expr"])

    def test_panels_lie_beside_each_other(self):
        taken = set()
        for panel in panels():
            place = panel["gridPos"]
            cells = {
                (place["x"] + column, place["y"] + row)
                for column in range(place["w"])
                for row in range(place["h"])
            }
            self.assertEqual(set(), cells & taken, panel["title"])
            taken |= cells

    def test_every_figure_of_the_conductor_is_on_it(self):
        shown = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
        made = [
            each
            for each in vars(work_metrics).values()
            if isinstance(each, prometheus_client.metrics.MetricWrapperBase)
        ]
        self.assertEqual([], [each._name for each in made if each._name not in shown])


class RuleTest(ExpressionCase):
    def test_every_rule_asks_for_figures_that_there_are(self):
        self.assertGreater(len(rules()), 10)
        for rule in rules():
            texts = rule["annotations"].values()
            self.assert_is_answered(rule["expr"], texts)
            self.assert_is_balanced(rule["expr"])

    def test_every_alert_says_what_is_wrong_and_what_to_do(self):
        for rule in rules():
            self.assertEqual({"summary", "action"}, set(rule["annotations"]), rule["alert"])
            self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
        names = [rule["alert"] for rule in rules()]
        self.assertEqual(sorted(set(names)), sorted(names))
