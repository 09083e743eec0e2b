"""A street as a camera sees it: sky, hills, road, and what stands along it, far to near.

Loops run over the few dozen objects of one picture: each is drawn by chance and over what lies behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from geolivelihood.synthetic import props
from geolivelihood.synthetic.props import Line, Oval, Polygon, Thing

__all__ = ["Place", "Shot", "draw_street"]

_FINE = 2  # drawn this many times larger, then reduced: smooth edges
_FAR_M = 110.0
_NEAR_M = 2.2


@dataclass(frozen=True)
class Place:
    """What the street is like: ``wealth`` in standard deviations, the others from 0 to 1."""

    wealth: float
    crowded: float
    moisture: float
    hills: float


@dataclass(frozen=True)
class Shot:
    """How the photo is taken: size in pixels, field of view and hour of the day, exposure and cloud."""

    size: tuple[int, int] = (96, 72)
    fov: float = 68.0
    hour: float = 12.0
    gain: float = 1.0
    cloud: float = 0.3


class _Camera:
    """Perspective from 1.7 m above the middle of the road."""

    def __init__(self, shot: Shot, rng: np.random.Generator) -> None:
        self.width, self.height = (_FINE * side for side in shot.size)
        self.focal = self.width / 2 / np.tan(np.radians(shot.fov / 2))
        self.middle = self.width / 2 + rng.normal(0, 0.05) * self.width
        self.horizon = self.height * (0.5 + rng.normal(0, 0.025))
        self.lift = 1.7

    def project(self, points: list[props.Point]) -> list[tuple[float, float]]:
        """Pixels of points in metres; what is behind the lens is drawn to just before it."""
        x, y, z = np.array(points, dtype=float).T
        scale = self.focal / np.maximum(z, _NEAR_M)
        return list(
            zip((self.middle + x * scale).tolist(), (self.horizon + (self.lift - y) * scale).tolist())
        )

    def scale(self, distance: float) -> float:
        """Pixels per metre at a distance."""
        return float(self.focal / max(distance, _NEAR_M))


@dataclass(frozen=True)
class _Road:
    """The way ahead, metres: half its width, the pavement beside it, and what it is made of."""

    half: float
    walk: float
    paved: bool
    marked: bool


def draw_street(place: Place, shot: Shot, *, rng: np.random.Generator) -> tuple[Image.Image, list[int]]:
    """Draw one street photo.

    Returns
    -------
    picture
        RGB image of ``shot.size``.
    detections
        Class ids that a panoptic model might report: what was drawn, less what is far or hidden by luck,
        plus an error now and then.
    """
    camera = _Camera(shot, rng)
    road = _road(place, rng)
    things = _things(place, road, rng)
    haze = _sky_colours(shot)[1]
    picture = _backdrop(camera, place, shot, road, rng)
    draw = ImageDraw.Draw(picture)
    # Far to near, so that near things hide far ones: an order that no array operation keeps.
    for thing in sorted(things, key=lambda one: -one.distance):
        fade = 1 - np.exp(-thing.distance / 190)
        for shape in thing.shapes:
            _draw(draw, camera, shape, haze, fade)
    return _develop(picture, shot, rng), _detections(things, place, road, camera, rng)


def _road(place: Place, rng: np.random.Generator) -> _Road:
    paved = rng.random() < 1 / (1 + np.exp(-2.4 * place.wealth - 1.4 * (place.crowded - 0.5)))
    half = rng.uniform(1.7, 2.4) + 0.9 * paved + 0.5 * place.crowded
    walk = (
        rng.uniform(1.0, 1.8)
        if paved and rng.random() < 0.2 + 0.35 * place.wealth + 0.3 * place.crowded
        else 0.0
    )
    return _Road(half, walk, bool(paved), bool(paved and rng.random() < 0.35 + 0.3 * place.wealth))


def _things(place: Place, road: _Road, rng: np.random.Generator) -> list[Thing]:
    rich = float(np.clip((place.wealth + 1.9) / 3.8, 0, 1))
    edge = road.half + road.walk
    return [
        *(one for side in (-1, 1) for one in _row(place, edge, rich, side, rng)),
        *_trees(place, edge, rng),
        *_poles(place, edge, rich, rng),
        *_traffic(place, road, rich, rng),
        *_people(place, edge, rich, rng),
    ]


def _row(place: Place, edge: float, rich: float, side: int, rng: np.random.Generator) -> list[Thing]:
    """Houses along one side of the road, each near its neighbours in kind."""
    houses = []
    z = rng.uniform(1.5, 9) + rng.exponential(18) * (1 - place.crowded)
    while z < 85:
        front = edge + rng.uniform(0.4, 1.6) + rng.exponential(7) * (1 - place.crowded)
        quality = float(np.clip(rich + rng.normal(0, 0.11), 0, 1))
        one = props.house(rng, side=side, front=front, near=z, quality=quality, crowded=place.crowded)
        houses.append(one)
        z = 2 * one.distance - z + rng.uniform(0.3, 2.5) + rng.exponential(34) * (1 - place.crowded) ** 1.5
    return houses


def _trees(place: Place, edge: float, rng: np.random.Generator) -> list[Thing]:
    n = rng.poisson(2 + 15 * place.moisture * (1.1 - 0.75 * place.crowded))
    z = 4 + 80 * rng.random(n) ** 1.3
    x = rng.choice([-1, 1], n) * (edge + 0.6 + rng.exponential(6 - 2.5 * place.crowded, n))
    return [props.tree(rng, x=float(a), z=float(b), moisture=place.moisture) for a, b in zip(x, z)]


def _poles(place: Place, edge: float, rich: float, rng: np.random.Generator) -> list[Thing]:
    if rng.random() > 0.1 + 0.75 * rich + 0.3 * place.crowded:
        return []
    side, reach = rng.choice([-1, 1]), rng.uniform(24, 36)
    light = rng.random() < 1.1 * rich * place.crowded
    away = np.arange(rng.uniform(5, 20), _FAR_M, reach)
    return [
        props.pole(rng, x=float(side * (edge + 0.3)), z=float(z), light=bool(light), reach=reach)
        for z in away
    ]


def _traffic(place: Place, road: _Road, rich: float, rng: np.random.Generator) -> list[Thing]:
    busy = 0.35 + 0.9 * place.crowded
    rates = {
        props.CAR: 3.4 * rich**1.6 * busy,
        props.BUS: 0.22 * place.crowded,
        props.TRUCK: 0.3 * busy * (0.4 + rich),
        props.MOTORCYCLIST: 1.3 * busy * (1 - abs(2 * rich - 0.9)) * (rich > 0.1),
        props.BICYCLIST: 0.7 * busy * (1 - rich),
    }
    found: list[Thing] = []
    for kind, rate in rates.items():
        for _ in range(rng.poisson(max(rate, 0))):
            lane = rng.choice([-1, 1]) * road.half * rng.uniform(0.45, 0.8)
            found.append(props.vehicle(rng, x=float(lane), z=float(6 + 60 * rng.random() ** 1.4), kind=kind))
    carts = rng.poisson(0.6 * (1 - rich) * busy)
    signs = rng.poisson(0.7 * rich * busy)
    beside = road.half + road.walk + 0.5
    found += [
        props.cart(rng, x=float(rng.choice([-1, 1]) * road.half * 0.8), z=float(rng.uniform(6, 40)))
        for _ in range(carts)
    ]
    for _ in range(signs):
        large = bool(rng.random() < 0.3)
        x = float(rng.choice([-1, 1]) * (beside + 1.4 * large))
        found.append(props.sign(rng, x=x, z=float(rng.uniform(7, 45)), large=large))
    return found


def _people(place: Place, edge: float, rich: float, rng: np.random.Generator) -> list[Thing]:
    walking = rng.poisson(0.4 + 2.6 * place.crowded * (1.25 - 0.6 * rich))
    grazing = rng.poisson(1.5 * (1 - place.crowded) * (1 - rich))
    side = rng.choice([-1, 1], walking + grazing)
    x, z = side * (edge + rng.normal(0, 0.7, len(side))), 5 + 40 * rng.random(len(side)) ** 1.4
    makers = [props.person] * walking + [props.goat] * grazing
    return [make(rng, x=float(a), z=float(b)) for make, a, b in zip(makers, x, z)]


def _sky_colours(shot: Shot) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Colour overhead and at the horizon: blue at noon, warm at the ends of the day, grey under cloud."""
    low = np.clip((abs(shot.hour - 12.5) - 3) / 3, 0, 1)
    top = (1 - low) * np.array([92, 146, 206]) + low * np.array([110, 134, 178])
    rim = (1 - low) * np.array([200, 218, 230]) + low * np.array([238, 206, 168])
    grey = np.array([188, 192, 196])
    return top + shot.cloud**2 * (grey - top), rim + shot.cloud**2 * (grey - rim)


