# SPDX-License-Identifier: Apache-2.0
"""The floor of a request: a bare oslo.messaging call that returns the same bytes, behind a bare Flask route.

Both ends use the broker, the transport, the HTTP server and the numbers of threads of Valence. They do nothing else: no
authentication, validation, rendering or database. What a request of Valence costs beyond the floor is Valence's own.

``python -m tests.bench.floor api|server URL FOLDER PORT`` is one of the two processes; FOLDER has the bodies to answer.
"""

import contextlib
import pathlib
import statistics
import sys
import threading
import time

import fixtures
import flask
import oslo_messaging

from tests import message_bus
from tests import process
from tests.bench import load
from tests.servers import ports
from valence.bus import messaging
from valence.common.web import http_server

TOPIC = "floor"
#: bytes of a body that the API reads
LARGEST = 1 << 20
READY_SECONDS, POLL_SECONDS = 40, 0.1
WARM_UP = 100


class Floor(fixtures.Fixture):
    """The two processes beside a ``site``; ``requests`` are bytes to send by what they ask for."""

    def __init__(self, site, requests):
        super().__init__()
        self._site, self._requests = site, requests

    def _setUp(self):
        self._folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self._port, url = ports.free_port(), self._site.broker.url(self._site.broker.add_vhost())
        with contextlib.closing(load.Connection(self._site.port)) as connection:
            for what, data in self._requests.items():
                pathlib.Path(self._folder, slug(what)).write_bytes(connection.ask(data))
        self._processes = {each: self._start(each, url) for each in ("api", "server")}
        self._wait_until_ready()
        self._gauge = self._site.meter_of(**{each: one.pid for each, one in self._processes.items()})
        for what in self._requests:
            load.run(self._port, [self._request(what)] * WARM_UP, 4)
        self._gauge.watch_idle()

    def measure(self, what, number, clients, rounds=1):
        """Return the CPU milliseconds of a request, the median of ``rounds`` of ``number`` requests each."""
        return statistics.median(
            self._measure([self._request(what)] * number, clients) for _ in range(rounds)
        )

    def _measure(self, requests, clients):
        with self._gauge.measure() as used:
            load.run(self._port, requests, clients)
        return sum(used.cpu.values()) / len(requests) * 1000

    def _request(self, what):
        """Return the request of ``what`` with its body, at the path of the floor."""
        head, _, rest = self._requests[what].partition(b"\r\n")
        method, _, version = head.split(b" ")
        return b" ".join([method, f"/{slug(what)}".encode(), version]) + b"\r\n" + rest

    def _start(self, part, url):
        arguments = ("-m", __name__, part, url, self._folder, self._port)
        return self.useFixture(
            process.Process("python", *arguments, folder=self._folder, name=f"floor-{part}")
        )

    def _wait_until_ready(self):
        until = time.monotonic() + READY_SECONDS
        while not all("ready" in each.log() for each in self._processes.values()):
            if time.monotonic() > until or not all(each.runs() for each in self._processes.values()):
                raise load.LoadError("".join(each.log() for each in self._processes.values()))
            time.sleep(POLL_SECONDS)


def slug(what):
    """Return what is asked for as the name of a file, and of a path."""
    return what.replace(" ", "-").replace("'", "")


class Endpoint:
    """Returns bodies of a folder."""

    def __init__(self, folder):
        self._texts = {
            file.name: file.read_text() for file in pathlib.Path(folder).iterdir() if not file.suffix
        }

    @oslo_messaging.expose
    def answer(self, context, name, body):
        return self._texts[name]


def serve(conf, folder):
    """Answer calls."""
    target = oslo_messaging.Target(topic=TOPIC, server=TOPIC)
    transport, policy = messaging.get_transport(conf), oslo_messaging.ExplicitRPCAccessPolicy
    oslo_messaging.get_rpc_server(
        transport, target, [Endpoint(folder)], executor="threading", access_policy=policy
    ).start()


def listen(conf, port):
    """Answer requests."""
    client = oslo_messaging.get_rpc_client(messaging.get_transport(conf), oslo_messaging.Target(topic=TOPIC))
    application = flask.Flask(TOPIC)

    @application.route("/<name>", methods=["GET", "POST", "PATCH"])
    def answer(name):
        # A body is read as Valence does: it is JSON by whatever media type.
        body = flask.request.get_json(force=True) if flask.request.content_length else None
        return flask.Response(client.call({}, "answer", name=name, body=body), mimetype="application/json")

    server = http_server.Server(
        TOPIC, "127.0.0.1", port, application, threads=conf.api.threads, largest_body=lambda path: LARGEST
    )
    server.start()


def main(part, url, folder, port):
    """Run one of the processes until it is killed."""
    conf = message_bus.configuration(url)
    if part == "server":
        serve(conf, folder)
    else:
        listen(conf, int(port))
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
