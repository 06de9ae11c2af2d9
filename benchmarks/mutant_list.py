"""Bugs made by hand, one at a time, each of which would harm a store: tests and nights must find them.

`before` stands in its file exactly once. Bugs that only make the program crash are no proof, as anything would find them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A bug: in `file`, `after` stands where `before` was. `tests` are the files of tests that are likely to see it."""

    name: str
    file: str
    before: str
    after: str
    breaks: str
    tests: tuple[str, ...]


# Several of them see what happens in whole runs.
_RUNS, _MISHAPS, _OUTAGES = "test_control_runs", "test_control_mishaps", "test_control_outages"
_CLOSURES = "test_control_closures"
_ANSWERS = "test_control_answers"

TRAFFIC = (
    Mutant(
        "floor is released when a goal is accepted",
        "robot_fleet/control/dispatch.py",
        "    state.send(_command(state, robot, leg_id, piece))\n",
        "    state.send(_command(state, robot, leg_id, piece))\n"
        "    state.traffic.hold(robot.name, state.under(robot))\n",
        "others are sent over the floor that a robot is about to drive over",
        ("test_control_robot_floor", "test_control_floor", _RUNS),
    ),
    Mutant(
        "floor is granted to two robots",
        "robot_fleet/fleet/traffic.py",
        "if floor.intersects(wanted))",
        "if floor.contains(wanted))",
        "two robots meet on floor that both hold",
        ("test_fleet_traffic",),
    ),
    Mutant(
        "a cycle of waits is granted",
        "robot_fleet/fleet/traffic.py",
        "        ring = frozenset(other for other in others if robot in self._waited_for_by(other))\n",
        "        ring: frozenset[str] = frozenset()\n",
        "robots wait for each other, and nobody is turned away to do something else",
        ("test_fleet_traffic",),
    ),
    Mutant(
        "floor is granted that locks another robot in",
        "robot_fleet/control/dispatch.py",
        "    if others:\n        state.traffic.wait(robot.name, others)\n        return False\n",
        "",
        "robots shut each other in, and nobody gets home: a deadlock",
        ("test_control_escaping",),
    ),
    Mutant(
        "who drives in before others have passed is not thought of",
        "robot_fleet/fleet/escapes.py",
        "            if theirs.passes_rest_of(escape) or escape.passes_refuge_of(theirs):\n",
        "            if theirs.passes_rest_of(escape):\n",
        "a robot in its dock shuts in those who have to pass it: a deadlock",
        ("test_fleet_escapes",),
    ),
    Mutant(
        "a robot that cannot move is in nobody's way",
        "robot_fleet/fleet/escapes.py",
        "        found = not floor.is_empty and escape.is_on(floor)\n",
        "        found = False\n",
        "robots are sent where a dead one stands between them and their docks, and nobody is told",
        ("test_fleet_escapes", "test_control_escaping"),
    ),
    Mutant(
        "the floor ahead of a robot that still rolls is given up",
        "robot_fleet/control/dispatch.py",
        "    return state.traffic.held(robot.name).intersection(within)\n",
        "    return _NOWHERE\n",
        "a robot that brakes rolls onto floor that another one has got",
        ("test_control_robot_floor", "test_control_floor"),
    ),
    Mutant(
        "the floor where a robot strays is not held",
        "robot_fleet/control/orders.py",
        "        state.traffic.hold(robot.name, state.traffic.held(robot.name).union(state.under(robot)))\n",
        "        pass\n",
        "another robot is sent to where one drives round a pallet",
        ("test_control_robot_floor",),
    ),
    Mutant(
        "robots do not brake before one that was pushed onto their floor",
        "robot_fleet/control/intruders.py",
        "    if names:\n",
        "    if len(names) > 1:\n",
        "a robot drives into another one that can be seen on its way",
        ("test_control_robot_floor",),
    ),
    Mutant(
        "a robot far off its path is sent along it all the same",
        "robot_fleet/control/dispatch.py",
        "    near = robot.pose.distance_m(begin) <= _off_path_m(robot, begin)\n",
        "    near = True\n",
        "it drives straight to its path, over floor that nobody granted",
        ("test_control_escaping", _RUNS, _MISHAPS),
    ),
)

