"""Rows of a benchmark as text and as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BEGIN, END = "<!-- the table begins -->", "<!-- the table ends -->"
HEADINGS = (
    "store", "robots", "planner", "coverage", "unsafe m", "tight m", "meets", "makespan s", "bound s", "ratio", "balance",
    "plan s", "settings",
)  # fmt: skip


def as_text(row: Any) -> str:
    """One line for a person at a terminal."""
    begin = f"{row.store:<18} {row.robots:>2} {row.planner:<25}"
    if row.refused:
        return f"{begin} {row.refused}"
    return (
        f"{begin} {row.coverage:>7.2%} of the floor, {row.unsafe_m:7.1f} m unsafe, {row.meets:>3} meets, "
        f"{row.makespan_s:>7.0f} s = {row.ratio:.3f} x bound, balance {row.balance:.3f}, planned in {row.plan_s:.1f} s"
        + (f" ({row.settings})" if row.settings else "")
    )


def written(text: str, rows: Sequence[Any]) -> str:
    """The text with the table between its marks, or at its end where there are none."""
    return between_marks(text, (BEGIN, END), HEADINGS, [_cells(row) for row in rows])


def between_marks(text: str, marks: tuple[str, str], headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The text with a table of such cells between two marks, or at its end where they are not."""
    begin, end = marks
    lines = [_line(headings), _line(["---"] * len(headings)), *map(_line, rows)]
    table = f"{begin}\n" + "\n".join(lines) + f"\n{end}"
    if begin not in text or end not in text:
        return f"{text.rstrip()}\n\n{table}\n"
    before, rest = text.split(begin, 1)
    return before + table + rest.split(end, 1)[1]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Any) -> list[str]:
    begin = [row.store, str(row.robots), row.planner]
    if row.refused:
        return [*begin, *["–"] * (len(HEADINGS) - len(begin) - 1), row.refused.replace("|", "/")]
    return [
        *begin,
        f"{row.coverage:.2%}".replace("%", " %"),
        f"{row.unsafe_m:.1f}".removesuffix(".0"),
        f"{row.tight_m:.1f}".removesuffix(".0"),
        str(row.meets),
        f"{row.makespan_s:.0f}",
        f"{row.bound_s:.0f}",
        f"{row.ratio:.3f}",
        f"{row.balance:.3f}",
        f"{row.plan_s:.1f}",
        row.settings,
    ]
