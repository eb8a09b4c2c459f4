# SPDX-License-Identifier: Apache-2.0
"""Directives that write reference pages from the code.

``error-codes`` lists every error, ``api-reference`` the operations of the OpenAPI document with the tags that it names,
``command-help`` what a command prints for ``--help``, and ``package-tree`` the folders of the code with their purpose.
"""

import ast
import importlib
import pathlib
import re
import subprocess
import sys

from docutils import nodes
from sphinx.util import docutils

import valence
from valence.api import routes
from valence.api.model import openapi
from valence.common import errors

#: modules with errors that clients and operators see
MODULES = (
    "valence.api.http.handler",
    "valence.common.bus_errors",
    "valence.common.composition_errors",
    "valence.common.errors",
    "valence.common.configuration.extras",
    "valence.common.introspection_errors",
    "valence.common.sign_in_errors",
)
#: the names of the parts of a message that are filled in
FIELD = re.compile(r"{(\w+)[^}]*}")
METHODS = ("get", "post", "put", "patch", "delete")


def error_codes():
    """Return ``[(code, class)]`` of every error that has a code of its own, by code."""
    modules = {name: importlib.import_module(name) for name in MODULES}
    found = {errors.ValenceError.code: errors.Internal}
    for kind in _below(errors.ValenceError):
        is_there = getattr(modules.get(kind.__module__), kind.__name__, None) is kind
        if is_there and "code" in vars(kind) and isinstance(kind.code, str):
            found.setdefault(kind.code, kind)
    return sorted(found.items())


def operations(tags):
    """Return ``[(method, URL, operation)]`` of the OpenAPI document with one of ``tags``."""
    document = openapi.document(routes.DESCRIBED, 1000)
    every = [
        (method, url, path[method])
        for url, path in document["paths"].items()
        for method in METHODS
        if method in path
    ]
    return [each for each in every if each[2]["tags"][0] in tags]


def packages():
    """Return ``[(depth, name, first line of the docstring)]`` of every package of valence, as a tree is read."""
    root = pathlib.Path(valence.__file__).parent
    files = sorted(path for path in root.rglob("__init__.py") if path.parent.name != "versions")
    found = []
    for path in files:
        about = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        found.append((len(path.relative_to(root).parts) - 1, path.parent.name, about))
    return found


def help_text(command):
    """Return what an installed command prints for ``--help``, with the name that it is started by."""
    program = pathlib.Path(sys.executable).with_name(command)
    done = subprocess.run(
        [program, "--help"], text=True, capture_output=True, check=True, env={"COLUMNS": "100"}
    )
    return done.stdout.replace(str(program), command)


def _below(kind):
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


class ErrorCodes(docutils.SphinxDirective):
    """Shows code, status, message and remedy of every error."""

    def run(self):
        """Return what is shown as nodes."""
        return [nodes.definition_list("", *(_error(code, kind) for code, kind in error_codes()))]


def _error(code, kind):
    term = nodes.term("", "", nodes.literal("", code), nodes.Text(f" ({kind.status} {kind.title})"))
    term["ids"].append(nodes.make_id(code))
    remedy = [nodes.strong("", "What to do: "), nodes.Text(blanks(kind.hint))]
    said = [nodes.paragraph("", blanks(kind.message)), nodes.paragraph("", "", *remedy)]
    return nodes.definition_list_item("", term, nodes.definition("", *said))


def blanks(text):
    """Return a message with the names of what is filled in."""
    return FIELD.sub(r"<\1>", text)


class APIReference(docutils.SphinxDirective):
    """Shows the operations with some tags."""

    required_arguments, final_argument_whitespace = 1, True

    def run(self):
        """Return what is shown as nodes."""
        found = operations(self.arguments[0].split())
        return [nodes.definition_list("", *(_operation(*each) for each in found))]


def _operation(method, url, operation):
    term = nodes.term("", "", nodes.literal("", f"{method.upper()} {url}"))
    term["ids"].append(nodes.make_id(operation["operationId"]))
    named = [each for each in operation["parameters"] if "name" in each]
    parameters = [
        _line([nodes.literal("", each["name"]), nodes.Text(f" ({each['in']}): {each['description']}")])
        for each in named
    ]
    about = [
        nodes.paragraph("", operation["summary"]),
        _labelled("Answers: ", ", ".join(operation["responses"])),
        _labelled("Policy: ", operation["x-policy"]),
    ]
    return nodes.definition_list_item(
        "", term, nodes.definition("", *about, *([nodes.bullet_list("", *parameters)] if parameters else []))
    )


def _labelled(label, text):
    return nodes.paragraph("", "", nodes.strong("", label), nodes.Text(text))


def _line(inner):
    return nodes.list_item("", nodes.paragraph("", "", *inner))


class CommandHelp(docutils.SphinxDirective):
    """Shows what a command prints for ``--help``."""

    required_arguments = 1

    def run(self):
        """Return what is shown as nodes."""
        text = help_text(self.arguments[0])
        return [nodes.literal_block(text, text, language="text")]


class PackageTree(docutils.SphinxDirective):
    """Shows the packages of valence as a tree, each with what it is for."""

    def run(self):
        """Return what is shown as nodes."""
        lines = [f"{'  ' * depth + name + '/':<24} {about}" for depth, name, about in packages()]
        text = "\n".join(lines)
        return [nodes.literal_block(text, text, language="text")]


def setup(app):
    """Tell Sphinx of the directives."""
    app.add_directive("error-codes", ErrorCodes)
    app.add_directive("api-reference", APIReference)
    app.add_directive("command-help", CommandHelp)
    app.add_directive("package-tree", PackageTree)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