ORDERS = (
    Mutant(
        "a late result is believed",
        "robot_fleet/control/orders.py",
        "    if order is None or event.leg_id != order.leg_id:\n",
        "    if order is None:\n",
        "an old order's end ends the present one, whose floor is then free",
        (_RUNS,),
    ),
    Mutant(
        "success is believed far before the end",
        "robot_fleet/control/orders.py",
        "    return left_m <= robot.spec.profile.goal_tolerance_m + EARLY_M\n",
        "    return True\n",
        "a lane that a robot says it has driven is left out",
        (_RUNS,),
    ),
    Mutant(
        "success is believed by default",
        "robot_fleet/ros/goals.py",
        'if outcome is Outcome.SUCCEEDED and (result.error_code or not getattr(result, "success", True)):',
        "if outcome is Outcome.SUCCEEDED and result.error_code:",
        "a robot that did not get onto its dock is taken to be charged there",
        ("test_ros_conversion",),
    ),
    Mutant(
        "an order that nobody answered is taken to have ended",
        "robot_fleet/control/orders.py",
        "    if event.outcome is Outcome.UNANSWERED:\n",
        "    if event.outcome is Outcome.UNANSWERED and order.superseded:\n",
        "the robot may have taken the goal all the same: it drives over floor that is not its own any more",
        (_RUNS,),
    ),
    Mutant(
        "a cancel is not waited for",
        "robot_fleet/fleet/entities.py",
        "        return self.state not in NOT_HERE and not self.cancel_due and self.pose is not None\n",
        "        return self.state not in NOT_HERE and self.pose is not None\n",
        "a robot gets an order while it may still carry out another one",
        (_RUNS, _MISHAPS),
    ),
    Mutant(
        "a robot is sent on while it still brakes",
        "robot_fleet/control/orders.py",
        "    robot.retry_at_s = max(robot.retry_at_s, robot.rest_after_s)\n",
        "",
        "it gets its next order where it is not yet, with floor for where it was",
        ("test_control_robot_floor",),
    ),
    Mutant(
        "a goal that fails is tried again for ever",
        "robot_fleet/control/orders.py",
        "    if robot.failures >= RETRIES:\n        robot.failures = 0\n",
        "    if robot.failures >= 1000 * RETRIES:\n        robot.failures = 0\n",
        "a robot stands before a pallet all night, and nobody is told",
        ("test_control_giving_up",),
    ),
    Mutant(
        "a robot with a dead head is sent to clean",
        "robot_fleet/control/dispatch.py",
        "    return not wanted\n",
        "    return True\n",
        "it drives all its lanes and cleans nothing, instead of leaving them to others",
        ("test_control_batteries_and_heads",),
    ),
    Mutant(
        "a lane is given to two robots",
        "robot_fleet/control/rest.py",
        "        if robot.needs_charge and robot.is_here:\n            continue\n",
        "        if not robot.is_here or robot.needs_charge:\n            continue\n",
        "a robot that was away goes on with lanes that a new plan has given to others",
        ("test_control_batteries_and_heads", _RUNS),
    ),
)

LINK = (
    Mutant(
        "a doubled confirmation of a cancel is believed",
        "robot_fleet/control/robots.py",
        "        if not robot.cancel_due:\n            return\n",
        "",
        "it ends the order that came after the cancel, and the robot's floor is free while it drives",
        (_RUNS, _MISHAPS),
    ),
    Mutant(
        "a cancel that got lost is not sent again",
        "robot_fleet/control/robots.py",
        "if robot.cancel_due and (robot.cancel_sent_s is None or now_s - robot.cancel_sent_s >= RESEND_S):",
        "if robot.cancel_due and robot.cancel_sent_s is None:",
        "a robot that a stop did not reach drives on",
        (_RUNS, _MISHAPS),
    ),
    Mutant(
        "an old pose is believed",
        "robot_fleet/control/robots.py",
        "            self._overtaken(robot, event)\n            return\n",
        "            pass\n",
        "the floor under a robot is held where it was, not where it is",
        (_RUNS, _MISHAPS),
    ),
    Mutant(
        "a goal that is accepted after it was given up is left to drive",
        "robot_fleet/ros/drive_action.py",
        "        if order.withdrawn:\n            handle.cancel_goal_async()\n",
        "",
        "a robot drives off that was believed to rest",
        ("test_ros_driver",),
    ),
    Mutant(
        "a cancel is called confirmed before goals have ended",
        "robot_fleet/ros/drive_action.py",
        "        return wish is not None and wish.answered and not wish.open and not self._orders\n",
        "        return wish is not None and wish.answered\n",
        "the floor of a robot that still brakes is given to others",
        ("test_ros_driver",),
    ),
    Mutant(
        "an order that a cancel overtook is sent",
        "robot_fleet/ros/driver.py",
        "        if cancels == self._cancels[command.robot]:\n",
        "        if cancels <= self._cancels[command.robot]:\n",
        "a robot that was told to stop drives off",
        ("test_ros_driver",),
    ),
    Mutant(
        "a stop waits behind other orders",
        "robot_fleet/ros/bridge.py",
        "            self.loud((self._urgent or self._calls).popleft())()\n",
        "            self.loud((self._calls or self._urgent).popleft())()\n",
        "with many robots a stop comes late",
        ("test_ros_bridge",),
    ),
)

