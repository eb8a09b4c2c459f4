# SPDX-License-Identifier: Apache-2.0
"""Values of models to what a database stores, and what no field can hold: alike on every driver."""

import datetime
import re

from valence.common import errors
from valence.db import types

#: what not every database can keep in a text: the character NUL, and halves of surrogate pairs
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Values:
    """Encodes values as JSON values; ``cipher`` encrypts secrets."""

    def __init__(self, cipher):
        self._cipher = cipher

    def encode(self, model, values):
        """Return what stores ``values``; raise BadRequest for what a field cannot hold."""
        return {name: self._stored(name, model.fields[name], value) for name, value in values.items()}

    def operand(self, model, name, value):
        """Return what a field is compared with; raise BadRequest for what it cannot be compared with."""
        return None if value is None else self._encoded(name, model.fields[name], value)

    def encode_document(self, value):
        """Return what stores a JSON document."""
        return value

    def encode_time(self, value, _moment):
        """Return what stores a DateTime value, given as text and as datetime."""
        return value

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
            return self.encode_document(value)
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
        if not _is_storable(value):
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
        if moment is None or decode_time(moment) != value:
            raise errors.BadRequest(reason=f"{name} takes a time like 2026-11-21T03:37:02Z, not {value!r}.")
        return self.encode_time(value, moment)


def _is_storable(text):
    """Whether every database can keep a text; most are ASCII, and Python knows of each whether it is."""
    return "\0" not in text if text.isascii() else not UNSTORABLE.search(text)


def _is_limited(field):
    """Whether the length counts; a secret may come as a token, which is longer."""
    return isinstance(field, types.Text) and not isinstance(field, types.Secret)


def decode_time(value):
    """Return the DateTime value of a datetime, None of None."""
    return value and value.isoformat() + "Z"
