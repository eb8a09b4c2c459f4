# SPDX-License-Identifier: Apache-2.0
"""Everything of one database into another one, and the proof that both hold the same.

Rows travel a page at a time in the order of their keys, models in the order of their references. So the last
keys in the target tell how far a copy came that was killed, and no more than a page is ever in memory.
"""

import hashlib
import itertools
import json
import typing

from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db import types

#: most rows, and about how many characters, that are read and loaded at once
PAGE = 1000
PAGE_CHARACTERS = 16_000_000
#: characters of a JSON value, which has no greatest length, as they are reckoned with
DOCUMENT = 10_000
#: A copy is a request that may be repeated: until it is done the target has this idempotency key.
KEY = "unfinished copy"


class Comparison(typing.NamedTuple):
    """What two databases hold of one model, the source first; ``difference`` tells the first one, if there is one."""

    model: store.Model
    counts: tuple[int, int]
    digests: tuple[str, str]
    difference: str | None


class Transfer:
    """A copy from one store to another; ``origin`` names the source to operators, without a password.

    Both stores are connected with ``secrets.Sealed``: secrets move as the tokens that they are. ``progress`` is
    called with what is done, with how many rows of it, and of how many.
    """

    def __init__(
        self,
        source: store.Store,
        target: store.Store,
        origin: str,
        progress: typing.Callable[[str, int, int], None],
        stored: typing.Sequence[store.Model] = models.STORED,
    ) -> None:
        self._source, self._target, self._origin = source, target, origin
        self._progress, self._models = progress, stored

    def check(self) -> None:
        """Raise CopyRefused unless the target is empty, or an unfinished copy of this source."""
        unfinished = marker(self._target)
        if unfinished is None:
            self._require_empty()
        elif unfinished.request != self._digest():
            reason = f"the target is an unfinished copy of {unfinished.answer['source']}"
            raise errors.CopyRefused(reason=reason, advice="Finish that copy, or begin anew with --replace.")

    def begin(self, *, replace: bool = False) -> None:
        """Mark the target as an unfinished copy, with ``replace`` after emptying it; raise CopyRefused."""
        if marker(self._source):
            reason = "the source is itself an unfinished copy"
            raise errors.CopyRefused(reason=reason, advice="Finish that copy first.")
        if not replace:
            self.check()
        if replace or not marker(self._target):
            self._mark(is_empty=not replace)
        self._require_another()
        if not marker(self._target).answer["is_empty"]:
            self._clear()
            self._mark(is_empty=True)

    def copy(self) -> None:
        """Load what the target lacks."""
        for model in self._models:
            self._copy(model)

    def compare(self) -> typing.Iterator[Comparison]:
        """Yield the Comparison of each model."""
        for model in self._models:
            yield self._compare(model)

    def end(self) -> None:
        """Take the mark from the target: the copy is whole."""
        self._target.commit(store.Delete(marker(self._target)))

    def _digest(self) -> str:
        return hashlib.sha256(self._origin.encode()).hexdigest()

    def _mark(self, *, is_empty: bool) -> None:
        answer = {"source": self._origin, "is_empty": is_empty}
        values = {"request": self._digest(), "answer": answer}
        before = marker(self._target)
        created = models.IdempotencyKey(key=KEY, **values)
        self._target.commit(store.Update(before, values) if before else store.Create(created))

    def _require_empty(self) -> None:
        filled = [model.path for model in self._models if next(pages(self._target, model), None)]
        if filled:
            reason = f"the target is not empty: it has {', '.join(filled)}"
            advice = "Take an empty database, or replace what this one has with --replace."
            raise errors.CopyRefused(reason=reason, advice=advice)

    def _require_another(self) -> None:
        """Raise CopyRefused where the mark that the target got is seen in the source."""
        if marker(self._source):
            self.end()
            raise errors.CopyRefused(reason="source and target are one database", advice="Name two.")

    def _clear(self) -> None:
        for model in reversed(self._models):
            total, done = self._target.count(model, filters=_filters(model)), 0
            while rows := next(pages(self._target, model), None):
                self._target.commit(*map(store.Delete, rows))
                done += len(rows)
                self._progress(f"remove {model.path}", done, total)

    def _copy(self, model: store.Model) -> None:
        total, done = self._source.count(model), 0
        after = self._resume_after(model)
        if after is not None:
            done = self._target.count(model, filters=[store.Filter(model.key, "lte", after)])
        for page in pages(self._source, model, after):
            self._target.load(model, page)
            done += len(page)
            self._progress(f"copy {model.path}", done, total)
        last = self._source.last_number(model)
        if self._target.last_number(model) != last:
            self._target.load(model, [], last_number=last)

    def _resume_after(self, model: store.Model) -> typing.Any:
        """Return the key up to which the target surely has every row: its last page may have been stored in part."""
        backwards, limit = [store.Sort(model.key, descending=True)], page_limit(model)
        known = self._target.list(
            model, filters=_filters(model), sort=backwards, limit=limit, fields=(model.key,)
        )
        return getattr(known[-1], model.key) if len(known) == limit else None

    def _compare(self, model: store.Model) -> Comparison:
        here, there = Side(self._source, model), Side(self._target, model)
        part, total, difference, number = f"compare {model.path}", self._source.count(model), None, 0
        for number, rows in enumerate(itertools.zip_longest(here, there, fillvalue=(None, "")), start=1):
            difference = difference or _difference(model, *rows)
            if number % PAGE == 0:
                self._progress(part, number, max(number + 1, total))
        if number:
            self._progress(part, number, number)
        if not difference and here.last_number != there.last_number:
            difference = (
                f"the last number is {here.last_number} in the source, {there.last_number} in the target"
            )
        return Comparison(model, (here.count, there.count), (here.digest, there.digest), difference)