STOPS = (
    Mutant(
        "a stop waits for the disk",
        "robot_fleet/control/controller.py",
        "        for command in self._state.effects.commands[before:]:\n"
        "            self._driver.send(command)\n"
        "        del self._state.effects.commands[before:]\n",
        "",
        "on a slow or full disk robots drive on for as long as that takes",
        (_RUNS,),
    ),
    Mutant(
        "a stop is called confirmed after the time that braking takes",
        "robot_fleet/control/ending.py",
        "        return robot.order is None and not robot.cancel_due and self._state.now_s >= robot.rest_after_s\n",
        "        return self._state.now_s >= robot.rest_after_s\n",
        "people walk in front of a robot that the stop never reached",
        (_RUNS,),
    ),
    Mutant(
        "a pause lets orders go on",
        "robot_fleet/control/controller.py",
        "        for robot in self._state.members(run):\n"
        "            self._halt(robot)\n"
        "        run.happen(RunEvent.PAUSE_ASKED)\n",
        "        run.happen(RunEvent.PAUSE_ASKED)\n",
        "robots finish half a minute of driving before they rest",
        (_RUNS,),
    ),
    Mutant(
        "a stop while storage refuses is forgotten",
        "robot_fleet/control/outages.py",
        "        self._to_stop = run_id\n        for robot in self._robots:\n",
        "        for robot in self._robots:\n",
        "robots that were told to stop go on by themselves when there is space again",
        (_OUTAGES,),
    ),
    Mutant(
        "after a bug robots are not told to stop",
        "robot_fleet/main/controller_process.py",
        "        for robot in self._store.robots:\n            self._driver.send(CancelAll(robot.name))\n",
        "",
        "they drive on without a controller",
        ("test_controller_process",),
    ),
)

