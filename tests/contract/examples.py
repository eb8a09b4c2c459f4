# SPDX-License-Identifier: Apache-2.0
"""Models of the contract suite, with every kind of field; they have tables of their own."""

import pathlib
import runpy

from valence.db import store
from valence.db import types
from valence.db.models import base

GUIDE = pathlib.Path(__file__).parents[2] / "doc/source/examples/example_model.py"


class Shelf(base.ModelBaseWithTimestamp):
    """A thing with one field of each kind."""

    path = "contract_shelves"
    kind = "shelf"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "name": types.Text("A unique name.", unique=True),
        "place": types.Text("Another unique text, that may be missing.", max=500, unique=True, default=None),
        "colour": types.Text("An indexed text that may be missing.", max=32, default=None, index=True),
        "weight": types.Integer("An indexed number.", default=0, index=True),
        "tall": types.Boolean("A truth.", default=False),
        "checked_at": types.DateTime("An indexed moment that may be missing.", default=None, index=True),
        "size": types.Choice("A word.", ["small", "large"], default="small"),
        "story": types.Text("A text that is too long for a VARCHAR.", max=4096, default=""),
        "code": types.Secret("A secret.", default=""),
        "labels": types.JSON("A list.", json_type="array", default=[]),
        "extra": types.JSON("An object that may be missing.", default=None),
    }


class Book(base.ModelBase):
    """A thing without a revision that keeps its shelf from being removed."""

    path = "contract_books"
    kind = "book"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "shelf_id": types.Reference("Its shelf.", Shelf, default=None),
        "title": types.Text("A title.", default="", index=True),
    }
    indexes = (("shelf_id", "title"),)


class Page(base.ModelBase):
    """A thing that goes with its book."""

    path = "contract_pages"
    kind = "page"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "book_id": types.Reference("Its book.", Book, on_delete="cascade"),
        "text": types.Text("What it says.", default="", max=3000),
    }


class Sticker(base.ModelBase):
    """A thing that some shelves have, with the key of its shelf."""

    path = "contract_stickers"
    kind = "sticker"
    fields = {
        "uuid": types.Reference("Its shelf.", Shelf, on_delete="cascade", key=True),
        "motif": types.Text("What it shows.", default=None, index=True),
        "stars": types.Integer("How it is liked.", default=0),
    }


class ShelfWithSticker(base.ModelBase):
    """A shelf with its sticker."""

    path = "contract_shelves"
    kind = "shelf"
    joins = (Shelf, Sticker)
    fields = Shelf.fields | {name: field for name, field in Sticker.fields.items() if name != "uuid"}


class Poster(base.ModelBase):
    """A thing that others may do without."""

    path = "contract_posters"
    kind = "poster"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "shelf_id": types.Reference("Its shelf.", Shelf, on_delete="cascade"),
    }


class Display(base.ModelBase):
    """A book that a shelf shows, at its place."""

    path = "contract_displays"
    kind = "display"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "shelf_id": types.Reference("The shelf.", Shelf, on_delete="cascade"),
        "book_id": types.Reference("The book.", Book, on_delete="cascade"),
        "poster_id": types.Reference("What hangs above it.", Poster, on_delete="clear", default=None),
        "place": types.Integer("Its place on the shelf.", default=0),
        "note": types.Text("What is said of it there.", default=None),
    }
    indexes = (("shelf_id", "place"),)


#: the books that a shelf shows
DISPLAYED = store.Attached(
    Display,
    owner="shelf_id",
    target="book_id",
    order="place",
    fields=("note",),
    target_fields=("title",),
)


class Entry(base.ModelBase):
    """A row of a journal."""

    path = "contract_entries"
    kind = "entry"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "sequence": types.Sequence("Place in the journal."),
        "text": types.Text("What happened.", default=""),
        "created_at": types.DateTime("When it was stored.", default=None),
    }


class Counter(base.ModelBaseWithTimestamp):
    """A thing whose key its maker chooses."""

    path = "contract_counters"
    kind = "counter"
    fields = {
        "name": types.Text("Name.", key=True),
        "value": types.Integer("Value.", default=0),
    }


#: the model of the guide for database development, as it stands there
ExampleModel = runpy.run_path(GUIDE)["ExampleModel"]


class ExampleModelWithTimestamp(base.ModelBaseWithTimestamp):
    """The model of the guide, with the other base."""

    path = "example_model_with_timestamp"
    fields = {"uuid": {"validate": types.Text.validate}, "name": {"validate": types.Text.validate}}


MODELS = (
    Shelf,
    Book,
    Page,
    Sticker,
    Poster,
    Display,
    Entry,
    Counter,
    ExampleModel,
    ExampleModelWithTimestamp,
)


def shelf(name, **values):
    """Return a shelf that is not stored yet."""
    return Shelf(name=name, **values)
