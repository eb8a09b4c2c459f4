# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy before a database server that cuts connections at a chosen word."""

import contextlib
import re
import socket
import threading

import fixtures

CHUNK = 65536


class Proxy(fixtures.Fixture):
    """Forwards everything to 127.0.0.1:``port``; ``cut(word)`` breaks the connection that says the word next.

    With ``answered=False`` the server never hears the word; with True it hears it and answers, but the
    client does not hear that. ``refuse=True`` lets no new connection in from then on. ``hold()`` makes it silent.
    """

    def __init__(self, port):
        super().__init__()
        self._server_port = port
        self._word, self._is_heard, self._refuses, self.cuts = None, False, False, 0
        self._forwards = threading.Event()
        self._forwards.set()

    def _setUp(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.addCleanup(self._listener.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url):
        """Return the URL of a database on the server, by way of the proxy."""
        return re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{self.port}", url)

    def cut(self, word, *, answered, refuse=False):
        """Break the connection that says ``word`` (bytes) next."""
        self._is_heard, self._refuses = answered, False
        self._word = (word, refuse)

    def hold(self):
        """Forward nothing more, and accept connections, as a server that hangs does."""
        self._forwards.clear()

    def go_on(self):
        """Forward what was held, and everything again."""
        self._forwards.set()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        if self._refuses:
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self._server_port))
        silenced = threading.Event()
        back = threading.Thread(target=self._back, args=(server, client, silenced), daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            while chunk := client.recv(CHUNK):
                self._forwards.wait()
                if self._is_said(chunk):
                    self._break(chunk, server, silenced)
                    break
                server.sendall(chunk)
        for end in (server, client):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        back.join()
        server.close()
        client.close()

    def _is_said(self, chunk):
        if self._word is None or self._word[0] not in chunk:
            return False
        self._refuses, self._word = self._word[1], None
        self.cuts += 1
        return True

    def _break(self, chunk, server, silenced):
        """Let the server hear the word, and wait for its answer, or neither."""
        if self._is_heard:
            silenced.answered = threading.Event()
            silenced.set()
            server.sendall(chunk)
            silenced.answered.wait(10)

    def _back(self, server, client, silenced):
        with contextlib.suppress(OSError):
            while chunk := server.recv(CHUNK):
                if silenced.is_set():
                    silenced.answered.set()
                    return
                client.sendall(chunk)