RESTARTS = (
    Mutant(
        "reservations are not taken again after a restart",
        "robot_fleet/control/records.py",
        '                state.traffic.hold(name, shapely.from_wkb(stored["floor"]))\n',
        "",
        "floor on which a robot still drives is given to others",
        (_RUNS,),
    ),
    Mutant(
        "a held robot is let go by a restart",
        "robot_fleet/control/records.py",
        '    robot.state = RobotState.HELD if stored["held"] else RobotState.OFFLINE\n',
        "    robot.state = RobotState.OFFLINE\n",
        "a robot drives off from beside the person who looks after it",
        (_RUNS, "test_control_outages"),
    ),
    Mutant(
        "after a restart floor is freed before robots have confirmed that they rest",
        "robot_fleet/control/robots.py",
        "        if not robot.cancel_due and self._state.now_s >= robot.rest_after_s:\n",
        "        if self._state.now_s >= robot.rest_after_s:\n",
        "a robot that a cancel has not reached drives over floor of others",
        (_RUNS, _MISHAPS, "test_control_floor"),
    ),
    Mutant(
        "a robot that is placed anew before it confirms a cancel does not hold where it stands",
        "robot_fleet/control/robots.py",
        "            traffic.settle(robot.name, held.union(under))\n",
        "            pass\n",
        "another robot is sent to where one stands that a person has just localised",
        ("test_control_floor",),
    ),
    Mutant(
        "a restart cancels nothing",
        "robot_fleet/control/controller.py",
        "        for robot in self._state.robots.values():\n"
        "            orders.cancel(self._state, robot)\n"
        '        self._finish("resumed")\n',
        "        for robot in self._state.robots.values():\n"
        "            robot.cancel_due = False\n"
        '        self._finish("resumed")\n',
        "goals of the controller before go on beside new ones",
        (_RUNS,),
    ),
    Mutant(
        "a plan that was made for another state is installed",
        "robot_fleet/control/controller.py",
        "run.run_id != event.run_id or run.epoch != event.epoch or run.state",
        "run.run_id != event.run_id or run.state",
        "robots get ways that begin where they are not, and lanes that others have",
        ("test_control_planning", _MISHAPS),
    ),
    Mutant(
        "orders go out before the commit",
        "robot_fleet/control/controller.py",
        "        stored = not changed or self._rows.commit(what)\n",
        "        for command in effects.commands:\n"
        "            self._driver.send(command)\n"
        "        effects.commands = []\n"
        "        stored = not changed or self._rows.commit(what)\n",
        "after a crash robots drive on floor that by storage nobody holds",
        (_RUNS,),
    ),
    Mutant(
        "an answer is sent before the commit",
        "robot_fleet/control/controller.py",
        "        stored = not changed or self._rows.commit(what)\n",
        "        answers = what.split()[-1] in ('asked', 'started', 'acknowledged', 'closed', 'opened')\n"
        "        # The next event commits it: only a crash in between shows that it had been answered before.\n"
        "        stored = not changed or (not answers and self._rows.commit(what))\n",
        "what was promised to a person is gone after a crash",
        (_ANSWERS,),
    ),
    Mutant(
        "what is decided is shown before the commit",
        "robot_fleet/control/controller.py",
        "        stored = not changed or self._rows.commit(what)\n",
        "        if changed:\n            self._publish()\n        stored = not changed or self._rows.commit(what)\n",
        "who watches sees a run that is not there any more after a crash",
        (_ANSWERS,),
    ),
    Mutant(
        "a commit does not wait for the disk",
        "robot_fleet/storage/sqlite_place.py",
        '"synchronous=FULL"',
        '"synchronous=OFF"',
        "what was promised is gone after a power failure",
        ("test_storage_database",),
    ),
    Mutant(
        "two controllers may have one database",
        "robot_fleet/storage/lock.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "two controllers send the same robots to different places",
        ("test_storage_database",),
    ),
    Mutant(
        "journal and rows are two transactions",
        "robot_fleet/storage/database.py",
        "                connection.execute(sql.insert(JOURNAL).values(line))\n"
        "                _write(connection, newest, line[0])\n",
        "                connection.execute(sql.insert(JOURNAL).values(line))\n"
        "            with connection.begin():\n"
        "                _write(connection, newest, line[0])\n",
        "after a crash the journal tells of what never came true",
        ("test_storage_database",),
    ),
    Mutant(
        "robots that end their piece while storage refuses keep head and water on",
        "robot_fleet/control/outages.py",
        "            self._turn_off(event.robot)\n            self._show",
        "            self._show",
        "brushes turn on one spot for as long as the disk is full",
        (_OUTAGES,),
    ),
    Mutant(
        "an old battery reading is believed",
        "robot_fleet/control/outages.py",
        "        missed = [*self._said.values(), *self._since]\n",
        "        missed = [*self._since, *self._said.values()]\n",
        "after an outage a robot that has run low meanwhile is sent out to clean",
        (_OUTAGES,),
    ),
    Mutant(
        "a duplicate request is run twice",
        "robot_fleet/control/requests.py",
        "if request_id and run.request_id == request_id), None)",
        "if request_id and run is state.active and run.request_id == request_id), None)",
        "a client that asks again after a lost answer has the store cleaned again in opening hours",
        (_RUNS,),
    ),
)

