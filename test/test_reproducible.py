"""A night that is told by its seed is the same night on another machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from robot_fleet.main.reproducible import reproducible_numbers

PINNED = ("NPY_DISABLE_CPU_FEATURES", "OPENBLAS_CORETYPE", "OPENCV_IPP", "OPENCV_LOG_LEVEL")
SERVER = "flags : fpu sse4_2 avx avx2 fma avx512f avx512dq\n"
OLDER = "flags : fpu sse4_2 avx avx2 fma\n"
LOOPS = """
import json, sys
from robot_fleet.main.reproducible import reproducible_numbers
reproducible_numbers()
assert "numpy" not in sys.modules
from numpy._core._multiarray_umath import __cpu_features__ as features
print(json.dumps([name for name, there in features.items() if there]))
"""

CLEARANCES = """
import hashlib, os, sys
from pathlib import Path
from robot_fleet.main.reproducible import reproducible_numbers
if sys.argv[2] == "one":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
reproducible_numbers()
from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.main.stores import load
field = ClearanceField.of(load(Path(sys.argv[1]), None).floor).at_cell_centres
print(hashlib.sha256(field.tobytes()).hexdigest())
"""
SHOP = Path(__file__).resolve().parent.parent / "maps" / "corner_shop"


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PINNED:
        monkeypatch.setenv(name, "")  # so that it is put back as it was, also where it was not set
        monkeypatch.delenv(name)


def cpuinfo(folder: Path, text: str) -> Path:
    file = folder / "cpuinfo"
    file.write_text(text)
    return file


@pytest.mark.usefixtures("unset")
def test_a_processor_with_wider_loops_uses_those_of_one_without(tmp_path: Path) -> None:
    wide, narrow = (reproducible_numbers(cpuinfo(tmp_path, text)) for text in (SERVER, OLDER))
    assert "AVX512F" in wide["NPY_DISABLE_CPU_FEATURES"].split() and wide["OPENBLAS_CORETYPE"] == "Haswell"
    assert "NPY_DISABLE_CPU_FEATURES" not in narrow


@pytest.mark.usefixtures("unset")
def test_a_processor_that_lacks_what_the_others_have_is_left_alone(tmp_path: Path) -> None:
    assert reproducible_numbers(cpuinfo(tmp_path, "Features : fp asimd\n")) == {}
    assert reproducible_numbers(tmp_path / "nothing") == {}


@pytest.mark.usefixtures("unset")
def test_what_a_person_has_chosen_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    assert "OPENBLAS_CORETYPE" not in reproducible_numbers(cpuinfo(tmp_path, SERVER))
    assert os.environ["OPENBLAS_CORETYPE"] == "Zen"


@pytest.mark.usefixtures("unset")
def test_numpy_heeds_it() -> None:
    done = subprocess.run([sys.executable, "-c", LOOPS], capture_output=True, text=True, check=True, timeout=60)
    assert not {"AVX512F", "AVX512_SKX", "AVX512_ICL"} & set(json.loads(done.stdout))


@pytest.mark.usefixtures("unset")
@pytest.mark.parametrize("processors", ["one", "all"])
@pytest.mark.parametrize("disabled", ["", "AVX512_SKX"])
def test_distances_to_shelves_are_the_same_to_the_last_digit_on_every_processor(processors: str, disabled: str) -> None:
    def clearances(processors: str, disabled: str) -> str:
        program = [sys.executable, "-c", CLEARANCES, str(SHOP), processors]
        variables = os.environ | ({"OPENCV_CPU_DISABLE": disabled} if disabled else {})
        return subprocess.run(program, capture_output=True, text=True, check=True, timeout=120, env=variables).stdout

    assert clearances(processors, disabled) == clearances("all", "") != ""
