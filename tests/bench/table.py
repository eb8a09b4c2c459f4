# SPDX-License-Identifier: Apache-2.0
"""The figures of a benchmark as one table of text."""

import dataclasses


@dataclasses.dataclass
class Row:
    """One figure with its parts, its target (at most), what Ironic 39 needs for the same, and what the floor does."""

    what: str
    figure: float
    unit: str = "ms CPU"
    parts: dict = dataclasses.field(default_factory=dict)
    p50: float | None = None
    p99: float | None = None
    rate: float | None = None
    target: float | None = None
    ironic: float | None = None
    floor: float | None = None

    @property
    def floors(self):
        """How many times the floor the figure is, None without a floor."""
        return self.floor and self.figure / self.floor

    @property
    def spread(self):
        """How many times the median the slowest hundredth takes, None where that was not measured."""
        return self.p50 and self.p99 and self.p99 / self.p50

    @property
    def verdict(self):
        if self.target is None:
            return ""
        return "met" if self.figure <= self.target else "MISSED"


HEADER = (
    "",
    "figure",
    "target",
    "",
    "Ironic",
    "floor",
    "× floor",
    "p50 ms",
    "p99 ms",
    "p99/p50",
    "/s",
    "of the figure",
)


def text(rows):
    """Return the rows as aligned text."""
    cells = [HEADER, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADER))]
    return "\n".join(_line(row, widths) for row in cells)


def _line(row, widths):
    first, *others, last = row
    middle = [cell.rjust(width) for cell, width in zip(others, widths[1:-1], strict=True)]
    return "  ".join([first.ljust(widths[0]), *middle, last]).rstrip()


def _cells(row):
    parts = ", ".join(f"{name} {value:.2f}" for name, value in row.parts.items())
    return (
        row.what,
        f"{row.figure:.2f} {row.unit}",
        "" if row.target is None else f"≤ {row.target:g}",
        row.verdict,
        _number(row.ironic, "g"),
        _number(row.floor, ".2f"),
        _number(row.floors, ".2f"),
        _number(row.p50, ".2f"),
        _number(row.p99, ".2f"),
        _number(row.spread, ".1f"),
        _number(row.rate, ".0f"),
        parts,
    )


def _number(value, form):
    return "" if value is None else format(value, form)
