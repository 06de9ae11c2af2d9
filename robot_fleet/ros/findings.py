"""What is to be said of a robot before it is trusted: each check with what was found, and how to mend it."""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from robot_fleet.floor.store import FloorMap, RobotSpec
from robot_fleet.ros.layouts import misreading, telling
from robot_fleet.ros.listening import CLOCK, MAX_APART_S, SAME_CLOCK, clocks_apart
from robot_fleet.ros.names import frame_name, is_node_of, topic_name, topics_heard
from robot_fleet.ros.observations import Observed
from robot_fleet.ros.own_map import DIFFER, SAME_MAP, SOUND_MAP, OwnMap, share_apart, unreadable, walls_apart
from robot_fleet.ros.server_states import ACTIVATE
from robot_fleet.ros.trust import FROM_DOCK_M, SET_POSE, TELL_HEAD, TELL_LEVEL, astray_m, is_apart, words_of_astray

_LEAST_HZ = 5.0
_SIMULATED_APART_S = 60.0
_SLOW_S, _PERCENT_FROM = 0.2, 1.05


class Verdict(str, enum.Enum):
    """How a check ended. A robot with a FAIL is not to be trusted with work; what is UNKNOWN could not be looked at."""

    OK = "ok"
    WARN = "warning"
    FAIL = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and what to do about it ("" when there is nothing to do)."""

    check: str
    verdict: Verdict
    text: str
    remedy: str = ""


def findings(spec: RobotSpec, floor: FloorMap, seen: Observed, seconds: float, sim_time: bool = False) -> list[Finding]:
    """All checks of one robot that was listened to for so many seconds; the first alone when nothing of it was heard."""
    reached = _reached(spec, seen)
    if reached.verdict is Verdict.FAIL:
        return [reached]
    found = [reached, _layouts(spec, seen), _actions(seen), _active(seen), _pose(spec, seen, seconds)]
    if seen.poses:
        found += [_simulated_clock(seen) if sim_time else _clock(seen), _localised(spec, floor, seen)]
    found += [_map(spec, floor, seen), _battery(seen), *_head(spec, seen), _holds(seen), _network(seen)]
    return found


def _reached(spec: RobotSpec, seen: Observed) -> Finding:
    nodes = sorted(
        {one.node for publishers in seen.topics.values() for one in publishers if is_node_of(spec, one.node)}
    )
    if nodes or any(seen.servers.values()) or seen.poses:
        return Finding("reachable", Verdict.OK, f"{len(nodes)} nodes" if nodes else "heard")
    return Finding(
        "reachable", Verdict.FAIL, f"nothing is heard below /{spec.namespace.strip('/')}",
        "Is it on, in this network, and has it the same ROS_DOMAIN_ID? `ros2 topic list` must show its topics here; "
        "the namespace is the one in store.yaml",
    )  # fmt: skip


def _layouts(spec: RobotSpec, seen: Observed) -> Finding:
    told = {
        topic: telling(spec, is_shared, seen.topics.get(topic, ())) for topic, is_shared in topics_heard(spec).items()
    }
    of_topics = (misreading(topic, seen.ours.get(topic), found) for topic, found in {**seen.topics, **told}.items())
    for fault in filter(None, (*of_topics, *seen.misread)):
        remedy = "Use ROS 2 Jazzy or Kilted on the robot, and the names and types of the profile's `interface`"
        return Finding("messages", Verdict.FAIL, fault, remedy)
    known = sum(bool(found) for found in seen.topics.values())
    return Finding("messages", Verdict.OK, f"{known} topics, in layouts that we know")


def _actions(seen: Observed) -> Finding:
    missing = [name for name, is_there in seen.servers.items() if not is_there]
    if missing:
        remedy = "Start Nav2's controller and docking servers on it, or give their names in the profile's `interface`"
        return Finding("drive actions", Verdict.FAIL, f"there is no {', no '.join(missing)}", remedy)
    return Finding("drive actions", Verdict.OK, f"{len(seen.servers)} servers")


def _active(seen: Observed) -> Finding:
    asleep = [f"{node} is {state}" for node, state in seen.states.items() if state != "active"]
    if asleep:
        return Finding("active", Verdict.FAIL, "; ".join(asleep), ACTIVATE)
    if not seen.states:
        return Finding("active", Verdict.UNKNOWN, "its drive servers do not tell their lifecycle state")
    return Finding("active", Verdict.OK, f"{len(seen.states)} nodes active")


def _pose(spec: RobotSpec, seen: Observed, seconds: float) -> Finding:
    names = spec.profile.interface
    if not seen.poses:
        if (wrong := _refused_clock(seen)) is not None:
            return wrong
        why = "; ".join(seen.drops) or "none came"
        frames = f"{frame_name(spec, names.map_frame)} to {frame_name(spec, names.base_frame)}"
        source = names.pose_topic or f"{names.tf_topic}, {frames}"
        remedy = (
            "Give it its first pose, look whether localisation runs, and at the frames in the profile's `interface`"
        )
        return Finding("pose", Verdict.FAIL, f"no pose on {source}: {why}", remedy)
    rate_hz = len(seen.poses) / seconds
    if rate_hz < _LEAST_HZ:
        remedy = "10 Hz are needed: floor is credited only between poses that are at most 0.5 s apart"
        return Finding("pose", Verdict.WARN, f"only {rate_hz:.1f} a second", remedy)
    return Finding("pose", Verdict.OK, f"{rate_hz:.0f} a second")


def _refused_clock(seen: Observed) -> Finding | None:
    """Whether poses were refused for the robot's clock."""
    told = [(seen.refused.reason, seen.refused.remedy)] if seen.refused else []
    for reason, remedy in (*told, *((reason, SAME_CLOCK) for reason in seen.drops)):
        if reason.startswith(CLOCK):
            return Finding("clock", Verdict.FAIL, reason, remedy)
    return None


