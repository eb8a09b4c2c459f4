# SPDX-License-Identifier: Apache-2.0
"""Values of models to values of columns and back."""

import datetime
import functools
import json
import re

from valence.common import errors
from valence.db import types

#: what not every database can keep in a text: the character NUL, and halves of surrogate pairs
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Rows:
    """Encodes and decodes the rows of one database; ``cipher`` encrypts secrets."""

    def __init__(self, dialect_name, cipher):
        self._texts_hold_times = dialect_name == "sqlite"
        self._decode_time = _decode_text if dialect_name == "mysql" else _decode_time
        self._cipher = cipher
        self.decoder = functools.lru_cache(500)(self._build_decoder)

    def encode(self, model, values):
        """Return the columns that store ``values``; raise BadRequest for what a field cannot hold."""
        return {name: self._stored(name, model.fields[name], value) for name, value in values.items()}

    def operand(self, model, name, value):
        """Return what a column is compared with; raise BadRequest for what it cannot be compared with."""
        return None if value is None else self._encoded(name, model.fields[name], value)

    def _build_decoder(self, model, names):
        """Return the function that makes an object of a row with the columns ``names``; other fields are initial."""
        decoders = [(name, self._decoder(field)) for name, field in model.fields.items() if name in names]
        decoders = [(name, decode) for name, decode in decoders if decode]
        others = [(name, field) for name, field in model.fields.items() if name not in names]

        def decode(row):
            values = dict(zip(names, row, strict=True))
            for name, decode_one in decoders:
                values[name] = decode_one(values[name])
            for name, field in others:
                values[name] = field.initial()
            return model.load(values)

        return decode

    def _stored(self, name, field, value):
        if value is None:
            if field.nullable or isinstance(field, types.JSON):
                return None
            raise errors.BadRequest(reason=f"{name} must have a value.")
        if _is_limited(field) and isinstance(value, str) and len(value) > field.max:
            raise errors.BadRequest(reason=f"{name} is longer than {field.max} characters.")
        return self._encoded(name, field, value)

    def _encoded(self, name, field, value):
        if isinstance(field, types.JSON):
            return json.dumps(value, separators=(",", ":"))
        if not isinstance(value, field.python_type) or isinstance(value, bool) != isinstance(
            field, types.Boolean
        ):
            raise errors.BadRequest(reason=f"{name} takes a {field.json_type}, not {value!r}.")
        if isinstance(field, types.Text):
            return self._encoded_text(name, field, value)
        if isinstance(field, types.Integer) and not -(2**63) <= value < 2**63:
            raise errors.BadRequest(reason=f"{name} takes 64 bits, not {value!r}.")
        return value

    def _encoded_text(self, name, field, value):
        if UNSTORABLE.search(value):
            raise errors.BadRequest(reason=f"{name} holds a character that no database can store.")
        if isinstance(field, types.DateTime):
            return self._encoded_time(name, value)
        if isinstance(field, types.Secret):
            return value and self._cipher.encrypt(value)
        return value

    def _encoded_time(self, name, value):
        try:
            moment = datetime.datetime.fromisoformat(value.removesuffix("Z"))
        except ValueError:
            moment = None
        if moment is None or _decode_time(moment) != value:
            raise errors.BadRequest(reason=f"{name} takes a time like 2026-11-21T03:37:02Z, not {value!r}.")
        return value if self._texts_hold_times else moment

    def _decoder(self, field):
        if isinstance(field, types.DateTime) and not self._texts_hold_times:
            return self._decode_time
        if isinstance(field, types.Secret):
            return lambda value: value and self._cipher.decrypt(value)
        if isinstance(field, types.JSON):
            return lambda value: field.initial() if value is None else json.loads(value)
        return None


def _is_limited(field):
    """Whether the length counts; a secret may come as a token, which is longer."""
    return isinstance(field, types.Text) and not isinstance(field, types.Secret)


def _decode_time(value):
    return value and value.isoformat() + "Z"


def _decode_text(value):
    """Return the DateTime value of what MySQL sends, ``2026-11-21 03:37:02``."""
    return value and f"{value[:10]}T{value[11:19]}Z"