HELD = (
    Mutant(
        "a docking that ends frees a held robot",
        "robot_fleet/fleet/states.py",
        "    (_S.HELD, _E.DOCKED): _S.HELD,\n",
        "    (_S.HELD, _E.DOCKED): _S.CHARGING,\n",
        "a robot that a person stopped on its way into the dock takes orders again",
        ("test_fleet_states", "test_control_robot_reports"),
    ),
    Mutant(
        "a robot is acknowledged that still reports why it is held",
        "robot_fleet/control/controller.py",
        "        if found.hold_active:\n",
        "        if found.hold_active and not found.hold:\n",
        "a robot with its emergency stop pressed is taken to work again",
        (_RUNS,),
    ),
    Mutant(
        "a hold that ends frees the robot",
        "robot_fleet/control/robots.py",
        "        robot.hold_active = bool(event.reason)\n",
        "        robot.hold_active = bool(event.reason)\n"
        "        if not event.reason and robot.state is RobotState.HELD:\n"
        "            robot.happen(RobotEvent.ACKNOWLEDGED)\n",
        "a robot drives off as soon as its emergency stop is pulled out again",
        (_RUNS,),
    ),
    Mutant(
        "a held robot keeps its goal",
        "robot_fleet/control/robots.py",
        "                self._withdraw(robot)\n            orders.cancel(self._state, robot)\n",
        "                self._withdraw(robot)\n",
        "a robot that is released drives on before a person has acknowledged it",
        (_RUNS, _MISHAPS),
    ),
)

COVERAGE = (
    Mutant(
        "floor is credited with the head off",
        "robot_fleet/fleet/coverage.py",
        "                if before is not None and was_on:\n",
        "                if before is not None:\n",
        "floor that was only driven over is listed as clean",
        ("test_fleet_coverage",),
    ),
    Mutant(
        "a gap in the poses is filled",
        "robot_fleet/fleet/coverage.py",
        "    return near_s and before.pose.distance_m(after.pose) <= LONGEST_GAP_M + _ROUNDING\n",
        "    return True\n",
        "floor is listed as clean on the straight line between two places, through shelves too",
        ("test_fleet_coverage",),
    ),
    Mutant(
        "what a lost robot claimed stays credited",
        "robot_fleet/control/robots.py",
        "            if LOST in event.reason:\n                self._withdraw(robot)\n",
        "",
        "floor is listed as clean where a robot only believed to be",
        ("test_control_robot_reports",),
    ),
    Mutant(
        "others come as near to a lost robot as to any other",
        "robot_fleet/control/berths.py",
        "    if not robot.is_lost or",
        "    if True or not robot.is_lost or",
        "robots drive into one that stands half a metre from where it takes itself to be",
        ("test_control_robot_floor",),
    ),
    Mutant(
        "the berth of a lost robot bars others' docks",
        "robot_fleet/control/berths.py",
        "            free_m = min(free_m, under.distance(way_in) - other.radius_m - MARGIN_M)\n",
        "            pass\n",
        "robots stand in the aisles all night since one beside their docks is lost",
        ("test_control_robot_floor",),
    ),
    Mutant(
        "a robot that braked where its dock is counts as docked",
        "robot_fleet/control/rest.py",
        "    return robot.order is not None or robot.has_work or not (robot.is_here or on_dock(state, robot))\n",
        "    if robot.is_here:\n        return robot.order is not None or robot.has_work\n    return not on_dock(state, robot)\n",
        "it stands a hand's breadth before what charges it, and is empty in the next night",
        ("test_control_homing",),
    ),
    Mutant(
        "what a lost robot is about to claim is credited all the same",
        "robot_fleet/fleet/coverage.py",
        "        self._poses, self._beyond_gap, self._settled, self._place = newest, [], 0, None\n        since_s",
        "        since_s",
        "floor is listed as clean where a robot only believed to be when it found out",
        ("test_fleet_coverage",),
    ),
    Mutant(
        "poses that were overtaken on the link are thrown away",
        "robot_fleet/control/robots.py",
        "            self._overtaken(robot, event)\n            return\n",
        "            return\n",
        "floor that is clean counts as missed wherever a link puts poses in the wrong order",
        ("test_control_robot_reports",),
    ),
    Mutant(
        "a lane is left out whole where a robot rests beside a part of it",
        "robot_fleet/control/dispatch.py",
        "    worth_m = LITTLE_M if waits_in_vain(state, robot) else WORTH_M\n",
        "    worth_m = WORTH_M\n",
        "floor between docks stays dirty, though it can be got to",
        ("test_control_yielding",),
    ),
    Mutant(
        "missed floor is not driven to again",
        "robot_fleet/control/rest.py",
        "        if again.any():\n",
        "        if run.makeup_passes > MAKEUP_PASSES and again.any():\n",
        "what a pallet or a person kept from being cleaned stays dirty, though it is free again",
        ("test_control_missed", _MISHAPS, "test_control_blocked"),
    ),
    Mutant(
        "missed floor is not listed",
        "robot_fleet/control/views.py",
        "        for zone in run.zones:\n            part = mask & left & state.zone_mask(zone)\n",
        "        for zone in run.zones[:1]:\n            part = mask & left & state.zone_mask(zone)\n",
        "nobody learns of floor that stayed dirty",
        (_RUNS,),
    ),
    Mutant(
        "a place where robots do not get on is planned through again and again",
        "robot_fleet/control/rest.py",
        "    if run.plan_failures:\n        return ()\n    return sure_places",
        "    if run.epoch:\n        return ()\n    return sure_places",
        "robots stand before the same pallet at every pass",
        ("test_control_blocked",),
    ),
    Mutant(
        "a blocked place stays blocked when robots get through again",
        "robot_fleet/control/blocked.py",
        "    passed = [place for place in run.blocked if line.distance(Point(place[:2])) <= _RADIUS_M]\n",
        "    passed: list[list[float]] = []\n",
        "an aisle that is free again is left out, and listed as blocked",
        ("test_control_blocked",),
    ),
)