def _backdrop(
    camera: _Camera, place: Place, shot: Shot, road: _Road, rng: np.random.Generator
) -> Image.Image:
    """Sky with clouds, hills, ground and road."""
    top, rim = _sky_colours(shot)
    row = np.arange(camera.height)
    up = np.clip(1 - row / camera.horizon, 0, 1)[:, None, None] ** 0.8
    canvas = np.broadcast_to(rim + up * (top - rim), (camera.height, camera.width, 3)).copy()
    picture = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.poisson(5 * shot.cloud)):
        x, y = rng.uniform(0, camera.width), rng.uniform(0, 0.75) * camera.horizon
        wide, tall = rng.uniform(0.08, 0.25) * camera.width, rng.uniform(0.02, 0.06) * camera.height
        draw.ellipse(
            (x - wide, y - tall, x + wide, y + tall), fill=_rgb(0.4 * rim + 0.6 * np.array([250, 250, 250]))
        )
    picture = picture.filter(ImageFilter.GaussianBlur(2.5 * _FINE))
    draw = ImageDraw.Draw(picture)
    _hills(draw, camera, place, rim, rng)
    _ground(draw, camera, place, road, rng)
    return _weather(picture, camera, rng)


def _weather(picture: Image.Image, camera: _Camera, rng: np.random.Generator) -> Image.Image:
    """Stains and stones: noise on the ground that grows towards the camera."""
    pixels = np.asarray(picture, dtype=np.float32).copy()
    top = int(camera.horizon) + 1
    size = (camera.width, camera.height - top)
    coarse = Image.fromarray(rng.standard_normal((12, 16), dtype=np.float32))
    stain = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))
    stones = rng.standard_normal(stain.shape, dtype=np.float32)
    depth = np.linspace(0.3, 1, len(stain), dtype=np.float32)[:, None]
    pixels[top:] *= (1 + depth * (0.05 * stain + 0.06 * stones))[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _hills(
    draw: ImageDraw.ImageDraw,
    camera: _Camera,
    place: Place,
    rim: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    if place.hills < 0.15:
        return
    x = np.linspace(0, 1, 33)
    k = np.arange(1, 6)[:, None]
    wave = (rng.normal(0, 1 / k) * np.sin(2 * np.pi * (k * x / 2 + rng.random(k.shape)))).sum(axis=0)
    crest = camera.horizon - camera.height * place.hills * (0.09 + 0.045 * wave)
    points = [
        (camera.width, camera.horizon),
        (0, camera.horizon),
        *zip((x * camera.width).tolist(), crest.tolist()),
    ]
    draw.polygon(points, fill=_rgb(0.5 * rim + 0.5 * np.array([84, 108, 104])))


def _ground(
    draw: ImageDraw.ImageDraw, camera: _Camera, place: Place, road: _Road, rng: np.random.Generator
) -> None:
    soil, grass = np.array([176, 138, 100]), np.array([112, 132, 70])
    lush = np.clip(
        0.75 * place.moisture + 0.12 * place.wealth - 0.25 * place.crowded + rng.normal(0.05, 0.12), 0, 1
    )
    draw.rectangle((0, camera.horizon, camera.width, camera.height), fill=_rgb(soil + lush * (grass - soil)))

    def strip(a: float, b: float, near: float, far: float, colour: NDArray[np.float64]) -> None:
        corners = [(a, 0.0, near), (b, 0.0, near), (b, 0.0, far), (a, 0.0, far)]
        draw.polygon(camera.project(corners), fill=_rgb(colour))

    shade = rng.normal(0, 7)
    if road.walk:
        strip(-road.half - road.walk, road.half + road.walk, 0, 400, np.array([176, 172, 164]) + shade)
    dirt, asphalt = np.array([186, 146, 106]), np.array([108, 108, 112])
    strip(-road.half, road.half, 0, 400, (asphalt if road.paved else dirt) + shade)
    if road.marked:
        for near in np.arange(2.5, 60, 6):
            strip(-0.08, 0.08, near, near + 3, np.array([228, 226, 216]))
    elif not road.paved:
        for track in (-0.8, 0.8):
            strip(track - 0.2, track + 0.2, 0, 200, dirt + shade - 20)


def _draw(
    draw: ImageDraw.ImageDraw,
    camera: _Camera,
    shape: Polygon | Oval | Line,
    haze: NDArray[np.float64],
    fade: float,
) -> None:
    colour = _rgb(np.array(shape.colour) + fade * (haze - np.array(shape.colour)))
    if isinstance(shape, Polygon):
        draw.polygon(camera.project(shape.corners), fill=colour)
    elif isinstance(shape, Oval):
        (x, y), scale = camera.project([shape.centre])[0], camera.scale(shape.centre[2])
        wide, tall = shape.half[0] * scale, shape.half[1] * scale
        draw.ellipse((x - wide, y - tall, x + wide, y + tall), fill=colour)
    else:
        width = max(round(shape.thickness * camera.scale(shape.ends[0][2])), 1)
        draw.line(camera.project(list(shape.ends)), fill=colour, width=width)


def _develop(picture: Image.Image, shot: Shot, rng: np.random.Generator) -> Image.Image:
    """Reduce, then exposure, colour cast, grain and now and then a shaken hand."""
    small = picture.reduce(_FINE).rotate(float(np.clip(rng.normal(0, 1.1), -2, 2)), Image.Resampling.BILINEAR)
    width, height = shot.size
    trim = small.crop((3, 3, width - 3, height - 3)).resize(shot.size, Image.Resampling.BILINEAR)
    if rng.random() < 0.12:
        trim = trim.filter(ImageFilter.GaussianBlur(0.7))
    low = np.clip((abs(shot.hour - 12.5) - 3) / 3, 0, 1)
    cast = np.array([1 + 0.07 * low, 1.0, 1 - 0.1 * low]) * rng.normal(1, 0.02, 3)
    light = 1.1 * shot.gain * (1 - 0.16 * shot.cloud) * rng.normal(1, 0.05)
    pixels = np.asarray(trim, dtype=np.float32) * (cast * light).astype(np.float32)
    pixels += rng.normal(0, 3.5, pixels.shape).astype(np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _detections(
    things: list[Thing], place: Place, road: _Road, camera: _Camera, rng: np.random.Generator
) -> list[int]:
    """Stuff once per side where it is seen, things by their size in the picture."""
    stuff = [props.SKY, props.ROAD, props.TERRAIN]
    stuff += [props.SIDEWALK, props.CURB] * (road.walk > 0) + [props.LANE_MARKING] * road.marked
    stuff += [props.MOUNTAIN] * (place.hills > 0.4)
    kinds = np.array([one.kind for one in things], dtype=int)
    tall = np.array([one.height * camera.scale(one.distance) for one in things])
    sides = np.array([one.side for one in things], dtype=int)
    once = np.isin(kinds, (props.BUILDING, props.VEGETATION)) & (tall > 6)
    stuff += [int(kind) for kind, _ in sorted(set(zip(kinds[once].tolist(), sides[once].tolist())))]
    seen = (kinds >= 28) & (rng.random(len(things)) < np.clip((tall - 2) / 10, 0, 0.92))
    kept = [one for one in stuff if rng.random() < 0.95]
    wrong = rng.integers(28, 65, rng.poisson(0.2)).tolist() + [props.VOID] * (rng.random() < 0.15)
    return kept + kinds[seen].tolist() + wrong


def _rgb(colour: NDArray[np.float64]) -> tuple[int, int, int]:
    red, green, blue = np.clip(colour, 0, 255).astype(int).tolist()
    return red, green, blue
