"""What stands in a street: houses, trees, poles, vehicles, people, as coloured shapes in metres.

Coordinates are those of the camera: x to the right, y up from the ground, z ahead. Object classes are the
ids of the Mapillary Vistas panoptic model: 28 "stuff" classes from 0, 37 "things" from 28.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

__all__ = [
    "Line",
    "Oval",
    "Polygon",
    "Thing",
    "cart",
    "goat",
    "house",
    "person",
    "pole",
    "sign",
    "tree",
    "vehicle",
]

CURB, FENCE, WALL, ROAD, SIDEWALK, BUILDING, LANE_MARKING = 0, 1, 4, 10, 12, 14, 16
MOUNTAIN, SKY, TERRAIN, VEGETATION, VOID = 17, 19, 21, 22, 255
ANIMAL, PERSON, BICYCLIST, MOTORCYCLIST, BILLBOARD, STREET_LIGHT = 29, 31, 32, 33, 39, 47
UTILITY_POLE, SIGN, BUS, CAR, MOTORCYCLE, TRUCK, WHEELED_SLOW = 50, 53, 57, 58, 60, 63, 64

Colour = tuple[float, float, float]
Point = tuple[float, float, float]


class Polygon(NamedTuple):
    """A flat face: corners (x, y, z) in metres."""

    corners: list[Point]
    colour: Colour


class Oval(NamedTuple):
    """An ellipse that faces the camera: centre, half width and half height in metres."""

    centre: Point
    half: tuple[float, float]
    colour: Colour


class Line(NamedTuple):
    """A line of a thickness in metres."""

    ends: tuple[Point, Point]
    thickness: float
    colour: Colour


@dataclass
class Thing:
    """One object: its class, how far and how tall it is (metres), and its shapes, the first drawn first."""

    kind: int
    distance: float
    height: float
    shapes: list[Polygon | Oval | Line] = field(default_factory=list)
    side: int = 0

    def box(
        self, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], colour: Colour
    ) -> None:
        """Add the two faces of a box that a camera at x = 0 sees."""
        inner = x[0] if abs(x[0]) < abs(x[1]) else x[1]
        if x[0] * x[1] > 0:
            self.shapes.append(Polygon(_upright(inner, y, z), _shade(colour, 0.82)))
        self.shapes.append(Polygon(_facing(x, y, z[0]), colour))


def house(
    rng: np.random.Generator, *, side: int, front: float, near: float, quality: float, crowded: float
) -> Thing:
    """A house beside the road.

    Parameters
    ----------
    side
        -1 left of the road, 1 right.
    front
        Distance of its front from the middle of the road, metres.
    near
        Distance of its nearer end from the camera, metres.
    quality
        0 (mud and thatch) to 1 (plaster, storeys and glass).
    crowded
        0 (countryside) to 1 (inner city).
    """
    storeys = 1 + int(rng.poisson(2.2 * max(quality - 0.35, 0) * crowded))
    length = rng.uniform(3.5, 5.5) + 6.5 * quality * rng.uniform(0.6, 1.2)
    width = rng.uniform(3.5, 5) + 4 * quality
    top = (2.0 + 0.9 * quality) * storeys
    x, z = (side * front, side * (front + width)), (near, near + length)
    wall = _wall(rng, quality)
    thing = Thing(BUILDING, near + length / 2, top + 1, side=side)
    thing.box(x, (0, top), z, wall)
    _openings(thing, rng, x, z, top, storeys, quality)
    _roof(thing, rng, x, z, top, quality, flat=quality > 0.55 and rng.random() < 0.3 + 0.5 * crowded)
    return thing


def tree(rng: np.random.Generator, *, x: float, z: float, moisture: float) -> Thing:
    """A tree, palm or bush."""
    tall = rng.uniform(1.0, 2.2) if rng.random() < 0.4 else rng.uniform(3.5, 7.5)
    green = _tint(rng, (96 - 45 * moisture, 112 + 6 * moisture, 58 - 14 * moisture), 13)
    thing = Thing(VEGETATION, z, tall, side=int(np.sign(x)))
    if tall < 2.5:
        thing.shapes += [
            Oval((x + rng.normal(0, 0.5), 0.4 * tall, z), (0.5 * tall, 0.45 * tall), _shade(green, k))
            for k in (0.8, 1)
        ]
    elif rng.random() < 0.3:
        _palm(thing, rng, x, z, tall + 1.5, green)
    else:
        thing.shapes.append(Line(((x, 0, z), (x, 0.6 * tall, z)), 0.3, (88, 68, 52)))
        for shade in (0.75, 0.88, 1.0, 1.12):
            centre = (x + rng.normal(0, 0.18 * tall), 0.72 * tall + rng.normal(0, 0.1 * tall), z)
            thing.shapes.append(Oval(centre, (0.26 * tall, 0.2 * tall), _shade(green, shade)))
    return thing


def pole(rng: np.random.Generator, *, x: float, z: float, light: bool, reach: float) -> Thing:
    """A utility pole with wires to the next one ``reach`` metres on, or a street light."""
    tall = 7.0 if light else 7.8
    thing = Thing(STREET_LIGHT if light else UTILITY_POLE, z, tall)
    grey: Colour = (150, 150, 152) if light else (104, 88, 74)
    thing.shapes.append(Line(((x, 0, z), (x, tall, z)), 0.2, grey))
    if light:
        arm = x - np.sign(x) * 1.6
        thing.shapes.append(Line(((x, tall, z), (arm, tall + 0.2, z)), 0.14, grey))
        thing.shapes.append(Oval((arm, tall + 0.1, z), (0.4, 0.16), (236, 232, 210)))
    else:
        thing.shapes.append(Line(((x - 0.9, tall - 0.5, z), (x + 0.9, tall - 0.5, z)), 0.14, grey))
        for shift in (-0.8, 0.8):
            ends = ((x + shift, tall - 0.4, z), (x + shift + rng.normal(0, 0.1), tall - 0.4, z + reach))
            thing.shapes.append(Line(ends, 0.05, (70, 70, 74)))
    return thing


def vehicle(rng: np.random.Generator, *, x: float, z: float, kind: int) -> Thing:
    """A car, bus, truck or motorcycle (with rider)."""
    if kind in (MOTORCYCLIST, BICYCLIST):
        return _rider(rng, x, z, kind)
    long, wide, tall = {CAR: (4.2, 1.8, 1.45), BUS: (9.0, 2.5, 3.0), TRUCK: (7.0, 2.4, 2.9)}[kind]
    paint = _PAINTS[rng.integers(len(_PAINTS))]
    thing = Thing(kind, z, tall)
    span, body = (x - wide / 2, x + wide / 2), 0.55 * tall if kind == CAR else tall
    for wheel in span:
        thing.shapes.append(Oval((wheel, 0.3, z), (0.22, 0.34), (30, 30, 32)))
    thing.box(span, (0.3, body), (z, z + long), paint)
    inset = (x - 0.42 * wide, x + 0.42 * wide)
    if kind == CAR:
        thing.box(inset, (body, tall), (z + 0.7, z + 0.75 * long), _shade(paint, 0.9))
    thing.shapes.append(Polygon(_facing(inset, (0.62 * tall, 0.93 * tall), z + 0.05), (64, 78, 92)))
    lamp: Colour = (214, 60, 50) if x < 0 else (248, 244, 214)
    thing.shapes += [
        Oval((edge * 0.96 + x * 0.04, 0.42 * min(tall, 1.8), z), (0.16, 0.1), lamp) for edge in span
    ]
    return thing


def cart(rng: np.random.Generator, *, x: float, z: float) -> Thing:
    """A hand cart with its load."""
    thing = Thing(WHEELED_SLOW, z, 1.3)
    thing.shapes.append(Polygon(_facing((x - 0.8, x + 0.8), (0.5, 0.8), z), (132, 96, 62)))
    thing.shapes.append(Oval((x, 1.0, z), (0.7, 0.35), _tint(rng, (188, 164, 104), 18)))
    thing.shapes += [Oval((x + shift, 0.38, z), (0.38, 0.38), (58, 48, 42)) for shift in (-0.5, 0.5)]
    return thing


def goat(rng: np.random.Generator, *, x: float, z: float) -> Thing:
    """A goat or a cow."""
    size = rng.choice([0.6, 1.1])
    coat = _tint(rng, (196, 184, 166) if rng.random() < 0.5 else (110, 78, 56), 12)
    thing = Thing(ANIMAL, z, 1.2 * size)
    thing.shapes += [
        Line(((x + k * size, 0, z), (x + k * size, 0.6 * size, z)), 0.12, _shade(coat, 0.7))
        for k in (-0.4, 0.4)
    ]
    thing.shapes.append(Oval((x, 0.8 * size, z), (0.65 * size, 0.32 * size), coat))
    thing.shapes.append(Oval((x + 0.75 * size, 1.05 * size, z), (0.22 * size, 0.2 * size), coat))
    return thing


def person(rng: np.random.Generator, *, x: float, z: float) -> Thing:
    """Somebody on foot."""
    tall = rng.uniform(1.2, 1.8)
    cloth, skin = _CLOTHS[rng.integers(len(_CLOTHS))], _tint(rng, (92, 66, 50), 10)
    thing = Thing(PERSON, z, tall)
    thing.shapes.append(Polygon(_facing((x - 0.15, x + 0.15), (0, 0.5 * tall), z), (60, 58, 66)))
    thing.shapes.append(Polygon(_facing((x - 0.24, x + 0.24), (0.42 * tall, 0.84 * tall), z), cloth))
    thing.shapes.append(Oval((x, 0.92 * tall, z), (0.12, 0.14), skin))
    return thing


def sign(rng: np.random.Generator, *, x: float, z: float, large: bool) -> Thing:
    """A traffic sign, or a billboard."""
    thing = Thing(BILLBOARD if large else SIGN, z, 4.5 if large else 2.6)
    thing.shapes.append(Line(((x, 0, z), (x, 3 if large else 2, z)), 0.12, (140, 140, 144)))
    if large:
        thing.shapes.append(
            Polygon(_facing((x - 1.6, x + 1.6), (2.6, 4.5), z), _CLOTHS[rng.integers(len(_CLOTHS))])
        )
        thing.shapes.append(Polygon(_facing((x - 1.2, x + 0.6), (3.3, 3.8), z), (240, 238, 230)))
    else:
        thing.shapes.append(Oval((x, 2.3, z), (0.36, 0.36), (196, 40, 44)))
        thing.shapes.append(Oval((x, 2.3, z), (0.24, 0.24), (238, 236, 230)))
    return thing


_PAINTS: list[Colour] = [
    (226, 226, 224),
    (186, 188, 192),
    (70, 72, 78),
    (168, 44, 42),
    (46, 78, 134),
    (206, 168, 60),
    (66, 104, 84),
]
_CLOTHS: list[Colour] = [
    (204, 66, 58),
    (58, 104, 168),
    (232, 178, 62),
    (84, 142, 92),
    (224, 222, 214),
    (146, 70, 132),
]
_WALLS: list[list[Colour]] = [
    [(142, 106, 78), (156, 118, 86), (128, 100, 82)],
    [(166, 124, 98), (158, 146, 132), (150, 98, 74), (172, 156, 128)],
    [(206, 190, 154), (186, 202, 190), (214, 178, 152), (190, 196, 204)],
    [(238, 234, 224), (232, 216, 186), (222, 228, 232), (240, 222, 206)],
]
_ROOFS: list[list[Colour]] = [
    [(134, 112, 72), (120, 98, 64)],
    [(138, 88, 64), (122, 94, 80), (150, 110, 84)],
    [(168, 168, 170), (146, 98, 80), (120, 134, 150)],
    [(178, 88, 62), (164, 78, 58), (96, 102, 112)],
]


def _grade(quality: float) -> int:
    return min(int(4 * max(quality, 0)), 3)


def _wall(rng: np.random.Generator, quality: float) -> Colour:
    choice = _WALLS[_grade(quality)]
    return _tint(rng, choice[rng.integers(len(choice))], 9)


def _openings(
    thing: Thing,
    rng: np.random.Generator,
    x: tuple[float, float],
    z: tuple[float, float],
    top: float,
    storeys: int,
    quality: float,
) -> None:
    """Doors and windows on the front (towards the road) and on the nearer end."""
    glass: Colour = (96, 122, 142) if quality > 0.5 else (62, 54, 50)
    frame: Colour = (240, 240, 236) if quality > 0.65 else _shade(glass, 0.8)
    floor = top / storeys
    across = int(np.clip(round((z[1] - z[0]) / 2.6 * (0.35 + quality)), 1, 5))
    for level in range(storeys):
        y = (level * floor + 0.38 * floor, level * floor + 0.78 * floor)
        for centre in np.linspace(z[0], z[1], across + 2)[1:-1]:
            wide = (centre - 0.6, centre + 0.6)
            thing.shapes.append(
                Polygon(_upright(x[0], (y[0] - 0.12, y[1] + 0.12), (wide[0] - 0.15, wide[1] + 0.15)), frame)
            )
            thing.shapes.append(Polygon(_upright(x[0], y, wide), glass))
        if quality > 0.3:
            middle = (x[0] + x[1]) / 2
            thing.shapes.append(
                Polygon(_facing((middle - 0.8, middle + 0.8), (y[0] - 0.1, y[1] + 0.1), z[0]), frame)
            )
            thing.shapes.append(Polygon(_facing((middle - 0.65, middle + 0.65), y, z[0]), glass))
    door = z[0] + (z[1] - z[0]) * rng.uniform(0.15, 0.85)
    thing.shapes.append(
        Polygon(_upright(x[0], (0, min(2.0, 0.85 * floor)), (door - 0.5, door + 0.5)), (84, 60, 46))
    )


def _roof(
    thing: Thing,
    rng: np.random.Generator,
    x: tuple[float, float],
    z: tuple[float, float],
    top: float,
    quality: float,
    *,
    flat: bool,
) -> None:
    choice = _ROOFS[_grade(quality)]
    colour = _tint(rng, choice[rng.integers(len(choice))], 8)
    if flat:
        thing.box((x[0] - 0.02 * x[0], x[1]), (top, top + 0.45), z, _shade(colour, 1.15))
        return
    eaves, middle = x[0] - np.sign(x[0]) * 0.35, (x[0] + x[1]) / 2
    rise = top + rng.uniform(0.9, 1.5) * (1.6 if quality < 0.25 else 1.0)
    near, far = z[0] - 0.3, z[1] + 0.3
    thing.shapes.append(
        Polygon([(x[0], top, z[0]), (middle, rise, z[0]), (x[1], top, z[0])], _shade(colour, 0.72))
    )
    slope = [(eaves, top - 0.1, near), (eaves, top - 0.1, far), (middle, rise, far), (middle, rise, near)]
    thing.shapes.append(Polygon(slope, colour))


def _palm(thing: Thing, rng: np.random.Generator, x: float, z: float, tall: float, green: Colour) -> None:
    thing.shapes.append(Line(((x, 0, z), (x + 0.5, tall, z)), 0.24, (112, 92, 70)))
    for angle in np.linspace(-0.5, np.pi + 0.5, 8) + rng.normal(0, 0.12, 8):
        tip = (x + 0.5 + 2.1 * np.cos(angle), tall + 1.5 * np.sin(angle) - 0.3, z)
        thing.shapes.append(Line(((x + 0.5, tall, z), tip), 0.36, green))


def _rider(rng: np.random.Generator, x: float, z: float, kind: int) -> Thing:
    thing = Thing(kind, z, 1.7)
    thing.shapes.append(Oval((x, 0.35, z), (0.1, 0.35), (34, 34, 36)))
    if kind == MOTORCYCLIST:
        thing.shapes.append(
            Polygon(_facing((x - 0.25, x + 0.25), (0.5, 0.9), z), _PAINTS[rng.integers(len(_PAINTS))])
        )
    thing.shapes.append(
        Polygon(_facing((x - 0.25, x + 0.25), (0.8, 1.4), z), _CLOTHS[rng.integers(len(_CLOTHS))])
    )
    thing.shapes.append(Oval((x, 1.55, z), (0.14, 0.15), (70, 54, 46)))
    return thing


def _upright(x: float, y: tuple[float, float], z: tuple[float, float]) -> list[Point]:
    """Rectangle along the road."""
    return [(x, y[0], z[0]), (x, y[1], z[0]), (x, y[1], z[1]), (x, y[0], z[1])]


def _facing(x: tuple[float, float], y: tuple[float, float], z: float) -> list[Point]:
    """Rectangle that faces the camera."""
    return [(x[0], y[0], z), (x[0], y[1], z), (x[1], y[1], z), (x[1], y[0], z)]


def _shade(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def _tint(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    shift = rng.normal(0, spread)
    red, green, blue = np.array(colour) + shift + rng.normal(0, spread / 3, 3)
    return (float(red), float(green), float(blue))
