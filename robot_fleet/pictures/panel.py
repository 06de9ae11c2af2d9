"""The columns beside or below a picture: its title, figures and the meaning of its colours; and the scale bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from robot_fleet.floor.grid import UNKNOWN as UNKNOWN_CELL
from robot_fleet.floor.store import FloorMap
from robot_fleet.pictures.canvas import Canvas
from robot_fleet.pictures.colours import FAINT_INK, INK, KEEPOUT, ONE_WAY, PAPER, UNKNOWN, UNKNOWN_HATCH, WALL, Colour
from robot_fleet.pictures.lettering import HEADING_PX, TEXT_PX, text_width, write_text

_WIDTH_PX = 470
_EDGE_PX = 28
_LINE_PX = 34
_WIDE = 3.5
_SWATCH_PX = (34, 20)


@dataclass(frozen=True)
class Row:
    """One line of the panel: `text` at the left, `value` at the right.

    `swatch` is a patch of colour before the text; `mark` says how: filled, line, hollow, dotted, dashed, ticked, dot, hatched,
    chevrons, or dock.
    """

    text: str
    value: str = ""
    swatch: Colour | None = None
    mark: str = "filled"


@dataclass(frozen=True)
class Section:
    """Rows under a heading; a section without rows is left out."""

    heading: str
    rows: tuple[Row, ...]


def floor_rows(floor: FloorMap) -> tuple[Row, ...]:
    """What the marks of the floor mean; only those that it has."""
    rows = [Row("wall, shelf", swatch=WALL)]
    if (floor.grid.cells == UNKNOWN_CELL).any():
        rows.append(Row("unknown", swatch=UNKNOWN, mark="hatched"))
    if floor.keepouts:
        rows.append(Row("keepout", swatch=KEEPOUT, mark="hatched"))
    if floor.one_ways:
        rows.append(Row("one way", swatch=ONE_WAY, mark="chevrons"))
    if floor.docks:
        rows.append(Row("dock", swatch=INK, mark="dock"))
    return tuple(rows)


def save_picture(canvas: Canvas, title: str, sections: Sequence[Section], path: Path) -> Path:
    """Writes the canvas with its panel as a PNG file to `path`; its folder is made when it is missing.

    The panel stands beside the canvas, and below one that is so wide that a column for each section fits there.
    """
    full = [section for section in sections if section.rows]
    width, height = canvas.view.size_px
    if width > _WIDE * height and width >= len(full) * _WIDTH_PX:
        sheet = _sheet_with_columns(canvas, title, full)
    else:
        panel = _Panel(title, full, canvas.view.px_per_m, height + 2 * _EDGE_PX)
        sheet = Image.new("RGB", (width + 2 * _EDGE_PX + _WIDTH_PX, panel.image.height), PAPER)
        sheet.paste(panel.image, (width + 2 * _EDGE_PX, 0))
    sheet.paste(Image.fromarray(canvas.pixels), (_EDGE_PX, _EDGE_PX))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG")
    return path


def minutes(seconds: float) -> str:
    """A time as people read it: 47 s, 41 min 05 s, 2 h 03 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def area(square_metres: float) -> str:
    """An area as people read it: 0.4 m², 1 234 m²."""
    if square_metres < 9.95:
        return f"{square_metres:.1f} m²"
    return f"{square_metres:,.0f} m²".replace(",", " ")


def _sheet_with_columns(canvas: Canvas, title: str, sections: Sequence[Section]) -> Image.Image:
    """Paper for the canvas with a column for each section below it."""
    width, height = canvas.view.size_px
    panels = [_Panel(title, sections[:1], canvas.view.px_per_m, 0)]
    panels += [_Panel("", [section], None, 0) for section in sections[1:]]
    tallest = max(panel.image.height for panel in panels)
    sheet = Image.new("RGB", (width + 2 * _EDGE_PX, height + _EDGE_PX + tallest), PAPER)
    for place, panel in enumerate(panels):
        sheet.paste(panel.image, (_EDGE_PX + place * _WIDTH_PX, height + _EDGE_PX))
    return sheet


