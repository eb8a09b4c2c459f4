# SPDX-License-Identifier: Apache-2.0
"""Figures of the API for Prometheus: requests, their time, failures behind the API, streams."""

import flask
import prometheus_client

from valence.api import description
from valence.common import metrics

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Metrics:
    """The figures of one application; ``feed`` knows the streams."""

    def __init__(self, feed):
        self._registry = prometheus_client.CollectorRegistry()
        self._requests = self._make(
            prometheus_client.Counter, "requests", "Requests answered.", "route", "method", "status"
        )
        self._seconds = self._make(
            prometheus_client.Histogram, "request_seconds", "Time until the answer.", "route", "method"
        )
        self._failures = self._make(
            prometheus_client.Counter, "rpc_failures", "Requests that failed behind the API.", "code"
        )
        self._make(prometheus_client.Gauge, "event_streams", "Open event streams.").set_function(
            lambda: feed.streams
        )

    def answered(self, route, method, status, seconds):
        """Count a request to the URL template ``route``; None is a URL that there is not."""
        labels = (route or "none", method if method in METHODS else "other")
        self._requests.labels(*labels, str(status)).inc()
        self._seconds.labels(*labels).observe(seconds)

    def failed(self, code):
        """Count a failure of what is behind the API."""
        self._failures.labels(code).inc()

    def text(self):
        """Return the figures of the application and of the process in the text format of Prometheus."""
        return metrics.text(self._registry)

    def _make(self, kind, name, text, *labels):
        return kind(f"valence_api_{name}", text, labels, registry=self._registry)


@description.described(answers={200: {"type": "string"}}, answer_types=("text/plain",))
def show(call):
    """Show the figures of this process in the text format of Prometheus."""
    return flask.Response(call.services.metrics.text(), content_type=prometheus_client.CONTENT_TYPE_LATEST)
