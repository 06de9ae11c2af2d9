"""Work that was killed while it wrote down a result is gone on with, wherever in its last line it was cut off."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from robot_fleet.main import nights
from robot_fleet.main.kept_lines import OtherLines, add_line, whole_lines
from robot_fleet.main.nights import NightsSettings, OtherNights, pass_nights

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from mutants import Kept

SETTINGS = NightsSettings("random", 2, ("crash",))


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of the nights that pass; what comes of each has brackets within."""
    seeds: list[int] = []

    def outcomes(settings: NightsSettings, todo: list[int], jobs: int) -> Iterator[dict[str, Any]]:
        for seed in todo:
            seeds.append(seed)
            yield {"seed": seed, "faults": [{"kind": "crash"}, {"kind": "dead"}], "runs": [{"state": "COMPLETED"}]}

    monkeypatch.setattr(nights, "_passed", outcomes)
    return seeds


def nights_in(kept: Path, seeds: list[int]) -> list[dict[str, Any]]:
    return pass_nights(SETTINGS, seeds, 1, kept, lambda entry, is_new: None)


def begin_of_last_line(text: bytes) -> int:
    return text[:-1].rfind(b"\n") + 1


def test_nights_are_gone_on_with_from_wherever_in_the_last_line_they_were_cut_off(
    tmp_path: Path, passed: list[int]
) -> None:
    kept = tmp_path / "nights.jsonl"
    whole = nights_in(kept, [0, 1, 2])
    text = kept.read_bytes()
    for cut in range(begin_of_last_line(text), len(text)):
        kept.write_bytes(text[:cut])
        passed.clear()
        # Twice: the first to go on adds its line behind the cut, the second reads both.
        assert nights_in(kept, [0, 1, 2]) == nights_in(kept, [0, 1, 2]) == whole
        assert passed == [2] and kept.read_bytes() == text


def test_nights_that_were_cut_off_within_what_they_are_like_begin_anew(tmp_path: Path, passed: list[int]) -> None:
    kept = tmp_path / "nights.jsonl"
    whole = nights_in(kept, [0])
    text = kept.read_bytes()
    for cut in range(begin_of_last_line(text)):
        kept.write_bytes(text[:cut])
        assert nights_in(kept, [0]) == whole and kept.read_bytes() == text


def test_what_came_of_bugs_is_gone_on_with_from_wherever_in_the_last_line_it_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "mutants.jsonl"
    first = Kept(path)
    first.add("test", "test_a", "k", seconds=1.0)
    first.add("night", "3 with 2 robots", "k", checks=[], of={"inner": {}})
    text = path.read_bytes()
    for cut in range(begin_of_last_line(text), len(text)):
        path.write_bytes(text[:cut])
        again = Kept(path)
        assert again.find("test", "test_a", "k") and not again.find("night", "3 with 2 robots", "k")
        again.add("mutant", "another", "k", found_by="a test", seconds=2.0)
        assert Kept(path).find("mutant", "another", "k") and Kept(path).find("test", "test_a", "k")


def test_a_line_that_was_damaged_among_others_is_left_out_alone(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    add_line(path, {"seed": 0})
    path.write_bytes(path.read_bytes() + b'{"seed": 1, "se{"seed": 2}\n\xff\x00\n[3]\n')
    add_line(path, {"seed": 4})
    before = path.read_bytes()
    assert whole_lines(path, '{"seed"') == [{"seed": 0}, {"seed": 4}]
    assert path.read_bytes() == before


def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, passed: list[int]) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("buy milk")
    with pytest.raises(OtherNights, match="something else"):
        nights_in(notes, [0])
    with pytest.raises(OtherLines, match="buy milk"):
        Kept(notes)
    assert notes.read_text() == "buy milk" and not passed
