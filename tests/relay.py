# SPDX-License-Identifier: Apache-2.0
"""A TCP relay between a client and a server, as a load balancer is: it hangs up while the server is away."""

import contextlib
import socket
import threading

import fixtures

BYTES = 65536


class Relay(fixtures.Fixture):
    """Forwards connections at ``url`` to 127.0.0.1:``port``, and hangs up while that is None.

    ``cuts`` counts the connections that it hung up on. While ``is_mute`` is set, the answers of the server are lost. It
    is set by the first request that begins with ``mute_at``, if that is given.
    """

    def _setUp(self):
        self.port, self.cuts, self.is_mute, self.mute_at = None, 0, False, None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.addCleanup(self._listener.close)
        self.addCleanup(self._listener.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near, self.port), daemon=True).start()

    def _serve(self, near, port):
        with near:
            if port is None:
                self.cuts += 1
                return
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as far:
                back = threading.Thread(
                    target=forward, args=(far, near, lambda _: not self.is_mute), daemon=True
                )
                back.start()
                forward(near, far, self._note)
                back.join()

    def _note(self, piece):
        """Become mute at the request that is waited for, which is forwarded as all are."""
        if self.mute_at and piece.startswith(self.mute_at):
            self.is_mute, self.mute_at = True, None
        return True


def forward(source, sink, passes=lambda _: True):
    """Forward what comes, as far as it ``passes``, until one of the ends is closed; then close both."""
    with contextlib.suppress(OSError):
        while piece := source.recv(BYTES):
            if passes(piece):
                sink.sendall(piece)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
