"""The Python client library: drive a fleet from a program, over the gRPC API.

    from robot_fleet.client import FleetClient

    with FleetClient("127.0.0.1:50051") as fleet:
        run = fleet.start(zones=["aisles"])
        for run in fleet.watch(run.run_id):
            print(run.state.value, f"{run.progress:.0%}")

Every call either answers or raises a ClientError that says what is wrong and what to do.
"""

from robot_fleet.client.errors import ClientError, Refused, Unreachable
from robot_fleet.client.fleet_client import DEFAULT_ADDRESS, FleetClient

__all__ = ["DEFAULT_ADDRESS", "ClientError", "FleetClient", "Refused", "Unreachable"]
