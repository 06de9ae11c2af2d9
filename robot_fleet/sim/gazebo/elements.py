"""Elements of an SDF document, and numbers as it writes them."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from robot_fleet.floor.pose import Pose

GREY, DARK, STEEL = (0.75, 0.75, 0.73), (0.2, 0.2, 0.22), (0.55, 0.57, 0.6)
Colour = tuple[float, float, float]


def add(parent: Element, tag: str, text: object = None, **attributes: str) -> Element:
    """A new last child of `parent`; numbers and truth values become text."""
    child = SubElement(parent, tag, attributes)
    if text is not None:
        child.text = written(text)
    return child


def written(value: object) -> str:
    """A value as SDF writes it; sequences with blanks between."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (tuple, list)):
        return " ".join(map(written, value))
    return str(value)


def place(parent: Element, x: float, y: float, z: float, roll: float = 0.0, yaw: float = 0.0) -> None:
    """The pose of `parent`: metres and radians."""
    # A map may lie kilometres from its origin: here every digit counts.
    add(parent, "pose", " ".join(f"{value:.9g}" for value in (x, y, z, roll, 0.0, yaw)))


def place_on_floor(parent: Element, pose: Pose, z: float = 0.0) -> None:
    """The pose of `parent` on the floor, turned about the vertical."""
    place(parent, pose.x_m, pose.y_m, z, yaw=pose.yaw_rad)


def box(parent: Element, x: float, y: float, z: float) -> Element:
    """The geometry of a box with those sides."""
    geometry = add(parent, "geometry")
    add(add(geometry, "box"), "size", (x, y, z))
    return geometry


def cylinder(parent: Element, radius: float, length: float) -> Element:
    """The geometry of an upright cylinder."""
    geometry = add(parent, "geometry")
    shape = add(geometry, "cylinder")
    add(shape, "radius", radius)
    add(shape, "length", length)
    return geometry


def sphere(parent: Element, radius: float) -> Element:
    """The geometry of a ball."""
    geometry = add(parent, "geometry")
    add(add(geometry, "sphere"), "radius", radius)
    return geometry


def colour(visual: Element, rgb: Colour) -> None:
    """The material of a visual."""
    material = add(visual, "material")
    for kind in ("ambient", "diffuse"):
        add(material, kind, (*rgb, 1.0))


def friction(collision: Element, mu: float) -> None:
    """How much a collision rubs: Coulomb's coefficient in both directions."""
    ode = add(add(add(collision, "surface"), "friction"), "ode")
    for direction in ("mu", "mu2"):
        add(ode, direction, mu)


def plugin(parent: Element, system: tuple[str, str], **settings: object) -> Element:
    """A system of Gazebo with its settings."""
    library, name = system
    child = add(parent, "plugin", filename=library, name=name)
    for key, value in settings.items():
        add(child, key, value)
    return child
