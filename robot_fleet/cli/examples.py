"""Examples for the help of each command: the command, and what it does."""

from __future__ import annotations

from rich.markup import escape

_EXAMPLES = {
    "demo": (
        ("robot-fleet demo", "three robots clean a supermarket, in two minutes"),
        ("robot-fleet demo --store ~/maps/shop --robots 2", "your own map: map.yaml and its image are enough"),
        ("robot-fleet demo --gazebo", "two robots with wheels clean a corner shop in Gazebo"),
    ),
    "serve": (
        ("robot-fleet serve --store maps/corner_shop", "real robots, on this machine's ROS domain"),
        ("robot-fleet serve --store maps/corner_shop --sim-time", "simulated robots, see `robot-fleet sim`"),
        ("robot-fleet serve --store maps/corner_shop --database postgresql://fleet@db/shop", "runs in PostgreSQL"),
    ),
    "sim": (
        ("robot-fleet sim --store maps/corner_shop --speed 20", "every robot of the store, 20 times as fast"),
        ("robot-fleet sim --store maps/corner_shop --speed 20 --clock-only", "the clock for robots on their own:"),
        ("robot-fleet sim --store maps/corner_shop --robot robot_1", "one robot in a process of its own"),
        ("robot-fleet sim --store maps/corner_shop --gazebo", "the robots of a running Gazebo world"),
    ),
    "start": (
        ("robot-fleet start", "every zone, every robot"),
        ("robot-fleet start aisles --watch", "one zone, and follow it until it ends"),
        ("robot-fleet start --robots robot_1,robot_2", "two of the robots"),
    ),
    "watch": (
        ("robot-fleet watch", "the active run, or else the newest"),
        ("robot-fleet watch --json | jq -r '[.state, .progress] | @tsv'", "for programs"),
    ),
    "status": (
        ("robot-fleet status", "the active run, or else the newest"),
        ("robot-fleet status --json | jq .progress", "one figure of it"),
    ),
    "stop": (
        ("robot-fleet stop", "the active run"),
        ("robot-fleet stop 3f2a91c07b1e --wait 30", "a run by its id"),
    ),
    "runs": (("robot-fleet runs --limit 5", "the five newest"),),
    "robots": (("""robot-fleet robots --json | jq -r '.[] | select(.state == "HELD") | .name'""", "who is held"),),
    "alerts": (("robot-fleet alerts --all --limit 10", "the newest, also when settled"),),
    "ack": (('robot-fleet ack robot_2 --person "Ada Lovelace"', "after a look at the robot"),),
    "close-floor": (
        ('robot-fleet close-floor "wet paint" 5,3 6.5,3 6.5,4.5 5,4.5 --minutes 90', "opens by itself"),
        ("robot-fleet close-floor delivery 2,1 4,1 4,3", "until `open-floor`; in metres of the map frame"),
    ),
    "open-floor": (('robot-fleet open-floor "wet paint"', "before its time"),),
    "closures": (("robot-fleet closures --json | jq -r '.[].name'", "their names"),),
    "plan": (
        ("robot-fleet plan maps/supermarket --picture plan.png", "the store's own robots"),
        (
            "robot-fleet plan maps/supermarket --robots 4 --profile W --out plan.json",
            "four robots, kept for `judge`",
        ),
    ),
    "judge": (
        ("robot-fleet judge maps/supermarket plan.json", "is it safe, and as fast as it says?"),
        ("robot-fleet judge maps/supermarket paths.json --profile R", "another program's paths"),
    ),
    "gazebo-world": (
        ("robot-fleet gazebo-world maps/supermarket --robots 3 --out gazebo", "a world for Gazebo Harmonic"),
        (
            "robot-fleet gazebo-world maps/corner_shop --fortress --pallets 2",
            "for Fortress, with two pallets in the way",
        ),
    ),
    "gazebo-bridge": (
        ("robot-fleet gazebo-bridge --store maps/supermarket --robots 3", "beside `gz sim` with its world"),
    ),
    "doctor": (
        ("robot-fleet doctor --store maps/corner_shop", "every robot of the store, before the first night"),
        ("robot-fleet doctor robot_2 --store my_store --json", "one robot, for programs"),
    ),
    "db check": (("robot-fleet db check --store maps/corner_shop", "also while the controller runs"),),
    "db backup": (
        ("robot-fleet db backup /mnt/usb/shop.db --store maps/corner_shop --force", "each night, in place of the last"),
    ),
    "db restore": (
        ("robot-fleet db restore /mnt/usb/shop.db --store maps/corner_shop", "when the controller has been stopped"),
        ("robot-fleet db restore /mnt/usb/shop.db --database postgresql://fleet@db/shop", "from a file to a server"),
    ),
    "support-bundle": (
        ("robot-fleet support-bundle --store maps/corner_shop", "with the store's files and its controller's data"),
        ("robot-fleet support-bundle --log serve.log --out /tmp/help.tar.gz", "with a log of your own"),
    ),
    "nights": (
        ("robot-fleet nights --count 100", "a hundred nights in the corner shop, everything going wrong"),
        ("robot-fleet nights --store random --faults link,crash --kept nights.jsonl", "go on with it at any time"),
        ("robot-fleet nights --replay 17 --shrink --picture night.png", "one night again, with as few faults"),
    ),
    "bench": (
        ("robot-fleet bench --quick", "in a minute, two small stores"),
        ("robot-fleet bench --stores maps/supermarket --robots 1,4", "ours and others' for two fleets"),
    ),
}


def examples_of(command: str) -> str | None:
    """The command's examples as the last part of its help; None when it needs none."""
    examples = _EXAMPLES.get(command)
    if not examples:
        return None
    lines = [f"[cyan]{escape(line)}[/]  [dim]{escape(what)}[/]" for line, what in examples]
    return "\n".join(["[bold]Examples[/]", *lines])