BATTERY = (
    Mutant(
        "a robot whose head refused once is never tried again",
        "robot_fleet/control/charging.py",
        "            robot.drops = MOST_DROPS - 1\n",
        "            pass\n",
        "floor that it alone gets to stays dirty, though its tank was emptied long ago",
        ("test_control_batteries_and_heads",),
    ),
    Mutant(
        "a dead head is mended by being off",
        "robot_fleet/control/dispatch.py",
        "        if robot.head_refused in (None, wanted):\n",
        "        if wanted is not None:\n",
        "nobody is told in the morning that a robot's head does not turn on",
        ("test_control_batteries_and_heads",),
    ),
    Mutant(
        "which heads are dead is forgotten by a restart",
        "robot_fleet/control/records.py",
        '"detail", "head_refused",\n',
        '"detail",\n',
        "nobody is told any more that a robot's head does not turn on",
        ("test_control_batteries_and_heads",),
    ),
    Mutant(
        "a battery that rises is not looked at",
        "robot_fleet/control/charging.py",
        "    if level > least + _RISEN:\n",
        "    if level > 1.0:\n",
        "people are sent every night to docks that charge well",
        ("test_control_uncharged",),
    ),
    Mutant(
        "a robot drives its battery empty",
        "robot_fleet/control/charging.py",
        "    if level_now(state, robot) <= _least(state, robot) and not _is_seen_to(state, robot):\n",
        "    if level_now(state, robot) <= 0.0 and not _is_seen_to(state, robot):\n",
        "it dies in an aisle and blocks it all night",
        ("test_control_batteries_and_heads",),
    ),
    Mutant(
        "a battery that is not heard of any more stays as full as it was",
        "robot_fleet/control/charging.py",
        "    return max(0.0, robot.battery - robot.drain.per_s * unheard_s)\n",
        "    return robot.battery\n",
        "a robot whose battery's node has died cleans on until it stands empty in an aisle",
        ("test_control_batteries_and_heads",),
    ),
    Mutant(
        "a robot works again as soon as it charges",
        "robot_fleet/control/charging.py",
        "robot.battery is not None and robot.battery >= CHARGED:",
        "robot.battery is not None and robot.charging:",
        "it leaves its dock to come back at once, again and again",
        ("test_control_batteries_and_heads", "test_control_homing"),
    ),
    Mutant(
        "a run ends while robots are on their way home",
        "robot_fleet/control/rest.py",
        "    return not any(robot.cleans or _is_busy(state, robot) for robot in state.members(run))\n",
        "    return not any(robot.cleans for robot in state.members(run))\n",
        "robots are left in the aisles, where customers find them in the morning",
        (_RUNS, "test_control_homing"),
    ),
    Mutant(
        "the work of a robot that is gone is not handed on",
        "robot_fleet/control/rest.py",
        "    return robot.absent_since_s is not None and _absent_s(state, robot) >= HAND_ON_S\n",
        "    return robot.absent_since_s is not None and _absent_s(state, robot) >= 1000.0 * HAND_ON_S\n",
        "the lanes of a robot that died stay dirty, and the run waits for it until morning",
        (_RUNS,),
    ),
    Mutant(
        "the floor of a robot that is gone is planned through",
        "robot_fleet/control/rest.py",
        "    away = [robot for robot in state.robots.values() if robot not in members]\n",
        "    away: list[Robot] = []\n",
        "the others wait before a dead robot for floor that they will never get",
        ("test_control_blocked", _RUNS, _MISHAPS),
    ),
)

