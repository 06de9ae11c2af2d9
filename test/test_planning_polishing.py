"""Polished paths: quicker, as safe, joined as before, and within what may be left of the floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_planning_planner import asked, room

from robot_fleet.floor.profile import REFERENCE_R, WORKING_W, RobotProfile
from robot_fleet.floor.store import FloorMap
from robot_fleet.planning import polishing
from robot_fleet.planning.crew_plan import CrewPlan
from robot_fleet.planning.plan import Leg, LegKind
from robot_fleet.planning.planner import plan
from robot_fleet.planning.polishing import Cover, Mover, polished
from robot_fleet.planning.swaths import swept
from robot_fleet.planning.sweeping import mark_swept
from robot_fleet.planning.terrain import Terrain
from robot_fleet.planning.timing import path_s


def movers(
    floor: FloorMap, legs: Mapping[str, list[Leg]], profile: RobotProfile, asked_for: np.ndarray
) -> dict[str, Mover]:
    """Robots of one kind by the names of their legs."""
    return dict.fromkeys(legs, Mover(profile, Terrain.of(floor, profile), asked_for))


QUICK = settings(
    max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
Rough = dict[str, list[Leg]]


def rough(floor: FloorMap, profile: RobotProfile, robots: int, monkeypatch: pytest.MonkeyPatch) -> Rough:
    """The legs of a plan as they are before polishing, in the grid frame."""
    found: Rough = {}

    def kept(self: CrewPlan, legs: Rough, *_: float) -> Rough:
        found.update({n: [replace(leg, points=floor.grid.from_map(leg.points)) for leg in legs[n]] for n in legs})
        return legs

    with monkeypatch.context() as patch:
        patch.setattr(CrewPlan, "_smooth", kept)
        plan(asked(floor, profile, robots))
    return found


def cleaned(floor: FloorMap, legs: Rough, profile: RobotProfile) -> np.ndarray:
    mask = np.zeros(floor.grid.shape, dtype=bool)
    for own in legs.values():
        for leg in own:
            if leg.head_on:
                mark_swept(mask, leg.points, profile.head, floor.grid.resolution_m)
    return mask


def seconds(legs: list[Leg], profile: RobotProfile) -> float:
    driven = [leg.points for leg in legs if leg.kind in (LegKind.CLEAN, LegKind.TRANSIT)]
    return path_s(np.concatenate(driven), profile)


@pytest.mark.proof
@QUICK
@given(
    seed=st.integers(0, 10_000), turned=st.floats(0, 1.5), things=st.integers(0, 5),
    profile=st.sampled_from([REFERENCE_R, WORKING_W]), robots=st.integers(1, 2),
)  # fmt: skip
def test_a_polished_path_is_quicker_safe_joined_and_within_its_budget(
    seed: int, turned: float, things: int, profile: RobotProfile, robots: int
) -> None:
    floor = room(turned_rad=turned, seed=seed, things=things)
    with pytest.MonkeyPatch.context() as patch:
        before = rough(floor, profile, robots, patch)
    terrain, wanted = Terrain.of(floor, profile), cleaned(floor, before, profile)
    drivers = movers(floor, before, profile, np.ones_like(wanted))
    after = polished(before, drivers, Cover(wanted, int(0.004 * wanted.sum())))
    assert (wanted & ~cleaned(floor, after, profile)).sum() <= 0.005 * wanted.sum()
    assert max(seconds(own, profile) for own in after.values()) < max(seconds(own, profile) for own in before.values())
    for name, own in after.items():
        assert [own[0].kind, own[-1].kind] == [before[name][0].kind, before[name][-1].kind]
        assert len({leg.leg_id for leg in own}) == len(own)
        for one, other in pairwise(own):
            assert np.array_equal(one.points[-1], other.points[0])
        assert all(terrain.open_path(leg.points) for leg in own if leg.kind in (LegKind.CLEAN, LegKind.TRANSIT))


def test_the_head_stays_off_where_no_floor_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = room(seed=5, things=3)
    before = rough(floor, REFERENCE_R, 1, monkeypatch)
    wanted = cleaned(floor, before, REFERENCE_R)
    wanted[: floor.grid.shape[0] // 2] = False
    before = {
        name: [replace(leg, kind=LegKind.TRANSIT) if leg.head_on and not _within(leg, wanted) else leg for leg in own]
        for name, own in before.items()
    }
    cover = Cover(wanted & cleaned(floor, before, REFERENCE_R), 20)
    after = polished(before, movers(floor, before, REFERENCE_R, wanted), cover)
    assert all(_within(leg, wanted) for own in after.values() for leg in own if leg.head_on)


def _within(leg: Leg, asked_for: np.ndarray) -> bool:
    cells = np.floor(leg.points / 0.05).astype(int)
    return bool(asked_for[cells[:, 1], cells[:, 0]].all())


def test_the_same_seed_gives_the_same_legs(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = room(seed=3, things=4)
    before = rough(floor, REFERENCE_R, 2, monkeypatch)
    cover = Cover(cleaned(floor, before, REFERENCE_R), 50)
    drivers = movers(floor, before, REFERENCE_R, floor.grid.free)
    one, two = (polished(before, drivers, cover, seed=7) for _ in range(2))
    for name in before:
        assert len(one[name]) == len(two[name])
        assert all(np.array_equal(a.points, b.points) for a, b in zip(one[name], two[name], strict=True))


def test_a_robot_that_will_wait_for_others_leaves_them_some_of_its_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = room(seed=3, things=4)
    before = rough(floor, REFERENCE_R, 2, monkeypatch)
    cover = Cover(cleaned(floor, before, REFERENCE_R), 50)
    one, other = before
    drivers = movers(floor, before, REFERENCE_R, floor.grid.free)
    even, waiting = (
        polished(before, drivers | {one: replace(drivers[one], waits_s=waits_s)}, cover) for waits_s in (0.0, 20.0)
    )

    def more_s(legs: Rough) -> float:
        return seconds(legs[other], REFERENCE_R) - seconds(legs[one], REFERENCE_R)

    assert more_s(waiting) > more_s(even) + 5.0


def test_in_a_narrow_aisle_a_search_is_not_lost_on_floor_that_only_the_ends_of_heads_reach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = room(16.0, 3.2)
    before = rough(floor, WORKING_W, 2, monkeypatch)
    wanted, runs, run = cleaned(floor, before, WORKING_W), list[bool](), polishing._Search.run

    def counted(search: polishing._Search, loose: float, tell: Callable[[float], None], effort: float) -> None:
        run(search, loose, tell, effort)
        runs.append(search.holds)

    monkeypatch.setattr(polishing._Search, "run", counted)
    drivers = movers(floor, before, WORKING_W, floor.grid.free)
    found = polished(before, drivers, Cover(wanted, int(0.004 * wanted.sum())))
    assert runs == [True]
    assert max(seconds(legs, WORKING_W) for legs in found.values()) < max(
        seconds(legs, WORKING_W) for legs in before.values()
    )


def test_no_legs_are_polished_to_no_legs() -> None:
    floor = room()
    nothing = np.zeros(floor.grid.shape, dtype=bool)
    found = polished({"idle": []}, movers(floor, {"idle": []}, REFERENCE_R, nothing), Cover(nothing, 0))
    assert found == {"idle": []}


@QUICK
@given(seed=st.integers(0, 10_000), offset=st.sampled_from([0.0, 0.45]))
def test_counting_a_way_up_and_down_leaves_no_trace_and_marks_what_is_swept(seed: int, offset: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0.5, 5.5, (12, 2))
    head = replace(REFERENCE_R.head, offset_m=offset)
    count, mask = np.zeros((120, 120), dtype=np.int32), np.zeros((120, 120), dtype=bool)
    tags, on = np.zeros(11, dtype=np.int64), np.ones(1, dtype=bool)
    shape = np.array([head.width_m, head.offset_m])
    gained = swept(count, points, tags, on, 0, 11, shape, 0.05, 1)
    mark_swept(mask, points, head, 0.05)
    assert gained == -(count > 0).sum()
    assert ((count > 0) != mask).sum() <= 4  # cells exactly on an edge
    assert swept(count, points, tags, on, 0, 11, shape, 0.05, -1) == -gained
    assert not count.any()


@pytest.mark.parametrize(("left", "ragged"), [(0, False), (40, False), (55, False), (70, True), (200, True)])
def test_floor_is_ragged_only_where_much_is_left(left: int, ragged: bool) -> None:
    anywhere = np.ones((100, 100), dtype=bool)
    assert Cover(anywhere, may_miss=40, at_most=80).is_ragged(left) is ragged
    assert not Cover(anywhere, may_miss=40).is_ragged(left)