def _clock(seen: Observed) -> Finding:
    # What is later is the latched pose of a robot that stands.
    told = [late_s for late_s in _lateness(seen) if late_s <= MAX_APART_S]
    if not told:
        stands = Finding("clock", Verdict.UNKNOWN, "only an old pose is heard, as of a robot that stands")
        return _refused_clock(seen) or stands
    late_s = min(told)
    if is_apart(late_s, min(_answers(seen), default=MAX_APART_S)):
        return Finding("clock", Verdict.FAIL, *clocks_apart(late_s))
    return Finding("clock", Verdict.OK, f"{1000 * abs(late_s):.0f} ms apart, or on the way")


def _simulated_clock(seen: Observed) -> Finding:
    """Stamps may be late by what a fast clock runs on meanwhile: only those that are of another clock are told."""
    if not seen.clock_heard:
        remedy = "Start the simulator with the same ROS_DOMAIN_ID; of real robots leave out --sim-time"
        return Finding("clock", Verdict.FAIL, "nothing is heard on /clock", remedy)
    late_s = statistics.median(_lateness(seen))
    if abs(late_s) > _SIMULATED_APART_S:
        text = f"the stamps of its poses are {abs(late_s):.0f} s from /clock"
        return Finding(
            "clock", Verdict.FAIL, text, "Set use_sim_time in its nodes; of a real robot leave out --sim-time"
        )
    return Finding("clock", Verdict.OK, "it goes by /clock")


def _lateness(seen: Observed) -> list[float]:
    return [arrived_s - event.at_s for arrived_s, event in seen.poses]


def _answers(seen: Observed) -> list[float]:
    return [trip for trip in seen.round_trips_s if trip is not None]


def _localised(spec: RobotSpec, floor: FloorMap, seen: Observed) -> Finding:
    pose = seen.poses[-1][1].pose
    where = f"at ({pose.x_m:.2f}, {pose.y_m:.2f})"
    if seen.charging and (away_m := astray_m(spec, floor, pose, _level(seen))):
        return Finding("localised", Verdict.FAIL, words_of_astray(away_m), SET_POSE)
    if not floor.grid.is_free([[pose.x_m, pose.y_m]])[0]:
        return Finding("localised", Verdict.FAIL, f"{where} is no free floor of the store's map", SET_POSE)
    is_docked = pose.distance_m(floor.dock(spec.dock).pose) < FROM_DOCK_M
    return Finding("localised", Verdict.OK, f"{where}{', on its dock' if is_docked else ''}")


