# SPDX-License-Identifier: Apache-2.0
"""The figures of this process for Prometheus; each part of Valence that runs in it adds its own."""

import prometheus_client

#: what /metrics of this process shows, whoever serves it
PROCESS = prometheus_client.CollectorRegistry()

prometheus_client.ProcessCollector(registry=PROCESS)


#: serves them as a WSGI application, at any URL
application = prometheus_client.make_wsgi_app(PROCESS)


def text(*registries):
    """Return the figures of the process, after those of ``registries``, in the text format of Prometheus."""
    return b"".join(prometheus_client.generate_latest(each) for each in (*registries, PROCESS))
