"""The controller's node as ROS manages nodes: unconfigured, inactive, active, finalized.

| transition | what it does |
|---|---|
| configure, cleanup | nothing: store and database are open, and robots are heard, as long as the process lives |
| activate | robots may work; a run that rests because of `deactivate` goes on |
| deactivate | robots come to rest with the head off; requests to begin or go on are refused; a stop is taken |
| shutdown | the process ends as with SIGTERM |

A node that nobody is to manage refuses them all: whoever is on the network could end the process for good, since one that was shut
down in order is not started again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from lifecycle_msgs.srv import ChangeState
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

_log = logging.getLogger(__name__)

OnTransition = Callable[[str], None]
"""Called on the ROS thread with activate, deactivate or shutdown; what it raises lets the transition fail."""


class ManagedNode(LifecycleNode):
    """A lifecycle node that hands its transitions on. Only one that is `managed` lets others ask for any."""

    def __init__(self, name: str, context: Context, on_transition: OnTransition, managed: bool) -> None:
        super().__init__(name, context=context, start_parameter_services=False, enable_rosout=False)
        self._on_transition = on_transition
        # The service stays, so that tools get an answer.
        for service in () if managed else self.services:
            if service.srv_type is ChangeState:
                service.callback = _refuse

    def begin_active(self) -> None:
        """Goes through configure and activate by itself, for a process that nobody manages."""
        self.trigger_configure()
        self.trigger_activate()

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Robots may work."""
        return self._handed_on("activate")

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Robots rest."""
        return self._handed_on("deactivate")

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """The process ends."""
        return self._handed_on("shutdown")

    def _handed_on(self, transition: str) -> TransitionCallbackReturn:
        try:
            self._on_transition(transition)
        except Exception:
            _log.exception("the transition '%s' failed", transition)
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS


def _refuse(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
    wanted = request.transition.label or f"number {request.transition.id}"
    _log.warning(
        "somebody asked for the lifecycle transition %s: refused, since this is not served with --managed", wanted
    )
    response.success = False
    return response
