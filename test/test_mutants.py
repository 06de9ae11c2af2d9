"""The bugs by which the proof is tested still fit the code, and one that nothing finds is told as such."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from mutant_list import MUTANTS, Mutant
from mutants import (
    HANGS,
    SURVIVED,
    Baseline,
    Copy,
    Kept,
    NotGreen,
    found_by,
    killer_of,
    main,
    mutated,
    results_of,
    summary,
    written,
)

ROOT = Path(__file__).resolve().parent.parent
RULE = "def may_drive(held: bool) -> bool:\n    return not held  # a rule\n"
TEST = "from robot_fleet.rules import may_drive\n\n\ndef test_a_held_robot_stays() -> None:\n    assert not may_drive(True)\n"
HARMFUL = Mutant(
    "a held robot drives", "robot_fleet/rules.py", "return not held", "return held", "all", ("test_rules",)
)
HARMLESS = replace(HARMFUL, name="another remark", before="# a rule", after="# the rule")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one rule and its test."""
    root = tmp_path / "tree"
    for file, text in {"robot_fleet/__init__.py": "", "robot_fleet/rules.py": RULE, "test/test_rules.py": TEST}.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    return root


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_every_bug_fits_the_code_and_can_be_compiled(mutant: Mutant) -> None:
    before = (ROOT / mutant.file).read_text()
    after = mutated(mutant, before)
    assert after != before
    compile(after, mutant.file, "exec")
    assert mutant.tests and all((ROOT / "test" / f"{test}.py").is_file() for test in mutant.tests)


def test_no_two_bugs_have_one_name_and_none_is_in_what_judges_nights() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 30
    assert not any("/nights/" in mutant.file or "/sim/" in mutant.file for mutant in MUTANTS)


def test_a_bug_whose_text_is_not_there_exactly_once_is_refused() -> None:
    for text in ("", RULE + RULE):
        with pytest.raises(NotGreen, match=r"stands [02] times in robot_fleet/rules.py"):
            mutated(HARMFUL, text)


def test_a_bug_is_found_by_name_one_that_changes_nothing_survives_and_only_that_is_tried_again(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.jsonl"
    found, survived = results_of([HARMFUL, HARMLESS], Kept(kept), 0, 1, tree)
    assert found.found_by == "`test_rules`: a held robot stays" and survived.found_by == SURVIVED
    assert "another remark: survived" in capsys.readouterr().out
    assert summary([found, survived]) == (
        "1 of 2 bugs were found, 1 by tests and 0 by nights; survived: another remark."
    )
    text = written(
        "before\n<!-- mutants begin -->\nold\n<!-- mutants end -->\nafter", [HARMFUL, HARMLESS], [found, survived]
    )
    assert "1 of 2 bugs" in text and "| a held robot drives | all | `test_rules`: a held robot stays |" in text
    assert text.startswith("before\n") and text.endswith("\nafter") and "old" not in text
    assert (tree / "robot_fleet/rules.py").read_text() == RULE

    (tree / "test/test_rules.py").write_text("")
    assert results_of([HARMFUL], Kept(kept), 0, 1, tree) == [found]


def test_what_hangs_is_said_to_hang_and_what_nights_violate_without_the_bug_is_not_counted(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, kept = Copy(tree, tmp_path / "copy"), Kept(tmp_path / "kept.jsonl")
    unchanged = Baseline(Copy(tree, tmp_path / "unchanged"), kept)
    monkeypatch.setattr("mutants.run_test", lambda copy, test, limit_s: (0, ""))
    violated = {
        copy.folder: [{"account"}, {"account", "contact"}],
        (tmp_path / "unchanged"): [{"account"}, {"account"}],
    }
    monkeypatch.setattr("mutants.night_checks", lambda where, robots, seed: violated[where.folder][seed])
    assert found_by(HARMLESS, copy, unchanged, 2) == "nights: contact (seed 1, 3 robots)"
    assert found_by(HARMLESS, copy, unchanged, 1) == SURVIVED
    monkeypatch.setattr("mutants.run_test", lambda copy, test, limit_s: (None, ""))
    assert found_by(HARMLESS, copy, unchanged, 0) == f"`test_rules` {HANGS}"


def test_tests_that_fail_without_a_bug_say_nothing_of_bugs(tree: Path, tmp_path: Path) -> None:
    (tree / "test/test_rules.py").write_text("assert False\n")
    with pytest.raises(NotGreen, match="test_rules does not pass with the unchanged code"):
        results_of([HARMLESS], Kept(tmp_path / "kept.jsonl"), 0, 1, tree)


def test_a_test_that_failed_is_named_by_what_it_states() -> None:
    said = "FAILED test/test_a.py::test_it_holds[no-1] - assert 0\n1 failed"
    assert killer_of(said, "test_a") == "`test_a`: it holds"
    assert killer_of("ERROR test/test_a.py - SyntaxError", "test_a") == "`test_a`"


def test_bugs_are_listed_by_a_part_of_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--only", "held robot is let go"]) == 0
    assert capsys.readouterr().out.startswith("a held robot is let go by a restart (robot_fleet/control/records.py): ")