def _levels(seen: Observed) -> list[float]:
    """What of its battery can be believed, on whatever scale."""
    return [level for level in seen.percentages if level >= 0.0 and math.isfinite(level)]


def _level(seen: Observed) -> float:
    """What it told last, on the scale 0..1; 1 where it told nothing."""
    levels = _levels(seen) or [1.0]
    return levels[-1] / (100.0 if max(levels) > _PERCENT_FROM else 1.0)


def _map(spec: RobotSpec, floor: FloorMap, seen: Observed) -> Finding:
    if seen.bad_map:
        verdict = Verdict.WARN if seen.map_is_shared else Verdict.FAIL
        return Finding("map", verdict, unreadable(seen.bad_map), SOUND_MAP)
    return _compared(spec, floor, seen.map, seen.map_is_shared)


def _compared(spec: RobotSpec, floor: FloorMap, own: OwnMap | None, shared: bool) -> Finding:
    """Whether what is occupied in the robot's map is near something that is occupied in ours."""
    if own is None:
        return Finding(
            "map", Verdict.UNKNOWN, "it publishes no map", "Latched on `map`, it would be compared with ours"
        )
    if not own.tells:
        return Finding("map", Verdict.UNKNOWN, "hardly anything in its map is occupied")
    share = share_apart(spec, floor.grid, own)
    if share > DIFFER and shared:
        return Finding("map", Verdict.WARN, f"of /map, which it may share: {walls_apart(share)}", SAME_MAP)
    if share > DIFFER:
        return Finding("map", Verdict.FAIL, walls_apart(share), SAME_MAP)
    return Finding("map", Verdict.OK, f"{100 * (1 - share):.0f} % of its walls are ours too")


def _battery(seen: Observed) -> Finding:
    heard = _levels(seen)
    if not heard:
        text = "its level is never told" if seen.percentages else "no message"
        return Finding("battery", Verdict.FAIL, text, TELL_LEVEL)
    if max(heard) > _PERCENT_FROM:
        text = f"{max(heard):.0f}: it tells percent, where the message asks for 0 to 1"
        return Finding(
            "battery", Verdict.WARN, text, "It is understood, but below 1 % it would be taken for full: mend it"
        )
    return Finding("battery", Verdict.OK, f"{100 * heard[-1]:.0f} %{', charging' if seen.charging else ''}")


def _head(spec: RobotSpec, seen: Observed) -> Iterator[Finding]:
    names = spec.profile.interface
    head = topic_name(spec, names.head_service)
    missing = [name for name, is_there in seen.services.items() if not is_there]
    if head in missing:
        text, remedy = f"there is no service {head}", "Give its name in the profile's `interface`"
        yield Finding("head", Verdict.FAIL, text, remedy)
    elif not seen.heads:
        text = f"{topic_name(spec, names.head_topic)} says nothing"
        yield Finding("head", Verdict.FAIL, text, TELL_HEAD)
    else:
        yield Finding("head", Verdict.OK, "on" if seen.heads[-1] else "off")
    for name in missing:
        if name != head:
            yield Finding(
                "channels", Verdict.FAIL, f"there is no service {name}", "Start it, or leave it out of `interface`"
            )


def _holds(seen: Observed) -> Finding:
    if seen.hold is None:
        remedy = "A diagnostic status whose name ends in `safety` would tell of its emergency stop at once"
        return Finding("holds", Verdict.WARN, "no safety status is heard", remedy)
    if seen.hold:
        return Finding("holds", Verdict.FAIL, f"it must not move: {seen.hold}", "Clear the cause at the robot")
    return Finding("holds", Verdict.OK, "it may move")


def _network(seen: Observed) -> Finding:
    answers = _answers(seen)
    lost = len(seen.round_trips_s) - len(answers)
    if not answers:
        return Finding("network", Verdict.UNKNOWN, "no node of its answers questions about its parameters")
    text = f"answers in {1000 * statistics.median(answers):.0f} ms, at worst {1000 * max(answers):.0f} ms"
    if lost or statistics.median(answers) > _SLOW_S:
        text += f", {lost} of {len(seen.round_trips_s)} lost" if lost else ""
        return Finding("network", Verdict.WARN, text, "Stops take as long: look at the radio coverage where it stands")
    return Finding("network", Verdict.OK, text)
