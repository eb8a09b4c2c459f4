# SPDX-License-Identifier: Apache-2.0
"""Documents that are too long for one message: a conductor keeps their parts while a client sends or fetches them."""

import threading
import time
import uuid

from valence.common import errors
from valence.common import packing
from valence.conductor import client

PART = client.Introspection.PART
#: seconds for which the parts of a document are kept that nobody asks for
KEPT = 60
#: most characters that are kept at a time
MOST = 256 * 1024 * 1024


class Transfers:
    """Packed texts by identifier; clients send or fetch the parts by calls to the conductor ``host``."""

    def __init__(self, host):
        self._host = host
        self._texts, self._lock = {}, threading.Lock()

    def offer(self, text):
        """Return ``{"text": all of it}``, or its first part and where the other parts are."""
        first, *others = packing.split(text, PART)
        if not others:
            return {"text": first, "more": None}
        transfer = self._keep(str(uuid.uuid4()), others)
        return {"text": first, "more": {"transfer": transfer, "server": self._host, "parts": len(others)}}

    def fetch(self, transfer, number):
        """Return a part of an offered text, from 0 on; after the last part the text is forgotten."""
        with self._lock:
            parts, _ = self._get(transfer)
            if number == len(parts) - 1:
                del self._texts[transfer]
            return parts[number]

    def accept(self, transfer, text):
        """Keep a part of a document that a client sends, and return where to send the next parts."""
        with self._lock:
            parts = self._get(transfer)[0] if transfer else []
        transfer = self._keep(transfer or str(uuid.uuid4()), [*parts, text])
        return {"transfer": transfer, "server": self._host}

    def take(self, document):
        """Return the packed text of ``{"text", "transfer": None or what accept returned}``."""
        if not document.get("transfer"):
            return document["text"]
        with self._lock:
            parts, _ = self._get(document["transfer"])
            del self._texts[document["transfer"]]
        return "".join([*parts, document["text"]])

    def _get(self, transfer):
        if transfer not in self._texts:
            raise errors.Unavailable(reason="The parts of a large document were lost on their way.")
        return self._texts[transfer]

    def _keep(self, transfer, parts):
        now = time.monotonic()
        with self._lock:
            self._texts = {name: kept for name, kept in self._texts.items() if kept[1] > now}
            others = (kept[0] for name, kept in self._texts.items() if name != transfer)
            if sum(len(part) for kept in (*others, parts) for part in kept) > MOST:
                raise errors.Unavailable(reason="Too many large documents are on their way.")
            self._texts[transfer] = parts, now + KEPT
        return transfer
