"""The drawn map: projection, furniture, what is where on the picture."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.layers import draw_map
from geolivelihood.layers.furniture import round_length, round_ticks, tick_labels
from geolivelihood.layers.maps import map_crs
from geolivelihood.layers.palettes import HATCH, MASK, rgb


def grid(west=30.0, south=-2.0, count=12, **columns):
    x, y = np.meshgrid(np.arange(count), np.arange(count))
    shapes = shapely.box(west + x / 10, south + y / 10, west + (x + 1) / 10, south + (y + 1) / 10).ravel()
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def near(image, colour, distance=6):
    return np.abs(image - rgb(colour)).max(axis=2) <= distance


def test_one_colour_leaves_no_seams(tmp_path):
    cells = grid(wealth=np.zeros(144))
    path = draw_map(tmp_path / "m.png", cells, "wealth", limits=(0, 1), dpi=100)
    dark = near(pixels(path), "#440154")
    ys, xs = np.nonzero(dark)
    assert dark.sum() > 20_000
    # a rectangle inside the cells, left of the north arrow and above the colour bar
    top, left = int(np.quantile(ys, 0.1)), int(np.quantile(xs, 0.1))
    inner = dark[top : int(np.quantile(ys, 0.8)), left : int(np.quantile(xs, 0.85))]
    assert inner.size > 10_000 and inner.all()


def test_panels_layers_and_masks_draw(tmp_path, rng):
    values = rng.normal(size=144)
    values[:3] = np.nan
    cells = grid(wealth=values, bmi=values + 20, applicable=np.arange(144) < 100)
    regions = gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.box(30, -2, 30.8, -1)], crs="EPSG:4326")
    clusters = gpd.GeoDataFrame(geometry=shapely.points([30.2, 30.5], [-1.5, -1.2]), crs="EPSG:4326")
    path = draw_map(
        tmp_path / "m.png",
        cells,
        ["wealth", "bmi"],
        regions=regions.to_crs("EPSG:32736"),
        clusters=clusters,
        title="Été & <b>",
        labels={"bmi": "BMI (kg/m²)"},
        caption="Source: none; R² = 0.5",
        dpi=80,
    )
    image = pixels(path)
    assert image.shape[1] == 520
    assert near(image, "#ececec", 2).sum() > 100
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_known_to_be_applicable_is_hatched(tmp_path):
    applicable = pd.array([True] * 72 + [False] * 36 + [None] * 36, dtype="boolean")
    flat = grid(wealth=np.zeros(144), applicable=applicable)
    image = pixels(draw_map(tmp_path / "m.png", flat, "wealth", limits=(0, 1), dpi=100))
    trusted, lines, ground = (near(image, colour, 2).sum() for colour in ("#440154", HATCH, MASK))
    assert lines > 500
    assert 0.3 < ground / trusted < 1.1  # half of the cells; some of their ground lies under the lines


def test_the_same_input_gives_the_same_picture(tmp_path):
    cells = grid(wealth=np.linspace(0, 1, 144))
    first = draw_map(tmp_path / "a.png", cells, "wealth", dpi=60).read_bytes()
    assert draw_map(tmp_path / "a.png", cells, "wealth", dpi=60).read_bytes() == first


def test_cells_by_index_and_constant_or_missing_values(tmp_path):
    index = pd.Index(np.array([0x871F1D489FFFFFF, 0x871F1D488FFFFFF], np.uint64), name="cell")
    frame = pd.DataFrame({"same": [2.0, 2.0], "none": [np.nan, np.nan]}, index=index)
    assert draw_map(tmp_path / "a.png", frame, ["same", "none"], dpi=50).exists()


@pytest.mark.filterwarnings("ignore:You will likely lose")
def test_the_projection_has_equal_areas_and_knows_the_antimeridian():
    crs = map_crs(grid())
    assert crs.to_dict()["proj"] == "laea"
    assert crs.to_dict()["lon_0"] == pytest.approx(30.6, abs=0.1)
    fiji = gpd.GeoDataFrame(geometry=shapely.box([177, -180], -18, [180, -178], -16), crs="EPSG:4326")
    assert abs(map_crs(fiji).to_dict()["lon_0"]) == pytest.approx(179.5, abs=1.5)
    width = np.ptp(fiji.to_crs(map_crs(fiji)).total_bounds[[0, 2]])
    assert width < 600_000
    world = gpd.GeoDataFrame(geometry=shapely.box([-170, 0, 100], -50, [-160, 10, 110], 50), crs="EPSG:4326")
    assert map_crs(world).to_dict()["proj"] == "eqearth"


def test_furniture_is_round():
    assert round_length(850_000) == 200_000
    assert round_length(400) == 100
    ticks = round_ticks(0.13, 0.97)
    assert tick_labels(ticks) == ["0.2", "0.4", "0.6", "0.8"]


def test_bad_input(tmp_path):
    with pytest.raises(MissingColumnError, match="wealth"):
        draw_map(tmp_path / "a.png", grid(other=np.zeros(144)), "wealth")
    with pytest.raises(InputError, match="ramp"):
        draw_map(tmp_path / "a.png", grid(a=np.zeros(144)), "a", colours="jet")
    with pytest.raises(InputError, match="no cells"):
        draw_map(tmp_path / "a.png", grid(a=np.zeros(144)).iloc[:0], "a")
    with pytest.raises(MissingCRSError):
        draw_map(tmp_path / "a.png", grid(a=np.zeros(144)).set_crs(None, allow_override=True), "a")
    assert list(tmp_path.iterdir()) == []
