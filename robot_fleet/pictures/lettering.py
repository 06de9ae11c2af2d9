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
    """Writes each label on a pale plate, moved as little as needed to lie inside the picture."""
    image = Image.fromarray(canvas.pixels)
    pen = ImageDraw.Draw(image, "RGBA")
    for label in labels:
        _write(pen, label, image.size)
    canvas.pixels = np.array(image)


def _write(pen: ImageDraw.ImageDraw, label: Label, size_px: tuple[int, int]) -> None:
    half_x, half_y = text_width(pen, label.text, label.size_px) / 2 + label.size_px * 0.3, label.size_px * 0.7
    x, y = (
        middle + _inward(middle - half, middle + half, limit)
        for middle, half, limit in zip(label.at_px, (half_x, half_y), size_px, strict=True)
    )
    plate = (x - half_x, y - half_y, x + half_x, y + half_y)
    pen.rounded_rectangle(plate, radius=label.size_px * 0.35, fill=(*PAPER, _PLATE_STRENGTH))
    write_text(pen, (x - half_x + label.size_px * 0.3, y), label.text, label.size_px, label.colour)


def _inward(low: float, high: float, limit: float) -> float:
    if low < 0:
        return -low
    return min(0.0, limit - high)
