"""How many bugs, made by hand one at a time, the tests and the nights find: the proof is tested too.

    .venv/bin/python benchmarks/mutants.py                              all of them: 20 minutes or more
    .venv/bin/python benchmarks/mutants.py --list                       what they are
    .venv/bin/python benchmarks/mutants.py --only "a late result is believed"
    .venv/bin/python benchmarks/mutants.py --write docs/reliability.md  puts the table into a file, at its mark

Each bug of mutant_list.py is put into a copy of the working tree, which stays as it is. The tests that are likely to see it come
first; if all of them pass, nights pass until one violates what the unchanged code does not. What came of each is kept in a file,
so that this can be broken off and gone on with; those that were found count as long as their files are as they were, and those that
survived are tried again.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from mutant_list import MUTANTS, Mutant
from table import between_marks

from robot_fleet.main.kept_lines import OtherLines, add_line, whole_lines

ROOT = Path(__file__).resolve().parent.parent
MARKS = "<!-- mutants begin -->", "<!-- mutants end -->"
HEADINGS = "bug", "what it breaks", "found by"
SURVIVED, HANGS = "survived", "hangs"
ROBOTS = (2, 3, 4)
"""Nights are passed in the corner shop with so many robots, by turns."""

_LEFT_OUT = (".git", ".venv", "build", "install", "log", ".*_cache", ".hypothesis", "*.egg-info", "demo-report")
# A test may take so many times as long as with the unchanged code before it is said to hang, but for a start so long.
_SLOWER, _LEAST_S = 5.0, 60.0
_NIGHT_S = 600.0
_BEGIN = '{"kind": "'
_FAILED = re.compile(r"^(?:FAILED|ERROR) (?:test/)?(\S+?)\.py(?:::(\S+))?", re.MULTILINE)


class NotGreen(Exception):
    """The unchanged code does not pass a test, or a mutant does not fit it: nothing can be said of bugs."""


@dataclass(frozen=True)
class Result:
    """What came of a mutant: by what it was found, SURVIVED, or HANGS and where."""

    name: str
    key: str
    found_by: str
    seconds: float

    @property
    def survived(self) -> bool:
        """Whether nothing found it."""
        return self.found_by == SURVIVED


class Copy:
    """A copy of a working tree, in which one file at a time is changed."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=True, dirs_exist_ok=True)

    @contextmanager
    def changed(self, mutant: Mutant) -> Iterator[None]:
        """As long as this lasts the mutant is in the copy; NotGreen when it does not fit."""
        file = self.folder / mutant.file
        text, was = file.read_text(encoding="utf-8"), file.stat()
        file.write_text(mutated(mutant, text), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")
            # What Python has compiled of the file as it was may be used again.
            os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))

    def run(self, arguments: Sequence[str], limit_s: float) -> tuple[int | None, str]:
        """Exit status (None: it took longer than the limit) and output of Python in the copy."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": ""}
        command = [sys.executable, *arguments]
        # A group of its own, so that nothing is left of what it has started.
        with subprocess.Popen(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:  # fmt: skip
            try:
                said, _ = process.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                return None, ""
            finally:
                _end_group(process.pid)
        return process.returncode, said


class Baseline:
    """What the unchanged code does: how long each test takes, and what nights violate. Looked at once, and kept."""

    def __init__(self, copy: Copy, kept: Kept) -> None:
        self._copy, self._kept = copy, kept
        self._tree = tree_key(copy.folder)

    def seconds(self, test: str) -> float:
        """How long a test file takes; NotGreen when it does not pass."""
        known = self._kept.find("test", test, self._tree)
        if known is None:
            began_s = time.monotonic()
            status, said = run_test(self._copy, test, 3600.0)
            if status != 0:
                raise NotGreen(f"{test} does not pass with the unchanged code:\n{said[-2000:]}")
            known = self._kept.add("test", test, self._tree, seconds=round(time.monotonic() - began_s, 1))
            print(f"  {test} passes in {known['seconds']:.0f} s", flush=True)
        return float(known["seconds"])

    def violates(self, robots: int, seed: int) -> set[str]:
        """The checks that a night violates."""
        name = f"{seed} with {robots} robots"
        known = self._kept.find("night", name, self._tree)
        if known is None:
            known = self._kept.add("night", name, self._tree, checks=sorted(night_checks(self._copy, robots, seed)))
        return set(known["checks"])


class Kept:
    """A file with what came of what; a line that was cut off is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[tuple[str, str], dict[str, Any]] = {}
        for entry in whole_lines(path, _BEGIN):
            self._entries[entry["kind"], entry["name"]] = entry

    def find(self, kind: str, name: str, key: str) -> dict[str, Any] | None:
        """What is kept of it, if it still has that key."""
        entry = self._entries.get((kind, name))
        return entry if entry and entry["key"] == key else None

    def add(self, kind: str, name: str, key: str, **values: Any) -> dict[str, Any]:
        """Keeps it, and gives it back."""
        entry = self._entries[kind, name] = {"kind": kind, "name": name, "key": key, **values}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        add_line(self._path, entry)
        return entry