class _Panel:
    """Draws the rows from the top down; the scale bar, where one is asked for, stands at the foot."""

    def __init__(self, title: str, sections: Sequence[Section], px_per_m: float | None, least_height_px: int) -> None:
        lines = 2 + sum(len(section.rows) + 2 for section in sections) + 2
        self.image = Image.new("RGB", (_WIDTH_PX, max(least_height_px, lines * _LINE_PX + 2 * _EDGE_PX)), PAPER)
        self._pen = ImageDraw.Draw(self.image)
        self._y = _EDGE_PX
        self._write_title(title)
        for section in sections:
            self._write_section(section)
        if px_per_m is not None:
            self._draw_scale(px_per_m)

    def _write_title(self, title: str) -> None:
        size = HEADING_PX
        while size > TEXT_PX and text_width(self._pen, title, size) > _WIDTH_PX - _EDGE_PX:
            size -= 1
        write_text(self._pen, (0, self._y + _LINE_PX // 2), title, size)
        self._y += 2 * _LINE_PX

    def _write_section(self, section: Section) -> None:
        if section.heading:
            heading = section.heading.upper()
            write_text(self._pen, (0, self._y + _LINE_PX // 2), heading, TEXT_PX - 4, FAINT_INK)
            self._y += _LINE_PX
        for row in section.rows:
            self._write_row(row)
        self._y += _LINE_PX // 2

    def _write_row(self, row: Row) -> None:
        middle = self._y + _LINE_PX // 2
        indent = 0
        if row.swatch is not None:
            self._draw_swatch(row, middle)
            indent = _SWATCH_PX[0] + 12
        write_text(self._pen, (indent, middle), row.text)
        write_text(self._pen, (_WIDTH_PX - _EDGE_PX - text_width(self._pen, row.value, TEXT_PX), middle), row.value)
        self._y += _LINE_PX

    def _draw_swatch(self, row: Row, middle: int) -> None:
        width, height = _SWATCH_PX
        box = (0, middle - height // 2, width, middle + height // 2)
        if row.mark == "line":
            self._pen.line((0, middle, width, middle), fill=row.swatch, width=5)
        elif row.mark == "hollow":
            self._pen.line((0, middle, width, middle), fill=row.swatch, width=7)
            self._pen.line((0, middle, width, middle), fill=PAPER, width=3)
        elif row.mark == "dotted":
            for start in range(0, width, 12):
                self._pen.ellipse((start, middle - 3, start + 6, middle + 3), fill=row.swatch)
        elif row.mark == "dashed":
            for start in (0, 13, 26):
                self._pen.line((start, middle, start + 8, middle), fill=row.swatch, width=3)
        elif row.mark == "ticked":
            for start in (0, 13, 26):
                self._pen.line((start, middle, start + 8, middle), fill=row.swatch, width=3)
            for x in (4, 17, 30):
                self._pen.line((x, middle - 6, x, middle + 6), fill=row.swatch, width=2)
        elif row.mark == "dot":
            self._pen.ellipse((width // 2 - 5, middle - 5, width // 2 + 5, middle + 5), fill=row.swatch)
        elif row.mark == "hatched":
            self._draw_hatched(row, box)
        elif row.mark == "chevrons":
            for start in (4, 20):
                self._pen.line((start, middle - 8, start + 9, middle, start, middle + 8), fill=row.swatch, width=4)
        elif row.mark == "dock":
            self._pen.polygon(((30, middle), (8, middle - 10), (14, middle), (8, middle + 10)), fill=row.swatch)
        else:
            self._pen.rectangle(box, fill=row.swatch)

    def _draw_hatched(self, row: Row, box: tuple[int, int, int, int]) -> None:
        paper, ink = (UNKNOWN, UNKNOWN_HATCH) if row.swatch == UNKNOWN else (PAPER, row.swatch)
        patch = Image.new("RGB", _SWATCH_PX, paper)
        pen = ImageDraw.Draw(patch)
        for start in range(0, sum(_SWATCH_PX), 9):
            pen.line((start, 0, start - _SWATCH_PX[1], _SWATCH_PX[1]), fill=ink, width=3)
        self.image.paste(patch, box[:2])
        self._pen.rectangle(box, outline=ink, width=2)

    def _draw_scale(self, px_per_m: float) -> None:
        metres = _round_length((_WIDTH_PX - 3 * _EDGE_PX) / px_per_m)
        length, y = metres * px_per_m, self.image.height - _EDGE_PX - 8
        self._pen.line((2, y, 2 + length, y), fill=INK, width=3)
        for x in (2.0, 2 + length):
            self._pen.line((x, y - 8, x, y + 8), fill=INK, width=3)
        words = f"{metres:g} m"
        write_text(self._pen, (2 + length / 2 - text_width(self._pen, words, TEXT_PX) / 2, y - 20), words)


def _round_length(most_m: float) -> float:
    """The longest of ... 1, 2, 5, 10, 20, 50 ... metres that is not above `most_m`."""
    decade = 10.0 ** math.floor(math.log10(most_m))
    return next(step * decade for step in (5, 2, 1) if step * decade <= most_m)
