"""One drive action of one robot: sends goals, tells their ends, cancels all of them. Runs on the ROS thread alone."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from action_msgs.srv import CancelGoal
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

from robot_fleet.fleet.events import Outcome
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.goals import outcome_from_ros
from robot_fleet.ros.layouts import action_misreading

_log = logging.getLogger(__name__)
DISCOVERY_LIMIT_S = 5.0
"""How long a server may be unknown before an order to it is given up (real time, as all limits here). Fast DDS announces
itself every 3 s, and now and then the first announcements are not heard."""
ANSWER_LIMIT_S = 15.0
"""How long a server may take to accept or refuse a goal: over a bad link answers are repaired every 3 s, and not always at once."""
ASK_SOON_S, ASK_AGAIN_S = 0.25, 2.0
"""When a cancel request without an answer is asked again: at first soon, as the server may not have been discovered."""
_KEPT_ASKS = 3

OnEnded = Callable[[str, Outcome, str], None]


@dataclass(eq=False)
class Order:
    """A goal of ours. `goal` is None once sent; `told` once its end is reported; `withdrawn` when it must not drive."""

    leg_id: str
    goal: Any
    since: float
    goal_id: bytes = field(default_factory=lambda: uuid.uuid4().bytes)
    accepted: bool = False
    withdrawn: bool = False
    told: bool = False


@dataclass(eq=False)
class Cancelling:
    """A wish to cancel everything: whether the server answered, and which foreign goals have still to end."""

    answered: bool = False
    ask_again_at: float = 0.0
    open: set[bytes] = field(default_factory=set)
    asks: list[Future] = field(default_factory=list)


class DriveAction:
    """The client of one action server. `on_ended` takes leg id, outcome and detail once for each order.

    An order ends REJECTED when the server is not there, would misread it or refuses it, UNANSWERED when it neither accepts
    nor refuses (an acceptance that comes later is cancelled at once), else with the goal's result, however late.
    """

    def __init__(
        self,
        bridge: RosBridge,
        robot: str,
        action_type: Any,
        name: str,
        on_ended: OnEnded,
        on_quiet: Callable[[], None],
    ) -> None:
        self.name = name
        self._log = logging.LoggerAdapter(_log, {"ids": {"robot": robot}})
        self._loud = bridge.loud
        self._node = bridge.node
        self._action_type = action_type
        self._client = ActionClient(bridge.node, action_type, name)
        bridge.at_stop(self._client.destroy)
        self._on_ended, self._on_quiet = on_ended, on_quiet
        self._orders: list[Order] = []
        self._cancelling: Cancelling | None = None

    @property
    def is_there(self) -> bool:
        """Whether the server is discovered; a server that died stays so until its DDS lease runs out."""
        return bool(self._client.server_is_ready())

    @property
    def misreading(self) -> str:
        """What its server would misread of a goal, "" for nothing."""
        return action_misreading(self._node, self.name) or ""

    @property
    def has_orders(self) -> bool:
        """Whether a goal of ours may still be alive at the server."""
        return bool(self._orders)

    @property
    def is_quiet(self) -> bool:
        """Whether the server has confirmed, since `cancel_all`, that no goal is alive."""
        wish = self._cancelling
        return wish is not None and wish.answered and not wish.open and not self._orders

    def start(self, leg_id: str, goal: Any) -> None:
        """Sends the goal, as soon as the server is there."""
        order = Order(leg_id, goal, time.monotonic())
        self._orders.append(order)
        if self.is_there:
            self._send_if_understood(order)

    def cancel_all(self) -> None:
        """Asks the server at once to cancel every goal, whoever sent it; `on_quiet` is called when none is left."""
        self._cancelling = Cancelling()
        for order in [order for order in self._orders if order.goal is not None]:
            self._end(order, Outcome.CANCELLED, "cancelled before it was sent")
        for order in self._orders:
            order.withdrawn = True
        self._ask_to_cancel(self._cancelling)  # without a look whether the server is there: that takes longer
        self._cancelling.ask_again_at = time.monotonic() + ASK_SOON_S

    def forget_cancel(self) -> None:
        """The wish to cancel everything is over: a new order follows."""
        self._cancelling = None

    def tick(self) -> None:
        """Lets limits run out; call a few times a second."""
        now = time.monotonic()
        for order in list(self._orders):
            self._check(order, now)
        wish = self._cancelling
        if wish is not None and not self.is_quiet and now > wish.ask_again_at and self.is_there:
            self._ask_to_cancel(wish)

    def _check(self, order: Order, now: float) -> None:
        if order.goal is not None:
            if self.is_there:
                self._send_if_understood(order)
            elif now - order.since > DISCOVERY_LIMIT_S:
                self._end(order, Outcome.REJECTED, f"there is no action server {self.name}")
        elif not (order.accepted or order.told) and now - order.since > ANSWER_LIMIT_S:
            order.withdrawn = True
            self._tell(order, Outcome.UNANSWERED, f"{self.name} did not answer the goal within {ANSWER_LIMIT_S:.0f} s")

    def _send_if_understood(self, order: Order) -> None:
        fault = action_misreading(self._node, self.name)
        if fault:
            self._end(order, Outcome.REJECTED, f"it would misread the goal: {fault}; see `robot-fleet doctor`")
        else:
            self._send(order)

    def _send(self, order: Order) -> None:
        goal, order.goal, order.since = order.goal, None, time.monotonic()
        future = self._client.send_goal_async(goal, goal_uuid=_to_ros(order.goal_id))
        future.add_done_callback(self._loud(partial(self._answered, order)))

    def _answered(self, order: Order, future: Future) -> None:
        handle = future.result()
        if not handle.accepted:
            self._end(order, Outcome.REJECTED, f"{self.name} refused the goal; is the server active?")
            return
        order.accepted = True
        handle.get_result_async().add_done_callback(self._loud(partial(self._finished, order)))
        if order.withdrawn:
            handle.cancel_goal_async()

    def _finished(self, order: Order, future: Future) -> None:
        self._end(order, *outcome_from_ros(future.result()))

    def _end(self, order: Order, outcome: Outcome, detail: str) -> None:
        if order in self._orders:
            self._orders.remove(order)
            self._tell(order, outcome, detail)
            self._on_quiet()

    def _tell(self, order: Order, outcome: Outcome, detail: str) -> None:
        if not order.told:
            order.told = True
            self._on_ended(order.leg_id, outcome, detail)

    def _ask_to_cancel(self, wish: Cancelling) -> None:
        wish.ask_again_at = time.monotonic() + ASK_AGAIN_S
        future = self._goal(bytes(16)).cancel_goal_async()
        future.add_done_callback(self._loud(partial(self._cancel_answered, wish)))
        self._keep(wish, future)

    def _cancel_answered(self, wish: Cancelling, future: Future) -> None:
        if future.cancelled():
            return
        response = future.result()
        if response.return_code == CancelGoal.Response.ERROR_REJECTED:
            self._log.warning("%s refuses to cancel; asking again", self.name)
            return
        wish.answered = True
        ours = {order.goal_id for order in self._orders if order.accepted or order.told}
        wish.open |= {bytes(goal.goal_id.uuid) for goal in response.goals_canceling} - ours
        for goal_id in wish.open | ours:
            future = self._goal(goal_id).get_result_async()
            future.add_done_callback(self._loud(partial(self._seen_ended, wish, goal_id)))
            self._keep(wish, future)
        self._on_quiet()

    def _seen_ended(self, wish: Cancelling, goal_id: bytes, future: Future) -> None:
        if future.cancelled():
            return
        wish.open.discard(goal_id)
        for order in [order for order in self._orders if order.goal_id == goal_id]:
            self._finished(order, future)
        self._on_quiet()

    def _keep(self, wish: Cancelling, future: Future) -> None:
        """Late answers are believed, but what is never answered must not pile up."""
        wish.asks.append(future)
        limit = _KEPT_ASKS * (1 + len(wish.open) + len(self._orders))
        for old in wish.asks[:-limit]:
            old.cancel()
        del wish.asks[:-limit]

    def _goal(self, goal_id: bytes) -> ClientGoalHandle:
        """The handle of any goal of the server, also of another client's; sixteen zeros stand for all goals."""
        response = self._action_type.Impl.SendGoalService.Response(accepted=True)
        return ClientGoalHandle(self._client, _to_ros(goal_id), response)


def _to_ros(goal_id: bytes) -> UUID:
    return UUID(uuid=list(goal_id))