def mutated(mutant: Mutant, text: str) -> str:
    """The file's text with the bug; NotGreen unless what it replaces is there exactly once."""
    if (times := text.count(mutant.before)) != 1:
        raise NotGreen(f"'{mutant.name}' does not fit: its text stands {times} times in {mutant.file}")
    return text.replace(mutant.before, mutant.after)


def mutant_key(mutant: Mutant, root: Path) -> str:
    """Changes with the mutant and with the file that it is a bug of."""
    text = (root / mutant.file).read_text(encoding="utf-8")
    return hashlib.sha256("\0".join((text, mutant.before, mutant.after)).encode()).hexdigest()[:16]


def tree_key(root: Path) -> str:
    """Changes with the code and its tests."""
    total = hashlib.sha256()
    for file in sorted(path for folder in ("robot_fleet", "test") for path in (root / folder).rglob("*.py")):
        total.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return total.hexdigest()[:16]


def run_test(copy: Copy, test: str, limit_s: float) -> tuple[int | None, str]:
    """Exit status and output of one file of tests, which ends with the first that fails."""
    return copy.run(["-m", "pytest", "-x", "-q", "-rfE", "-p", "no:cacheprovider", f"test/{test}.py"], limit_s)


def killer_of(said: str, test: str) -> str:
    """The test that failed, by pytest's summary; the file alone when it could not even be read."""
    found = _FAILED.search(said)
    return f"`{found[1]}`: {_as_words(found[2])}" if found and found[2] else f"`{test}`"


def _as_words(name: str) -> str:
    """The statement that a test's name makes."""
    return name.rpartition("::")[2].partition("[")[0].removeprefix("test_").replace("_", " ")


def night_checks(copy: Copy, robots: int, seed: int) -> set[str]:
    """The checks that a night in the corner shop violates, `hangs` or `cannot be simulated` among them."""
    options = ["--count", "1", "--seed", str(seed), "--robots", str(robots), "--jobs", "1", "--json"]
    status, said = copy.run(["-m", "robot_fleet.cli", "nights", *options], _NIGHT_S)
    if status is None:
        return {HANGS}
    try:
        report, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
        return set(report["checks"])
    except ValueError:
        return {"cannot be simulated"}


def found_by(mutant: Mutant, copy: Copy, baseline: Baseline, nights: int) -> str:
    """What finds the mutant, tests first; SURVIVED when nothing does."""
    with copy.changed(mutant):
        for test in mutant.tests:
            status, said = run_test(copy, test, max(_LEAST_S, _SLOWER * baseline.seconds(test)))
            if status != 0:
                return f"`{test}` {HANGS}" if status is None else killer_of(said, test)
        for seed in range(nights):
            robots = ROBOTS[seed % len(ROBOTS)]
            checks = night_checks(copy, robots, seed)
            # What the unchanged code does is seen in another copy: in this one the bug still is.
            if checks and (new := checks - baseline.violates(robots, seed)):
                return f"nights: {', '.join(sorted(new))} (seed {seed}, {robots} robots)"
    return SURVIVED


