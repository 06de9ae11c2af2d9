"""ROS maps (map_server's map.yaml with its image) in and out of files."""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.grid import FREE, OCCUPIED, OccupancyGrid
from robot_fleet.floor.map_server import MapMode, MapRules, cells_from_pixels
from robot_fleet.floor.pose import Pose
from robot_fleet.storage.documents import is_number, read_yaml, shown

MOST_PIXELS = 400_000_000
# Pixels alone: for PostScript and the like an image reader would start an interpreter on what the file says.
FORMATS = ("PPM", "PNG", "BMP", "JPEG", "GIF", "TIFF", "WEBP")
MOST_SHOWN = 300
REQUIRED = ("image", "resolution", "origin", "negate", "occupied_thresh", "free_thresh")
# What image readers raise for files that are broken in one way or another.
BROKEN_IMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)
FREE_PIXEL, UNKNOWN_PIXEL, OCCUPIED_PIXEL = 254, 205, 0


def load_map(path: Path) -> OccupancyGrid:
    """The grid that a map.yaml and its image say; InvalidInput with every fault of both."""
    faults: list[Fault] = []
    fields = read_yaml(path, faults)
    if fields is None:
        raise InvalidInput("BAD_MAP", tuple(faults))
    check = _Check(path, fields, faults)
    rules, resolution, origin = check.rules(), check.resolution(), check.origin()
    pixels = check.pixels()
    if faults or pixels is None:
        raise InvalidInput("BAD_MAP", tuple(faults))
    return OccupancyGrid(cells_from_pixels(pixels, rules), resolution, origin)


def write_map(folder: Path, grid: OccupancyGrid, image: str = "map.png") -> None:
    """Writes `folder`/map.yaml and its image (trinary); what is neither free nor unknown becomes occupied."""
    pixels = np.full(grid.shape, UNKNOWN_PIXEL, dtype=np.uint8)
    pixels[grid.cells == FREE] = FREE_PIXEL
    pixels[(grid.cells > FREE) & (grid.cells <= OCCUPIED)] = OCCUPIED_PIXEL
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[::-1]).save(folder / image, optimize=True)
    lines = [
        f"image: {image}",
        "mode: trinary",
        f"resolution: {grid.resolution_m!r}",
        f"origin: [{grid.origin.x_m!r}, {grid.origin.y_m!r}, {grid.origin.yaw_rad!r}]",
        "negate: 0",
        "occupied_thresh: 0.65",
        "free_thresh: 0.196",
    ]
    (folder / "map.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_image(path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Pixels (height, width) or (height, width, 3 or 4), 8 or 16 bits; ValueError for what is no map or too large."""
    bomb_limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # the limit below is ours: PIL's own is smaller than a large map
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"has {image.width} x {image.height} pixels")
            return _pixels(image)
    finally:
        Image.MAX_IMAGE_PIXELS = bomb_limit


def _pixels(image: Image.Image) -> NDArray[np.uint8] | NDArray[np.uint16]:
    if image.mode.startswith("I"):
        # 16-bit grey (PGM and PNG) arrives in 16 or in 32 bits.
        return np.asarray(image).clip(0, 65535).astype(np.uint16)
    if image.mode == "F":
        raise ValueError("holds floating point numbers")
    if image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    return np.asarray(image, dtype=np.uint8)


@dataclass(frozen=True)
class _Check:
    """Reads the fields of one map.yaml; what is wrong goes to `faults` and a harmless value comes back."""

    path: Path
    fields: Mapping[str, Any]
    faults: list[Fault]

    def rules(self) -> MapRules:
        for key in REQUIRED:
            if self.fields.get(key) is None:
                self._fault(key, "is missing", "map_server needs it; add it.")
        rules = MapRules(self._mode(), self._negate(), self._share("occupied_thresh"), self._share("free_thresh"))
        equal_is_wrong = rules.mode is MapMode.SCALE and rules.free_thresh == rules.occupied_thresh
        if rules.free_thresh > rules.occupied_thresh or equal_is_wrong:
            remedy = "Give 0 <= free_thresh < occupied_thresh <= 1; usual are 0.196 and 0.65."
            self._fault("free_thresh", f"{rules.free_thresh} is not below occupied_thresh", remedy)
        return rules

    def resolution(self) -> float:
        value = self.fields.get("resolution")
        if is_number(value) and 1e-3 <= value <= 10.0:
            return float(value)
        if value is not None:
            self._fault("resolution", f"is {shown(value)}", "Give metres a pixel, from 0.001 to 10, such as 0.05.")
        return 1.0

    def origin(self) -> Pose:
        value = self.fields.get("origin")
        bad = [x for x in value if not (is_number(x) and abs(x) <= 1e6)] if isinstance(value, list) else []
        if isinstance(value, list) and len(value) == 3 and not bad:
            return Pose(*map(float, value))
        if value is not None:
            what = f"holds {shown(bad[0])}" if bad else f"is {shown(value)}"
            self._fault(
                "origin", what, "Give [x, y, yaw] of the lower left corner, in metres and radians, at most 1e6."
            )
        return Pose(0.0, 0.0)

    def pixels(self) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
        name = self.fields.get("image")
        if name is None:
            return None
        if not isinstance(name, str) or not name or "\0" in name:
            self._fault("image", f"is {shown(name)}", "Give the image's file name.")
            return None
        return self._image(self.path.parent / name)

    def _image(self, image: Path) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
        if not os.path.isfile(image):  # Path.is_file would raise for a name that is too long
            self._fault("image", f"there is no file {image}"[:MOST_SHOWN], "Put the image there, or correct its name.")
            return None
        try:
            return read_image(image)
        except UnidentifiedImageError:
            self._broken(image, "is no image", "Give a PGM, PNG or BMP image.")
        except PermissionError:
            self._broken(image, "may not be read", "Give the controller's user the right to read it.")
        except MemoryError:
            self._broken(image, "does not fit into memory", "Give a smaller or coarser map.")
        except BROKEN_IMAGE as error:
            remedy = f"Give a whole PGM, PNG or BMP image of at most {MOST_PIXELS // 1_000_000} million pixels."
            self._broken(image, f"cannot be used: {error}", remedy)
        return None

    def _mode(self) -> MapMode:
        value = self.fields.get("mode", MapMode.TRINARY.value)
        if isinstance(value, str) and value.lower() in {mode.value for mode in MapMode}:
            return MapMode(value.lower())
        self._fault("mode", f"is {shown(value)}", "Give trinary, scale or raw.")
        return MapMode.TRINARY

    def _negate(self) -> bool:
        value = self.fields.get("negate", 0)
        if value is not None and not isinstance(value, (bool, int)):
            self._fault("negate", f"is {shown(value)}", "Give 0 or 1.")
        return bool(value)

    def _share(self, key: str) -> float:
        usual = {"occupied_thresh": 0.65, "free_thresh": 0.196}[key]
        value = self.fields.get(key, usual)
        if is_number(value) and not math.isnan(value) and 0.0 <= value <= 1.0:
            return float(value)
        if value is not None:
            self._fault(key, f"is {shown(value)}", f"Give a number from 0 to 1, such as {usual}.")
        return usual

    def _fault(self, place: str, what: str, remedy: str) -> None:
        self.faults.append(Fault(self.path.name, place, what, remedy))

    def _broken(self, image: Path, what: str, remedy: str) -> None:
        self.faults.append(Fault(image.name, "", what, remedy))