CLOCKS = (
    Mutant(
        "a controller that was asleep takes everybody for silent",
        "robot_fleet/control/robots.py",
        "        if robot.heard_at_s is not None and elapsed_s > LONGEST_TICK_S:\n",
        "        if robot.heard_at_s is not None and elapsed_s > 1e6 * LONGEST_TICK_S:\n",
        "after a hiccup of the machine every robot is stopped, and its lanes given away",
        ("test_control_robot_reports",),
    ),
    Mutant(
        "time goes back with the clock",
        "robot_fleet/control/controller.py",
        "        state.now_s = max(state.now_s, event.at_s)\n",
        "        state.now_s = event.at_s\n",
        "a moment's setback of the clock counts as hours of work, and limits begin anew",
        (_MISHAPS,),
    ),
    Mutant(
        "a clock that is years ahead makes runs old",
        "robot_fleet/control/retention.py",
        "        newest_s = min(self._state.clock.wall_s(), max(began_s, default=0.0))\n",
        "        newest_s = self._state.clock.wall_s()\n",
        "all runs of the last year are forgotten in one night",
        ("test_control_retention",),
    ),
)

RINGS = (
    Mutant(
        "a long body's disc counts as an intruder",
        "robot_fleet/control/intruders.py",
        "    return footprint.is_disc or (robot.pose is not None and footprint.at(robot.pose).intersects(floor))\n",
        "    return True\n",
        "robots brake again and again beside a scrubber that rests, and a night's work takes days",
        ("test_control_long_bodies",),
    ),
    Mutant(
        "long robots are intruders nowhere",
        "robot_fleet/control/intruders.py",
        "    return footprint.is_disc or (robot.pose is not None and footprint.at(robot.pose).intersects(floor))\n",
        "    return footprint.is_disc\n",
        "a scrubber that is pushed into a robot's way is driven into",
        ("test_control_long_bodies",),
    ),
    Mutant(
        "a long body that never reverses is to back out as it came",
        "robot_fleet/control/escaping.py",
        "    if profile.footprint.is_disc or not profile.reverses or robot.pose is None:\n",
        "    if profile.footprint.is_disc or robot.pose is None:\n",
        "it is let to where it has no room to turn, and stands there for good",
        ("test_control_long_bodies",),
    ),
    Mutant(
        "a long body that crosses its dock is docked",
        "robot_fleet/control/homing.py",
        "    return robot.spec.profile.footprint.is_disc or abs(turn_rad(dock.pose.yaw_rad, pose.yaw_rad)) <= _FACES_RAD\n",
        "    return True\n",
        "it backs out of a dock that it is not in, into the wall beside",
        ("test_control_long_bodies",),
    ),
    Mutant(
        "a long body turns before its dock, however near its neighbour stands",
        "robot_fleet/control/ways_home.py",
        "        state.before_docks[key] = next(_clear_before(state, robot, dock), dock.staging)\n",
        "        state.before_docks[key] = dock.staging\n",
        "scrubbers whose docks stand side by side wait in them for each other all night",
        ("test_control_long_bodies",),
    ),
    Mutant(
        "a long body in its dock needs the floor of its disc",
        "robot_fleet/fleet/escapes.py",
        "        return self.way[self.first_backs : len(self.way) - self.last_straight]\n",
        "        return self.way\n",
        "nobody gets out of a dock beside a scrubber's, all night, without a word",
        ("test_fleet_escapes",),
    ),
    Mutant(
        "room is looked for only behind who bars the way",
        "robot_fleet/control/yielding.py",
        "islice((goal for goal in goals if free.joins(robot.pose, goal)), _REFUGES)",
        "islice(goals, _REFUGES)",
        "two robots that were stopped face to face in an aisle stand there all night, with room behind them",
        ("test_control_escaping",),
    ),
)