def results_of(mutants: Sequence[Mutant], kept: Kept, nights: int, jobs: int, root: Path = ROOT) -> list[Result]:
    """What came of each mutant, in their order; tells of each as soon as that is known."""
    with ExitStack() as stack:
        copies: SimpleQueue[Copy] = SimpleQueue()
        count = itertools.count(1)
        folders = [Path(stack.enter_context(TemporaryDirectory(prefix="mutants-"))) for _ in range(jobs + 1)]
        unchanged, *others = [Copy(root, folder) for folder in folders]
        for copy in others:
            copies.put(copy)
        baseline = Baseline(unchanged, kept)
        keys = {mutant.name: mutant_key(mutant, unchanged.folder) for mutant in mutants}
        todo = [mutant for mutant in mutants if _known(mutant.name, keys[mutant.name], kept) is None]
        for test in dict.fromkeys(test for mutant in todo for test in mutant.tests):
            baseline.seconds(test)

        def one(mutant: Mutant) -> Result:
            name, key, began_s = mutant.name, keys[mutant.name], time.monotonic()
            known = _known(name, key, kept)
            if known is None:
                copy = copies.get()
                by = found_by(mutant, copy, baseline, nights)
                copies.put(copy)
                known = Result(name, key, by, round(time.monotonic() - began_s, 1))
                kept.add("mutant", name, key, found_by=by, seconds=known.seconds)
            print(f"  {next(count)} of {len(mutants)} {name}: {known.found_by}", flush=True)
            return known

        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(one, mutants))


def _known(name: str, key: str, kept: Kept) -> Result | None:
    """What is kept of a mutant, if it was found: one that survived is tried again."""
    entry = kept.find("mutant", name, key)
    if entry is None or entry["found_by"] == SURVIVED:
        return None
    return Result(name, key, entry["found_by"], entry["seconds"])


def _end_group(group: int) -> None:
    """Ends what is left of a process's group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def summary(results: Sequence[Result]) -> str:
    """How many were found, in a sentence."""
    survivors = [result.name for result in results if result.survived]
    by_nights = sum(result.found_by.startswith("nights") for result in results)
    found = len(results) - len(survivors)
    text = f"{found} of {len(results)} bugs were found, {found - by_nights} by tests and {by_nights} by nights"
    return f"{text}; survived: {'; '.join(survivors)}." if survivors else f"{text}."


def rows_of(mutants: Sequence[Mutant], results: Sequence[Result]) -> list[list[str]]:
    """The table's rows."""
    return [[mutant.name, mutant.breaks, result.found_by] for mutant, result in zip(mutants, results, strict=True)]


def written(text: str, mutants: Sequence[Mutant], results: Sequence[Result]) -> str:
    """The text with the summary and the table between the marks."""
    table = between_marks(text, MARKS, HEADINGS, rows_of(mutants, results))
    return table.replace(f"{MARKS[0]}\n", f"{MARKS[0]}\n{summary(results)}\n\n", 1)


def _chosen(names: Sequence[str] | None) -> list[Mutant]:
    """The mutants whose names contain one of the given; all without."""
    return [mutant for mutant in MUTANTS if not names or any(name in mutant.name for name in names)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Tries the mutants; the exit status is 1 when one survived, 2 when the unchanged code is not as it should be."""
    parser = argparse.ArgumentParser(description="Put bugs into the code, one at a time, and see what finds them.")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="those whose names contain one of these")
    parser.add_argument("--list", action="store_true", help="tell what there are, and try nothing")
    parser.add_argument("--nights", type=int, default=12, metavar="N", help="so many nights for what tests do not find")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many at once")
    parser.add_argument(
        "--kept", type=Path, default=ROOT / "build" / "mutants.jsonl", metavar="FILE", help="what is known"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into a Markdown file, at its mark")
    options = parser.parse_args(arguments)
    if options.write and options.only:
        parser.error("--write is for all of them, without --only")
    mutants = _chosen(options.only)
    if options.list:
        for mutant in mutants:
            print(f"{mutant.name} ({mutant.file}): {mutant.breaks}")
        return 0
    try:
        results = results_of(mutants, Kept(options.kept), options.nights, options.jobs)
    except (NotGreen, OtherLines) as fault:
        print(fault, file=sys.stderr)
        return 2
    print(summary(results))
    if options.write:
        text = options.write.read_text(encoding="utf-8")
        options.write.write_text(written(text, mutants, results), encoding="utf-8")
    return int(any(result.survived for result in results))


if __name__ == "__main__":
    sys.exit(main())
