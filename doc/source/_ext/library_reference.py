# SPDX-License-Identifier: Apache-2.0
"""The directive ``library-reference``: what a class of the Python library has, from its signatures and docstrings."""

import functools
import importlib
import inspect
import re
import textwrap

from docutils import nodes
from sphinx.util import docutils

#: the package that the names of modules are below
PACKAGE = "valence.client"
#: what is used without parentheses
DATA = (functools.cached_property, property)
#: ``name`` in a docstring
LITERAL = re.compile(r"``([^`]+)``")


class Code:
    """Stands for a function that is a default."""

    def __repr__(self):
        return "…"


CODE = Code()


def load(place):
    """Return the class or function at ``module.name`` below the package."""
    module, _, name = place.rpartition(".")
    return getattr(importlib.import_module(f"{PACKAGE}.{module}" if module else PACKAGE), name)


def members(kind):
    """Return ``[(name with its signature, docstring)]`` of what a class defines itself for its users."""
    return [
        (described(name, member), inspect.getdoc(getattr(kind, name)) or "")
        for name, member in vars(kind).items()
        if not name.startswith("_") and (callable(member) or isinstance(member, DATA))
    ]


def described(name, member):
    """Return what is written to use a member."""
    if isinstance(member, DATA):
        return name
    signature = inspect.signature(member)
    parameters = [
        each.replace(annotation=each.empty, default=CODE if inspect.isroutine(each.default) else each.default)
        for each in signature.parameters.values()
        if each.name != "self"
    ]
    return f"{name}{signature.replace(parameters=parameters, return_annotation=signature.empty)}"


class LibraryReference(docutils.SphinxDirective):
    """Shows what classes have, or how a function is called."""

    required_arguments, final_argument_whitespace = 1, True

    def run(self):
        """Return what is shown as nodes."""
        found = []
        for place in self.arguments[0].split():
            thing = load(place)
            mine = [(described(thing.__name__, thing), inspect.getdoc(thing) or "")]
            if inspect.isclass(thing):
                mine = members(thing)
                found.append(nodes.paragraph("", "", nodes.strong("", thing.__name__)))
                found += _paragraphs(inspect.getdoc(thing))
            found.append(nodes.definition_list("", *(_item(*each) for each in mine)))
        return found


def _item(term, text):
    name = nodes.term("", "", nodes.literal("", term))
    return nodes.definition_list_item("", name, nodes.definition("", *_paragraphs(text)))


def _paragraphs(text):
    return [nodes.paragraph("", "", *_inline(each)) for each in textwrap.dedent(text).split("\n\n")]


def _inline(text):
    """Return a paragraph's text with its literals."""
    parts = LITERAL.split(" ".join(text.split()))
    return [nodes.literal("", part) if number % 2 else nodes.Text(part) for number, part in enumerate(parts)]


def setup(app):
    """Add the directive to Sphinx."""
    app.add_directive("library-reference", LibraryReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