CLOSURES = (
    Mutant(
        "room is made for others on closed floor",
        "robot_fleet/control/closures.py",
        "        turned_away = robot.turned_away and not robot.yields_to\n",
        "        turned_away = robot.turned_away\n",
        "a robot that had got out of wet paint is led back through it to let another pass",
        (_CLOSURES,),
    ),
    Mutant(
        "closed floor is forgotten by a restart",
        "robot_fleet/control/records.py",
        '        for body in self._run_store.load("closure").values():\n',
        '        for body in self._run_store.load("none").values():\n',
        "robots drive through wet paint that somebody was promised to be kept off it",
        (_CLOSURES,),
    ),
    Mutant(
        "a clock that is set opens closed floor",
        "robot_fleet/control/closures.py",
        "        if now_s >= opens_s:\n",
        "        if wall_s >= (view.ends_at_s or 0.0):\n",
        "a spill is driven through at once, or stays shut for hours, when somebody corrects the clock",
        (_CLOSURES,),
    ),
    Mutant(
        "closed floor lasts by a clock that was set back while the controller was down",
        "robot_fleet/control/records.py",
        "        ends_at_s = min(ends_at_s, wall_s + most_s)\n",
        "",
        "floor stays closed, and dirty, until a clock that lost its battery has caught up",
        (_CLOSURES,),
    ),
    Mutant(
        "a clock that is set while storage refuses opens closed floor",
        "robot_fleet/control/outages.py",
        "        self._controller.count_on(self._closed_until)\n",
        "",
        "robots drive through a spill as soon as there is space on the disk again",
        (_CLOSURES,),
    ),
)

LONG_BODIES = (
    Mutant(
        "a long body backs off the way that it came, as a disc does",
        "robot_fleet/control/orders.py",
        "    if robot.spec.profile.is_steered:\n        return None\n    router = state.router(robot)\n",
        "    router = state.router(robot)\n",
        "it turns into the shelf beside which it did not get on",
        ("test_control_giving_up",),
    ),
    Mutant(
        "a long body turns for a lane that begins elsewhere",
        "robot_fleet/fleet/steered_pieces.py",
        " and not following.is_stay and _joins(run[-1], following):\n",
        " and not following.is_stay:\n",
        "it turns about in an aisle, off the floor that it was granted",
        ("test_fleet_steered_pieces",),
    ),
    Mutant(
        "squares are planned as discs from where no disc could turn",
        "robot_fleet/planning/steering/leading.py",
        "    if has_room(robot.profile, place, clearance):",
        "    if True:",
        "a square robot begins with a turn into the wall beside it",
        ("test_planning_steering",),
    ),
    Mutant(
        "the way on which a robot is led is not driven",
        "robot_fleet/planning/steering/leading.py",
        "(*known.legs, *path.legs)",
        "path.legs",
        "a square robot is taken to be where it was to be led",
        ("test_planning_steering",),
    ),
    Mutant(
        "retreats that were not driven are driven beside the next one",
        "robot_fleet/control/yielding.py",
        "        robot.place = robot.place if itinerary.ended(after) else after\n",
        "",
        "a robot drives to and fro ten times before its dock",
        ("test_control_giving_up",),
    ),
)

STORED = (
    Mutant(
        "a controller that begins while storage refuses shows nothing",
        "robot_fleet/control/outages.py",
        "            self._look_at_storage()\n",
        "",
        "a run cannot be stopped, nor resumed, since nobody sees it",
        (_OUTAGES,),
    ),
)

MUTANTS = (
    *TRAFFIC,
    *ORDERS,
    *LINK,
    *STOPS,
    *RESTARTS,
    *HELD,
    *COVERAGE,
    *BATTERY,
    *CLOCKS,
    *RINGS,
    *CLOSURES,
    *LONG_BODIES,
    *STORED,
)
