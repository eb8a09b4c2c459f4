# SPDX-License-Identifier: Apache-2.0
"""What a commit makes of a snapshot: the rows that it changes, before and after."""

import itertools

from valence.db.etcd import index


class Batch:
    """What is to be written: ``texts`` by key, None to remove it, and index entries, True to add, False to remove."""

    def __init__(self):
        self.texts, self.entries = {}, {}

    def __bool__(self):
        return bool(self.texts or self.entries)


class Draft:
    """Rows by (model, key): ``before`` as they are stored, ``after`` as they will be, None where there is none."""

    def __init__(self, snapshot, objects):
        self.snapshot, self._objects = snapshot, objects
        self.before, self.after, self.sequences = {}, {}, {}
        self.batch = Batch()

    def load(self, names):
        """Read the rows of (model, key) pairs that were not read before."""
        missing = [name for name in dict.fromkeys(names) if name not in self.before]
        self.before |= self._objects.read(self.snapshot, missing)

    def row(self, name):
        """Return a row that was loaded, as it will be."""
        return self.after[name] if name in self.after else self.before[name]

    def is_removed(self, name):
        """Tell whether the commit removes a row."""
        return name in self.after and self.after[name] is None

    def keys_with(self, model, field, values):
        """Return the stored keys of rows by the value that they have in an indexed field."""
        if field == model.key:
            names = [(model, value) for value in values]
            self.load(names)
            return {value: [value] if self.before[model, value] else [] for _, value in names}
        tree = index.tree_of(model, field)
        prefixes = {index.prefix(value): value for value in values}
        found = self.snapshot.find(tree, prefixes)
        return {value: [*map(index.key_of, found[prefix])] for prefix, value in prefixes.items()}

    def finish(self):
        """Return the batch that turns what is before into what is after."""
        number = self.snapshot.head.number + 1
        self._remove_parts()
        for count, (name, row) in enumerate(self.after.items()):
            self._write(name, row, f"{number}", count)
        for model, last in self.sequences.items():
            self.batch.texts[self._objects.paths.sequence(model)] = str(last)
        return self.batch

    def _write(self, name, row, number, count):
        model, key = name
        before, place = self.before[name], self._objects.paths.object(*name)
        if row is None and before is None:
            return
        if row is None:
            self.batch.texts[place] = None
        elif row != before:
            self.batch.texts[place], parts = self._objects.place(row, number, count)
            self.batch.texts |= parts
        self._index(model, key, before, row)

    def _index(self, model, key, before, after):
        for tree in index.trees_of(model):
            old = before and index.entry(tree, before, key)
            new = after and index.entry(tree, after, key)
            if old != new:
                self.batch.entries |= {(tree, text): text == new for text in (old, new) if text is not None}

    def _remove_parts(self):
        changed = [name for name, row in self.after.items() if self.before[name] and row != self.before[name]]
        self.batch.texts |= dict.fromkeys(self._objects.parts_of(self.snapshot, changed))


def each(groups):
    """Yield the changes of groups."""
    return itertools.chain.from_iterable(group.changes for group in groups)
