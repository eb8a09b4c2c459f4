# SPDX-License-Identifier: Apache-2.0
"""The figures of this process for Prometheus; each part of Valence that runs in it adds its own."""

import prometheus_client

#: buckets of histograms of calls and accesses, in seconds
CALL_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
#: what /metrics of this process shows, whoever serves it
PROCESS = prometheus_client.CollectorRegistry()

prometheus_client.ProcessCollector(registry=PROCESS)


#: serves them as a WSGI application, at any URL
application = prometheus_client.make_wsgi_app(PROCESS)


def text(*registries: prometheus_client.CollectorRegistry) -> bytes:
    """Return the figures of the process, after those of ``registries``, in the text format of Prometheus."""
    return b"".join(prometheus_client.generate_latest(each) for each in (*registries, PROCESS))
