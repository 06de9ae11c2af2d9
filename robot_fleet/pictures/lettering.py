"""Words on pictures: text sizes, and labels that stay legible on whatever lies under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from robot_fleet.pictures.canvas import Canvas
from robot_fleet.pictures.colours import INK, PAPER, Colour

TEXT_PX = 22
HEADING_PX = 30
_PLATE_STRENGTH = 210

Plate = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""


@dataclass(frozen=True)
class Label:
    """A word at a place: `at_px` is the middle of the text, right and down from the picture's upper left corner."""

    text: str
    at_px: tuple[float, float]
    size_px: int = TEXT_PX
    colour: Colour = INK


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own typeface at that size, so that a picture is the same on every machine."""
    return ImageFont.load_default(size_px)


def text_width(pen: ImageDraw.ImageDraw, text: str, size_px: int) -> float:
    """Pixels that the text takes along the line."""
    return sum(pen.textlength(part, face) for part, face, _ in _pieces(text, size_px))


def write_text(
    pen: ImageDraw.ImageDraw, at_px: tuple[float, float], text: str, size_px: int = TEXT_PX, colour: Colour = INK
) -> None:
    """Writes one line of text; `at_px` is its left end, half-way up its capital letters."""
    x, y = at_px
    baseline = y + size_px * 0.36
    for part, face, raised in _pieces(text, size_px):
        pen.text((x, baseline - raised), part, fill=colour, font=face, anchor="ls")
        x += pen.textlength(part, face)


def _pieces(text: str, size_px: int) -> list[tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont, float]]:
    """The text cut at each raised 2, a sign that the typeface lacks, as (part, face, pixels above the baseline)."""
    pieces = []
    for index, part in enumerate(text.split("\u00b2")):
        if index:
            pieces.append(("2", font(round(size_px * 0.65)), size_px * 0.34))
        pieces.append((part, font(size_px), 0.0))
    return pieces


def write_labels(canvas: Canvas, labels: Sequence[Label]) -> None:
    """Writes labels on pale plates, moved as little as needed to lie inside the picture.

    The first has the first choice: one that would lie over an earlier one is left out.
    """
    image = Image.fromarray(canvas.pixels)
    pen = ImageDraw.Draw(image, "RGBA")
    taken: list[Plate] = []
    for label in labels:
        plate = _plate(pen, label, image.size)
        if not any(_overlap(plate, other) for other in taken):
            taken.append(plate)
            _write(pen, label, plate)
    canvas.pixels = np.array(image)


def _plate(pen: ImageDraw.ImageDraw, label: Label, size_px: tuple[int, int]) -> Plate:
    half_x, half_y = text_width(pen, label.text, label.size_px) / 2 + label.size_px * 0.3, label.size_px * 0.7
    x, y = (
        middle + _inward(middle - half, middle + half, limit)
        for middle, half, limit in zip(label.at_px, (half_x, half_y), size_px, strict=True)
    )
    return x - half_x, y - half_y, x + half_x, y + half_y


def _write(pen: ImageDraw.ImageDraw, label: Label, plate: Plate) -> None:
    left, top, _, bottom = plate
    pen.rounded_rectangle(plate, radius=label.size_px * 0.35, fill=(*PAPER, _PLATE_STRENGTH))
    write_text(pen, (left + label.size_px * 0.3, (top + bottom) / 2), label.text, label.size_px, label.colour)


def _overlap(one: Plate, other: Plate) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _inward(low: float, high: float, limit: float) -> float:
    if low < 0:
        return -low
    return min(0.0, limit - high)
