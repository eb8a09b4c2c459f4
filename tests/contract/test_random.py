# SPDX-License-Identifier: Apache-2.0
"""Random commits and questions: a store answers like dictionaries do."""

import hypothesis
from hypothesis import stateful
from hypothesis import strategies

from tests.contract import case
from tests.contract import examples
from tests.contract import memory
from valence.common import errors
from valence.db import store
from valence.db import types

MODELS = (examples.Shelf, examples.Book, examples.Page, examples.Sticker, examples.Entry)
READ = (*MODELS, examples.ShelfWithSticker)
KEYS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(12)]
TEXTS = ["", "a", "A", "a ", "b", "é", "日", "%", "_", "'", "\\"]
NAMES = [*TEXTS, *map(str, range(40))]
VALUES = {
    "name": strategies.sampled_from(NAMES),
    "place": strategies.none() | strategies.sampled_from(NAMES),
    "colour": strategies.none() | strategies.sampled_from(TEXTS),
    "weight": strategies.integers(-2, 2),
    "tall": strategies.booleans(),
    "checked_at": strategies.none()
    | strategies.sampled_from(["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"]),
    "size": strategies.sampled_from(["small", "large"]),
    "code": strategies.sampled_from(TEXTS),
    "labels": strategies.lists(strategies.sampled_from(TEXTS), max_size=2),
    "shelf_id": strategies.none() | strategies.sampled_from(KEYS),
    "title": strategies.sampled_from(TEXTS),
    "book_id": strategies.sampled_from(KEYS),
    "text": strategies.sampled_from(TEXTS),
    "motif": strategies.none() | strategies.sampled_from(TEXTS),
    "stars": strategies.integers(0, 2),
}
KEY = strategies.sampled_from(KEYS)
RARELY = strategies.integers(0, 15).map(lambda number: number == 7)
#: given up and taken in one commit, their order would matter
UNIQUE = {"name", "place", "uuid"}
UNCOMPARED = {"code", "labels", "extra", "created_at", "updated_at", "revision", "sequence"}
STEPS = 25


