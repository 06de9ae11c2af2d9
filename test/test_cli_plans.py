"""`plan` and `judge` on a store folder: text for people, JSON for programs, files, and readable refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_cli_commands import Tell, tell

from robot_fleet.cli.exits import Exit

__all__ = ["tell"]

SHOP = Path(__file__).resolve().parent.parent / "maps" / "corner_shop"
SMALL = ("--zones", "front", "--robots", "1")


def test_a_plan_is_told_kept_drawn_and_judged_sound(tmp_path: Path, tell: Tell) -> None:
    file, picture = tmp_path / "plan.json", tmp_path / "plan.png"
    code, out, _ = tell("plan", str(SHOP), *SMALL, "--deadline", "2", "--out", str(file), "--picture", str(picture))
    assert code == Exit.OK
    assert "Plan corner_shop: front" in out
    assert "robot_1" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    code, out, err = tell("judge", str(SHOP), str(file), "--json")
    verdict = json.loads(out)
    assert (code, err) == (Exit.OK, "")
    assert verdict["ok"] is True
    assert verdict["coverage"] > 0.9


def test_an_unsound_plan_is_told_and_ends_with_1(tmp_path: Path, tell: Tell) -> None:
    through_shelves = {
        "format": "robot-fleet-plan/1",
        "zones": ["front"],
        "robots": [{"name": "robot_1", "profile": "W", "legs": [{"poses": [[1.0, 1.0], [11.0, 7.0]]}]}],
    }
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(through_shelves))
    code, out, _ = tell("judge", str(SHOP), str(file))
    assert code == Exit.FAILED
    assert "unsafe" in out


def test_a_battery_that_does_not_last_is_told_where_the_plan_says_its_charge(tmp_path: Path, tell: Tell) -> None:
    legs = [{"kind": "transit", "poses": [[1.5, 1.0], [3.5, 1.0]]}]
    robot = {"name": "robot_1", "profile": "W", "legs": legs}
    file = tmp_path / "plan.json"
    for charge, code in (({}, Exit.OK), ({"charge": 0.1}, Exit.FAILED)):
        file.write_text(json.dumps({"format": "robot-fleet-plan/1", "zones": ["front"], "robots": [robot | charge]}))
        assert tell("judge", str(SHOP), str(file))[0] == code
    assert "the battery falls to 10%" in tell("judge", str(SHOP), str(file))[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", str(SHOP), "--zones", "attic,front,cellar"], ["attic", "cellar", "front, shelves"]),
        (["plan", str(SHOP), "--zones", " ,"], ['--zones is " ,"', "names none"]),
        (["plan", str(SHOP), "--out", "/tmp/one", "--picture", "/tmp/one"], ["both /tmp/one"]),
        (["plan", str(SHOP), "--detail", "1,1,4,4"], ["--detail", "--picture"]),
        (["plan", str(SHOP), "--picture", "/tmp/one", "--detail", "1,1,nan,4"], ['--detail is "1,1,nan,4"', "corners"]),
        (["plan", str(SHOP), "--picture", "/tmp/one", "--detail", "1,1,4"], ['--detail is "1,1,4"', "corners"]),
        (["plan", str(SHOP), "--picture", "/tmp/one", "--detail", "90,90,99,99"], ["nothing of the floor"]),
        (["plan", str(SHOP), "--profile", "Z"], ["Z"]),
        (["plan", str(SHOP), "--profile", "/nowhere/robot.yaml"], ["robot.yaml"]),
        (["judge", str(SHOP), "/nowhere/plan.json"], ["/nowhere/plan.json", "cannot be read"]),
        (["judge", str(SHOP), __file__], ["is not JSON"]),
        (["judge", str(SHOP), "/dev/zero"], ["/dev/zero", "At most"]),
        (["plan", str(SHOP), "--begins", "25:00"], ["--begins is 25:00", "22:00"]),
        (["plan", "a" * 5000], ["there is no such folder"]),
        (["plan", str(SHOP), "--seed", "-1"], ["--seed"]),
        (["plan", str(SHOP), "--seed", "9" * 30], ["--seed"]),
        (["plan", str(SHOP), "--out", "/nowhere/plan.json"], ["/nowhere/plan.json cannot be written"]),
        (["plan", str(SHOP), "--picture", str(SHOP)], ["cannot be written: it is a folder"]),
        (["plan", str(SHOP), "--picture", str(SHOP / "map.png" / "plan.png")], ["its parent is no folder"]),
        (["sim", "--store", str(SHOP), "--report", "/nowhere/report.json"], ["report.json cannot be written"]),
    ],
)
def test_bad_input_is_named_and_ends_with_2(arguments: list[str], words: list[str], tell: Tell) -> None:
    code, out, err = tell(*arguments)
    assert (code, out) == (Exit.USAGE, "")
    assert "Traceback" not in err
    for word in words:
        assert word in err


def test_every_fault_of_a_profile_file_is_named(tmp_path: Path, tell: Tell) -> None:
    file = tmp_path / "tug.yaml"
    file.write_text("footprint: {radius_m: -1}\nhead: {width_m: 0.7}\nspeed_mps: fast\nyaw_rate_rps: 0.6\n")
    code, _, err = tell("plan", str(SHOP), "--profile", str(file))
    assert code == Exit.USAGE
    assert "radius_m" in err
    assert "speed_mps" in err


def test_a_profile_file_may_name_a_base(tmp_path: Path, tell: Tell) -> None:
    file = tmp_path / "calm.yaml"
    file.write_text("base: R\nspeed_mps: 0.3\nhead: {offset_m: 0.1}\n")
    points = [[1.0, 1.0], [4.0, 1.0]]
    (tmp_path / "paths.json").write_text(
        json.dumps({"format": "robot-fleet-paths/1", "robots": [{"name": "r1", "points": points}]})
    )
    code, out, err = tell("judge", str(SHOP), str(tmp_path / "paths.json"), "--profile", str(file), "--json")
    assert code == Exit.OK, err
    assert json.loads(out)["makespan_s"] == pytest.approx(10.0)


def test_zones_and_docks_are_laid_for_the_robots_of_the_file(tmp_path: Path, tell: Tell) -> None:
    store, small, file = tmp_path / "kiosk", tmp_path / "small.yaml", tmp_path / "plan.json"
    store.mkdir()
    for name in ("map.yaml", "map.png"):
        shutil.copy(SHOP / name, store)
    small.write_text("footprint: {radius_m: 0.2}\nhead: {width_m: 0.4}\nspeed_mps: 0.5\nyaw_rate_rps: 0.6\n")
    code, _, err = tell("plan", str(store), "--profile", str(small), "--deadline", "2", "--out", str(file))
    assert code == Exit.OK, err
    code, out, _ = tell("judge", str(store), str(file), "--json")
    assert [one for one in json.loads(out)["violations"] if one["kind"] == "account"] == []
    assert code == Exit.OK


def test_paths_of_more_robots_than_there_is_room_for_docks_are_judged(tmp_path: Path, tell: Tell) -> None:
    file = tmp_path / "paths.json"
    robots = [{"name": f"r{k}", "points": [[1.0, 1.0], [2.0, 1.0]]} for k in range(120)]
    file.write_text(json.dumps({"format": "robot-fleet-paths/1", "robots": robots}))
    code, out, _ = tell("judge", str(SHOP), str(file), "--json")
    assert code == Exit.FAILED
    assert json.loads(out)["conflicts"] > 0


def test_paths_are_judged_though_no_dock_holds_such_a_robot(tmp_path: Path, tell: Tell) -> None:
    kiosk, file = tmp_path / "kiosk", tmp_path / "paths.json"
    kiosk.mkdir()
    image = np.full((40, 40), 254, dtype=np.uint8)
    image[[0, -1], :] = image[:, [0, -1]] = 0
    Image.fromarray(image).save(kiosk / "map.png")
    shutil.copy(SHOP / "map.yaml", kiosk)
    small = {"footprint": {"radius_m": 0.1}, "head": {"width_m": 0.2}, "speed_mps": 0.5, "yaw_rate_rps": 0.6}
    paths = {"format": "robot-fleet-paths/1"}
    for store, robot, options in (
        (SHOP, {"points": [[1.5, 1.0], [10.0, 1.0]]}, ["--profile", "S"]),
        (kiosk, {"points": [[0.5, 0.5], [1.5, 0.5]]}, ["--profile", "S"]),
        (kiosk, {"points": [[0.5, 0.5], [1.5, 0.5]], "profile": small}, []),
        (kiosk, {"points": [[0.5, 0.5], [1.5, 0.5]], "profile": small | {"tank": {"area_m2": 9}}}, []),
    ):
        file.write_text(json.dumps(paths | {"robots": [{"name": "r1", **robot}]}))
        code, out, err = tell("judge", str(store), str(file), "--json", *options)
        assert (code, err) in ((Exit.OK, ""), (Exit.FAILED, "")), err
        assert json.loads(out)["robots"][0]["length_m"] > 0.9


@pytest.mark.parametrize("name", ["plan", "plan.picture", "plan.jpg"])
def test_a_picture_is_png_whatever_its_name(tmp_path: Path, name: str, tell: Tell) -> None:
    code, _, err = tell("plan", str(SHOP), *SMALL, "--deadline", "1", "--picture", str(tmp_path / name))
    assert code == Exit.OK, err
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_plan_that_cannot_be_written_is_named(tmp_path: Path, tell: Tell) -> None:
    code, _, err = tell("plan", str(SHOP), *SMALL, "--out", str(tmp_path / "nowhere" / "plan.json"))
    assert code == Exit.USAGE
    assert "cannot be written" in err


def test_a_zone_that_will_be_late_is_told(tmp_path: Path, tell: Tell) -> None:
    store = tmp_path / "shop"
    shutil.copytree(SHOP, store)
    floor = json.loads((store / "floor.geojson").read_text())
    for feature in floor["features"]:
        if feature["properties"].get("name") == "front":
            feature["properties"]["clean_before"] = "22:01"
    (store / "floor.geojson").write_text(json.dumps(floor))
    code, out, _ = tell("plan", str(store), *SMALL, "--deadline", "1", "--begins", "22:00")
    assert code == Exit.OK
    assert "Zone front will be clean at 22:0" in out and "not before 22:01: start earlier" in out
    _, out, _ = tell("plan", str(store), *SMALL, "--deadline", "1", "--begins", "22:00", "--json")
    (late,) = json.loads(out)["late"]
    assert (late["zone"], late["due_s"]) == ("front", 60.0)
    _, out, _ = tell("plan", str(store), *SMALL, "--deadline", "1", "--begins", "21:00", "--json")
    assert "late" not in json.loads(out)


def test_water_that_will_be_left_is_told_and_stands_in_the_plan(tmp_path: Path, tell: Tell) -> None:
    profile, file = tmp_path / "wet.yaml", tmp_path / "plan.json"
    head = "head: {width_m: 0.6, offset_m: 0.1}, squeegee: {width_m: 0.6, offset_m: -0.25}"
    profile.write_text(f"{{footprint: {{radius_m: 0.35}}, {head}, speed_mps: 0.5, yaw_rate_rps: 0.6}}")
    code, out, _ = tell("plan", str(SHOP), *SMALL, "--deadline", "2", "--profile", str(profile), "--out", str(file))
    left_m2 = json.loads(file.read_text())["water_left_m2"]
    why = "where no squeegee passes later: in turns and at ends"
    assert code == Exit.OK and f"{left_m2:.1f} m² of scrubbed floor will stay wet, {why}" in " ".join(out.split())
    _, out, _ = tell("judge", str(SHOP), str(file), "--json")
    verdict = json.loads(out)
    assert verdict["water_left_m2"] == pytest.approx(left_m2, rel=0.1)
    assert [one for one in verdict["violations"] if one["kind"] == "account"] == []


def test_that_water_is_left_beside_a_squeegee_narrower_than_the_head_is_told(tmp_path: Path, tell: Tell) -> None:
    profile = tmp_path / "narrow.yaml"
    head = "head: {width_m: 0.6, offset_m: 0.1}, squeegee: {width_m: 0.4, offset_m: -0.25}"
    profile.write_text(f"{{footprint: {{radius_m: 0.35}}, {head}, speed_mps: 0.5, yaw_rate_rps: 0.6}}")
    _, out, _ = tell("plan", str(SHOP), *SMALL, "--deadline", "1", "--profile", str(profile))
    assert "no squeegee passes later: robot_1's is 0.20 m narrower than its head" in " ".join(out.split())
    assert "in turns" not in out


def test_a_battery_that_a_profile_states_is_judged_from_the_plan_s_file(tmp_path: Path, tell: Tell) -> None:
    profile, file = tmp_path / "weak.yaml", tmp_path / "plan.json"
    battery = "battery: {cleaning_h: 0.025, driving_h: 0.05, charging_h: 0.1}"
    profile.write_text(
        f"{{footprint: {{radius_m: 0.35}}, head: {{width_m: 0.7}}, speed_mps: 0.5, yaw_rate_rps: 0.6, {battery}}}"
    )
    tell("plan", str(SHOP), *SMALL, "--deadline", "2", "--profile", str(profile), "--out", str(file))
    code, out, _ = tell("judge", str(SHOP), str(file))
    assert code == Exit.OK, out
    document = json.loads(file.read_text())
    robot = document["robots"][0]
    assert any(leg["kind"] == "service" for leg in robot["legs"])
    robot["legs"] = [leg for leg in robot["legs"] if leg["kind"] != "service"]
    file.write_text(json.dumps(document))
    code, out, _ = tell("judge", str(SHOP), str(file))
    assert code == Exit.FAILED and "the battery falls to" in out


def test_services_at_docks_are_told_and_stand_in_the_plan(tmp_path: Path, tell: Tell) -> None:
    profile, file = tmp_path / "thirsty.yaml", tmp_path / "plan.json"
    profile.write_text(
        "{footprint: {radius_m: 0.35}, head: {width_m: 0.7}, speed_mps: 0.5, yaw_rate_rps: 0.6, tank: {area_m2: 12}}"
    )
    code, out, _ = tell("plan", str(SHOP), *SMALL, "--deadline", "2", "--profile", str(profile), "--out", str(file))
    kinds = [leg["kind"] for leg in json.loads(file.read_text())["robots"][0]["legs"]]
    count = kinds.count("service")
    assert code == Exit.OK and count > 0
    assert f"{count} service{'s' * (count > 1)} at docks, {5 * count}:00 min in all" in out


def test_plans_for_other_machines_than_the_store_s_are_judged_as_those_and_that_is_told(
    tmp_path: Path, tell: Tell
) -> None:
    file = tmp_path / "plan.json"
    tell("plan", str(SHOP), *SMALL, "--deadline", "1", "--profile", "R", "--out", str(file))
    code, out, err = tell("judge", str(SHOP), str(file))
    assert (code, err) == (Exit.OK, "")
    where = "acceleration_mps2, yaw_acceleration_rps2: robot_1"
    assert out.startswith(f"Judged by the profile of the plan's file, which differs from the store's in {where}\nPlan")
    _, out, _ = tell("judge", str(SHOP), str(file), "--json")
    unlike = json.loads(out)["profiles_unlike_the_store"]
    assert unlike == {"robot_1": ["acceleration_mps2", "yaw_acceleration_rps2"]}
    code, out, _ = tell("judge", str(SHOP), str(file), "--profile", "R")
    assert (code, out[:4]) == (Exit.OK, "Plan")


def test_a_plan_s_profile_that_has_the_name_of_another_is_refused(tmp_path: Path, tell: Tell) -> None:
    store, file = tmp_path / "shop", tmp_path / "plan.json"
    shutil.copytree(SHOP, store)
    battery = "{cleaning_h: 2, driving_h: 4}"
    (store / "store.yaml").write_text(
        f"profiles: {{p: {{base: W, battery: {battery}}}}}\nrobots: [{{name: robot_1, profile: p, dock: dock_1}}]\n"
    )
    tell("plan", str(store), *SMALL, "--deadline", "1", "--out", str(file))
    code, out, err = tell("judge", str(store), str(file))
    assert (code, out[:5]) == (Exit.OK, "Plan "), err
    document = json.loads(file.read_text())
    robot = document["robots"][0]
    del robot["profile"]["battery"], robot["charge"]
    robot["profile"] |= {"speed_mps": 2.0, "overlap_m": 0.0}
    file.write_text(json.dumps(document))
    code, out, err = tell("judge", str(store), str(file))
    assert (code, out) == (Exit.USAGE, "")
    assert 'is called "p" and differs from the store\'s profile of that name in speed_mps, battery' in err
    code, out, _ = tell("judge", str(store), str(file), "--profile", "p", "--json")
    assert code == Exit.OK and json.loads(out)["profiles_unlike_the_store"] == {}
    robot["legs"][-1]["kind"] = "transit"
    robot["legs"][-1]["times_s"][-1] = robot["legs"][-1]["end_s"] = 30_000.0
    document["makespan_s"] = 30_000.0
    file.write_text(json.dumps(document))
    _, out, _ = tell("judge", str(store), str(file), "--profile", "p")
    assert "the battery falls to" in out


def test_errors_show_what_would_steer_a_terminal_escaped(tmp_path: Path, tell: Tell) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"format": "robot-fleet-plan/1", "a\n\x1b[31mb": 1, "robots": []}))
    for arguments in (("judge", str(SHOP), str(file)), ("judge", str(SHOP), "/nowhere/\x1b[31m.json")):
        code, _, err = tell(*arguments)
        assert code == Exit.USAGE
        assert "\x1b" not in err and "\\x1b[31m" in err
    assert "a\\n\\x1b[31mb: is not known" in tell("judge", str(SHOP), str(file))[2]


def test_a_squeegee_beside_the_body_is_refused_in_a_plan_s_file_too(tmp_path: Path, tell: Tell) -> None:
    file = tmp_path / "paths.json"
    body = {"footprint": {"radius_m": 0.3}, "head": {"width_m": 0.5}, "speed_mps": 0.5, "yaw_rate_rps": 0.6}
    for squeegee, told in (
        ({"width_m": 1.2, "offset_m": -0.2}, "robots[0].profile.squeegee: stands out of the footprint"),
        ({"width_m": 0.3, "offset_m": 0.2}, "robots[0].profile.squeegee.offset_m: lies 0.20 m ahead of the head"),
    ):
        robot = {"name": "r1", "points": [[1.5, 1.0], [3.5, 1.0]], "profile": body | {"squeegee": squeegee}}
        file.write_text(json.dumps({"format": "robot-fleet-paths/1", "robots": [robot]}))
        code, _, err = tell("judge", str(SHOP), str(file))
        assert code == Exit.USAGE and told in err
