"""Map files in and out: every format that map_server reads, and every fault of a bad one at once."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from PIL import Image

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.storage import maps
from robot_fleet.storage.maps import load_map, write_map

GOOD = {
    "image": "map.pgm",
    "resolution": "0.05",
    "origin": "[-1.5, 2.0, 0.3]",
    "negate": "0",
    "occupied_thresh": "0.65",
    "free_thresh": "0.196",
}
PIXELS = np.array([[0, 205, 254], [254, 254, 254]], dtype=np.uint8)
CELLS = [[0, 0, 0], [100, -1, 0]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.fromarray(PIXELS).save(tmp_path / "map.pgm")
    return tmp_path


def described(folder: Path, **changes: str | None) -> Path:
    lines = [f"{key}: {value}" for key, value in {**GOOD, **changes}.items() if value is not None]
    path = folder / "map.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def faults(path: Path) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refusal:
        load_map(path)
    assert all(fault.remedy and fault.what for fault in refusal.value.faults)
    return {f"{fault.file} {fault.place}".strip(): fault.what for fault in refusal.value.faults}


def test_a_pgm_map_is_read_with_its_origin(folder: Path) -> None:
    grid = load_map(described(folder))
    assert grid.cells.tolist() == CELLS
    assert (grid.resolution_m, grid.origin) == (0.05, Pose(-1.5, 2.0, 0.3))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ascii.pgm", b"P2\n# a comment\n3 2\n255\n0 205 254\n254 254 254\n"),
        ("sixteen.pgm", b"P5 3 2 65535\n" + (PIXELS.astype(">u2") * 257).tobytes()),
        ("coarse.pgm", b"P2 3 2 5\n0 4 5 5 5 5\n"),
    ],
)
def test_other_kinds_of_pgm_are_read(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert load_map(described(folder, image=name)).cells.tolist() == CELLS


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "I;16"])
def test_png_of_every_kind_is_read(folder: Path, mode: str) -> None:
    image = Image.fromarray(PIXELS.astype(np.uint16) * 257) if mode.startswith("I") else Image.fromarray(PIXELS)
    image.convert(mode if mode != "I;16" else image.mode).save(folder / "map.png")
    # With an opaque alpha channel 205 counts as 217: map_server averages alpha in.
    thresholds = {"free_thresh": "0.1"} if "A" in mode else {}
    assert load_map(described(folder, image="map.png", **thresholds)).cells.tolist() == CELLS


def test_bmp_and_absolute_paths_are_read(folder: Path) -> None:
    Image.fromarray(PIXELS).save(folder / "map.bmp")
    assert load_map(described(folder, image=str(folder / "map.bmp"))).cells.tolist() == CELLS


def test_a_transparent_colour_of_a_palette_is_transparent(folder: Path) -> None:
    Image.fromarray(PIXELS).convert("P").save(folder / "map.png", transparency=254)
    cells = load_map(described(folder, image="map.png", mode="scale")).cells
    assert cells[0].tolist() == [-1, -1, -1]


@pytest.mark.parametrize(("mode", "expected"), [("Trinary", 100), ("SCALE", 100), ("raw", 0)])
def test_modes_are_read_in_any_case(folder: Path, mode: str, expected: int) -> None:
    assert load_map(described(folder, mode=mode)).cells[1, 0] == expected


@given(
    npst.arrays(np.int8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from((0, 100, -1))),
    st.builds(Pose, st.floats(-99, 99), st.floats(-99, 99), st.floats(-3, 3)),
    st.sampled_from(["map.png", "map.pgm"]),
)
def test_what_was_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, cells: NDArray[np.int8], origin: Pose, image: str
) -> None:
    folder = tmp_path_factory.mktemp("map")
    write_map(folder, OccupancyGrid(cells, 0.05, origin), image)
    grid = load_map(folder / "map.yaml")
    assert np.array_equal(grid.cells, cells)
    assert (grid.resolution_m, grid.origin) == (0.05, origin)


@pytest.mark.parametrize("key", list(GOOD))
def test_a_missing_field_is_named(folder: Path, key: str) -> None:
    assert faults(described(folder, **{key: None})) == {f"map.yaml {key}": "is missing"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resolution", "0"),
        ("resolution", "-0.05"),
        ("resolution", ".nan"),
        ("resolution", ".inf"),
        ("resolution", "five"),
        ("resolution", "[0.05]"),
        ("origin", "[0, 0]"),
        ("origin", "[0, .nan, 0]"),
        ("origin", "none"),
        ("negate", "maybe"),
        ("occupied_thresh", "1.5"),
        ("occupied_thresh", "high"),
        ("free_thresh", "-0.1"),
        ("free_thresh", "0.9"),
        ("mode", "binary"),
        ("mode", "7"),
        ("image", "nowhere.pgm"),
        ("image", "''"),
        ("image", "[map.pgm]"),
        ("image", "."),
        ("image", "a" * 5000),
    ],
)
def test_a_wrong_value_is_named(folder: Path, key: str, value: str) -> None:
    assert list(faults(described(folder, **{key: value}))) == [f"map.yaml {key}"]


@pytest.mark.parametrize(
    ("origin", "what"),
    [("[0, .nan, 0]", "holds nan"), ("[0, 2e6, 0]", "holds 2000000.0"), ("[0, 0]", "is a list of 2")],
)
def test_what_is_wrong_with_an_origin_is_told(folder: Path, origin: str, what: str) -> None:
    assert faults(described(folder, origin=origin))["map.yaml origin"].startswith(what)


def test_equal_thresholds_are_wrong_for_shades_only(folder: Path) -> None:
    load_map(described(folder, free_thresh="0.65"))
    assert "map.yaml free_thresh" in faults(described(folder, free_thresh="0.65", mode="scale"))


def test_all_faults_come_in_one_answer(folder: Path) -> None:
    path = described(folder, resolution="0", mode="x", image="gone.png", origin=None, negate="[]")
    assert set(faults(path)) == {f"map.yaml {key}" for key in ("resolution", "mode", "image", "origin", "negate")}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"P5 3 2 255\n\x00",
        b"P2 3 2 255\n0 1",
        b"P5 -3 2 255\n123456",
        b"P5 3 2 0\n123456",
        b"\x89PNG\r\n\x1a\n",
        b"P2 3 2 255\n0 1 2 x y z",
    ],
)
def test_a_broken_image_is_a_fault(folder: Path, content: bytes) -> None:
    (folder / "map.pgm").write_bytes(content)
    assert list(faults(described(folder))) == ["map.pgm"]


def test_a_drawing_that_a_program_would_have_to_be_run_for_is_no_image(folder: Path) -> None:
    drawing = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(run me) print\n%%EOF\n"
    (folder / "map.pgm").write_bytes(drawing)
    assert faults(described(folder)) == {"map.pgm": "is no image"}


def test_a_truncated_png_is_a_fault(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "map.png")
    whole = (folder / "map.png").read_bytes()
    for length in (20, 60, len(whole) // 2, len(whole) - 30):
        (folder / "map.png").write_bytes(whole[:length])
        assert list(faults(described(folder, image="map.png"))) == ["map.png"]


def test_a_huge_image_is_refused_before_it_is_unpacked(folder: Path) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data = b"IDAT" + zlib.compress(b"")
    png += struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    (folder / "map.png").write_bytes(png)
    assert "100000 x 100000 pixels" in faults(described(folder, image="map.png"))["map.png"]


def test_a_map_beyond_the_usual_limit_of_image_readers_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2)
    assert load_map(described(folder)).cells.tolist() == CELLS
    assert Image.MAX_IMAGE_PIXELS == 2
    monkeypatch.setattr(maps, "MOST_PIXELS", 5)
    assert "3 x 2 pixels" in faults(described(folder))["map.pgm"]


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "a: \x00", "just words", "? [a]: b"])
def test_a_map_yaml_that_is_none_is_a_fault(folder: Path, text: str) -> None:
    (folder / "map.yaml").write_text(text)
    assert faults(folder / "map.yaml")


def test_a_missing_or_unreadable_map_yaml_is_a_fault(folder: Path) -> None:
    assert "there is no file" in faults(folder / "map.yaml")["map.yaml"]
    (folder / "map.yaml").write_bytes(b"image: \xff\xfe")
    assert faults(folder / "map.yaml") == {"map.yaml": "is no UTF-8 text"}
    (folder / "map.yaml").unlink()
    (folder / "map.yaml").mkdir()
    assert list(faults(folder / "map.yaml")) == ["map.yaml"]
