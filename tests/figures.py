# SPDX-License-Identifier: Apache-2.0
"""Figures for Prometheus, as a test reads them."""

import contextlib

from prometheus_client import parser

from valence.common.web import metrics


def value(name, **labels):
    """Return a figure of this process, 0 where it was never set."""
    return metrics.PROCESS.get_sample_value(name, labels) or 0


@contextlib.contextmanager
def growth(name, **labels):
    """Give a function that returns by how much a figure has grown: other tests in the process move it too."""
    before = value(name, **labels)
    yield lambda: value(name, **labels) - before


def parsed(text):
    """Return ``{name: {(label, …): …}}`` of a text in Prometheus' format: label names sorted, to the last value."""
    found = {}
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found