class Side:
    """The rows of a model in one database with their texts, iterated once; then it has ``count`` and ``digest``."""

    def __init__(self, database: store.Store, model: store.Model) -> None:
        self._database, self._model = database, model
        self._hash = hashlib.sha256()
        self.count = 0
        self.last_number = database.last_number(model)

    def __iter__(self) -> typing.Iterator[tuple[typing.Any, str]]:
        for page in pages(self._database, self._model):
            for row in page:
                text = json.dumps(row.as_dict())
                self.count += 1
                self._hash.update(text.encode())
                yield row, text

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal digits, of all rows in the order of their keys."""
        return self._hash.hexdigest()


def pages(
    database: store.Store, model: store.Model, after: typing.Any = None
) -> typing.Iterator[typing.Sequence[typing.Any]]:
    """Yield all objects of a model in the order of their keys, in lists; those after the key ``after``."""
    while page := database.list(model, filters=_filters(model), marker=after, limit=page_limit(model)):
        yield page
        after = getattr(page[-1], model.key)


def page_limit(model: store.Model) -> int:
    """Return how many rows make a page: fewer where rows may be long, so that a page has its bounds in memory."""
    longest = sum(field.max for field in model.fields.values() if isinstance(field, types.Text))
    documents = sum(isinstance(field, types.JSON) for field in model.fields.values())
    return min(PAGE, PAGE_CHARACTERS // (longest + documents * DOCUMENT) or 1)


def marker(database: store.Store) -> typing.Any:
    """Return the mark of a database that is an unfinished copy, or None."""
    return next(iter(database.list(models.IdempotencyKey, filters=[store.Filter("key", "eq", KEY)])), None)


def _filters(model: store.Model) -> list[store.Filter]:
    """Return the filters that leave the mark out."""
    return [store.Filter("key", "neq", KEY)] if model is models.IdempotencyKey else []


def _difference(
    model: store.Model, here: tuple[typing.Any, str], there: tuple[typing.Any, str]
) -> str | None:
    """Return what differs between two (row, text), of which either may be (None, ""); the smaller key comes first."""
    if here[1] == there[1]:
        return None
    keys = [getattr(row, model.key) for row, _ in (here, there) if row]
    if len(keys) == 2 and keys[0] == keys[1]:
        ours, theirs = (json.loads(text, object_pairs_hook=list) for _, text in (here, there))
        names = [name for (name, value), (_, other) in zip(ours, theirs, strict=True) if value != other]
        return f"{keys[0]} differs in {', '.join(names)}"
    side = "source" if here[0] and min(keys) == keys[0] else "target"
    return f"{min(keys)} is only in the {side}"
