# SPDX-License-Identifier: Apache-2.0
"""Objects as stored: one JSON object, or where that is long a JSON array of the keys of its parts."""

import functools
import json

from valence.db import types
from valence.db import values
from valence.db.etcd import failures

#: characters of a value, from which on it is stored in parts
LONG = 100_000


class Objects:
    """Encodes and decodes the objects of one store."""

    def __init__(self, paths, cipher):
        self.paths, self._cipher = paths, cipher
        self._values = values.Values(cipher)
        self.encode, self.operand = self._values.encode, self._values.operand
        self.decoder = functools.lru_cache(500)(self._build_decoder)

    def read(self, snapshot, names):
        """Return the stored dicts of the (model, key) pairs ``names``, by pair; None for what is not there."""
        found = self.read_texts(snapshot, names)
        return {
            name: None if text is None else _whole(name[0], json.loads(text)) for name, text in found.items()
        }

    def read_texts(self, snapshot, names):
        """Return the JSON texts of objects by pair, long ones put together."""
        places = {name: self.paths.object(*name) for name in names}
        texts = snapshot.read(places.values())
        parts = {place: json.loads(texts[place]) for place in texts if is_in_parts(texts[place])}
        chunks = snapshot.read(key for keys in parts.values() for key in keys)
        if None in chunks.values():
            raise failures.Stale("parts of an object were removed while it was read")
        texts = texts | {place: "".join(chunks[key] for key in keys) for place, keys in parts.items()}
        return {name: texts[place] for name, place in places.items()}

    def parts_of(self, snapshot, names):
        """Yield where the parts of objects are that are stored in parts."""
        for text in snapshot.read(self.paths.object(*name) for name in names).values():
            if is_in_parts(text):
                yield from json.loads(text)

    def place(self, row, number, part):
        """Return ``(text, {where: part})``: what stores a row, and the parts that it is in where it is long."""
        text = dump(row)
        if len(text) <= LONG:
            return text, {}
        starts = range(0, len(text), LONG)
        chunks = {
            self.paths.chunk(number, f"{part}-{start // LONG}"): text[start : start + LONG]
            for start in starts
        }
        return dump(list(chunks)), chunks

    def _build_decoder(self, model, names):
        """Return the function that makes an object of a stored dict with the fields ``names``; others are initial."""
        wanted = [(name, field, name in names) for name, field in model.fields.items()]

        def decode(row):
            return model.load(
                {
                    name: self._decoded(field, row[name]) if given and name in row else field.initial()
                    for name, field, given in wanted
                }
            )

        return decode

    def _decoded(self, field, value):
        if isinstance(field, types.Secret):
            return value and self._cipher.decrypt(value)
        return field.initial() if value is None and isinstance(field, types.JSON) else value


def _whole(model, row):
    """Return a stored row with the defaults of the fields that were added to the model after it was stored."""
    if len(row) < len(model.fields):
        row |= {name: field.initial() for name, field in model.fields.items() if name not in row}
    return row


def dump(value):
    """Return the JSON text of a value; halves of surrogate pairs are written as escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def is_in_parts(text):
    """Tell whether a stored text only names the parts of a value."""
    return text is not None and text.startswith("[")