class StoreMachine(stateful.RuleBasedStateMachine):
    """Does the same to a store and to dictionaries."""

    def __init__(self, database):
        super().__init__()
        self.store, self.memory = database, memory.Memory(MODELS)

    @stateful.initialize()
    def fill(self):
        shelves = [examples.Shelf(uuid=key, name=key) for key in KEYS[:4]]
        books = [examples.Book(uuid=key, shelf_id=KEYS[0]) for key in KEYS[:3]]
        changes = [
            store.Create(obj) for obj in (*shelves, *books, examples.Page(uuid=KEYS[0], book_id=KEYS[0]))
        ]
        self.memory.commit(*changes)
        self.store.commit(*changes)

    @stateful.rule(data=strategies.data(), size=strategies.integers(1, 5))
    def commit(self, data, size):
        changes, touched = [], set()
        for _ in range(size):
            kinds = [self.creation, self.update, self.deletion, self.requirement]
            change = data.draw(strategies.sampled_from(kinds))(data)
            name = (type(change.obj), change.obj.uuid)
            if name not in touched:
                changes.append(change)
                touched.add(name)
        changes = _without_handed_on_values(changes)
        try:
            self.memory.commit(*changes)
        except memory.Refused as refused:
            self.expect_refusal(changes, refused.errors)
        else:
            self.store.commit(*changes)

    def expect_refusal(self, changes, possible):
        try:
            self.store.commit(*changes)
        except errors.ValenceError as error:
            told = [(type(each), each.kwargs["kind"], each.kwargs.get("field")) for each in possible]
            assert (type(error), error.kwargs.get("kind"), error.kwargs.get("field")) in told, (
                error,
                possible,
            )
        else:
            raise AssertionError(f"stored {changes}, should raise one of {possible}")

    def creation(self, data):
        model = data.draw(strategies.sampled_from(MODELS))
        key = self.stored_key(data, examples.Shelf) if model is examples.Sticker else data.draw(KEY)
        return store.Create(model(uuid=key, **self.values(data, model, _free(model))))

    def update(self, data):
        obj = self.known(data)
        names = data.draw(
            strategies.lists(strategies.sampled_from(_free(type(obj))), max_size=3, unique=True)
        )
        return store.Update(obj, self.values(data, type(obj), names), touch=data.draw(strategies.booleans()))

    def deletion(self, data):
        return store.Delete(self.known(data))

    def requirement(self, data):
        return store.Require(self.known(data))

    def known(self, data):
        """Return an object as it is stored; now and then with another revision, or one that is not stored."""
        model = data.draw(
            strategies.sampled_from([model for model in MODELS if self.memory.rows[model]] or MODELS)
        )
        row = dict(
            self.memory.rows[model].get(self.stored_key(data, model)) or {"uuid": data.draw(KEY), "name": "x"}
        )
        if "revision" in row and data.draw(RARELY):
            row["revision"] += 1
        return model(**{name: value for name, value in row.items() if name in model.fields})

    def values(self, data, model, names):
        return {name: self.value(data, model.fields[name], name) for name in names}

    def value(self, data, field, name):
        return (
            self.stored_key(data, field.model)
            if isinstance(field, types.Reference)
            else data.draw(VALUES[name])
        )

    def stored_key(self, data, model):
        """Return the key of a row that is there; now and then of none."""
        keys = sorted(self.memory.rows[model])
        return data.draw(KEY) if not keys or data.draw(RARELY) else data.draw(strategies.sampled_from(keys))

    @stateful.rule(data=strategies.data())
    def ask(self, data):
        model = data.draw(strategies.sampled_from(READ))
        names = [name for name in model.fields if name not in UNCOMPARED]
        filters = [
            self.filter(data, model, name)
            for name in data.draw(strategies.lists(strategies.sampled_from(names), max_size=2))
        ]
        sort = [
            store.Sort(name, data.draw(strategies.booleans()))
            for name in data.draw(strategies.lists(strategies.sampled_from(names), max_size=3, unique=True))
        ]
        whole = self.memory.list(model, filters=filters, sort=sort)
        assert self.store.count(model, filters=filters) == len(whole)
        limit = data.draw(strategies.integers(1, 4))
        marker, pages = None, []
        while rows := self.store.list(model, filters=filters, sort=sort, marker=marker, limit=limit):
            pages += rows
            marker = rows[-1].uuid
        assert [_plain(row.as_dict()) for row in pages] == [_plain(row) for row in whole], (filters, sort)

    def filter(self, data, model, name):
        op = data.draw(strategies.sampled_from(memory.operators(model, name)))
        kind = VALUES.get(name, strategies.sampled_from(KEYS))
        if op == "begins":
            kind = kind.filter(bool)
        is_list = op in ("in", "begins")
        return store.Filter(name, op, data.draw(strategies.lists(kind, max_size=3) if is_list else kind))


def _free(model):
    """Return the fields that clients give."""
    return [name for name in model.fields if name in VALUES and name != model.key]


def _plain(row):
    return {name: value for name, value in row.items() if name not in memory.STAMPS}


def _without_handed_on_values(changes):
    """Return the changes with at most one update of unique values."""
    updates = [change for change in changes if type(change) is store.Update and UNIQUE & set(change.values)]
    return [change for change in changes if not any(change is other for other in updates[1:])]


class RandomTest(case.ContractCase):
    time_limit = 120

    def test_a_store_answers_like_dictionaries(self):
        settings = hypothesis.settings(
            max_examples=20,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            # The same examples in each run: a change is judged by what it changes.
            derandomize=True,
            # A failure that is found is shrunk in minutes, if anybody wants that.
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
            print_blob=False,
        )

        def machine():
            self.database.clear()
            self.database.restart_sequences()
            return StoreMachine(self.store)

        stateful.run_state_machine_as_test(machine, settings=settings)
