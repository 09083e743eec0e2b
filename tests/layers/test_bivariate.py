"""Values by colour and widths of intervals by fading: classes, legend, and who can tell the colours apart."""

import itertools
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geolivelihood.errors import InputError
from geolivelihood.layers import default_styles
from geolivelihood.layers.names import short_name
from geolivelihood.layers.palettes import bivariate, rgb
from geolivelihood.layers.scales import first_scale

BLIND = {  # Machado, Oliveira and Fernandes (2009), severity 1
    "nothing": np.eye(3),
    "red": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "green": [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "blue": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}


def lab(linear):
    """CIELAB of linear RGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.column_stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])


@pytest.mark.parametrize("missing", BLIND)
def test_nine_colours_stay_apart_for_the_colour_blind(missing):
    colors = np.array([rgb(color) for row in bivariate(3, 3) for color in row]) / 255
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    seen = lab(np.clip(linear @ np.array(BLIND[missing]).T, 0, 1))
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 12


def test_a_palette_has_up_to_nine_colours():
    assert [len(row) for row in bivariate(2, 1)] == [2]
    with pytest.raises(InputError, match="3 by 3"):
        bivariate(4, 3)


def cells(rng, **columns):
    shapes = shapely.box(np.arange(300), 0, np.arange(300) + 1, 1)
    value = rng.normal(size=300)
    frame = {"wealth": value, "wealth_lower": value - rng.random(300), "wealth_upper": value + 0.5} | columns
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=4326)


def style_of(name, frame, layer="cells", **options):
    styles = {style.name: style for style in default_styles(layer, frame, indicators=["wealth"], **options)}
    return ElementTree.fromstring(styles[name].qml)


@pytest.mark.parametrize("layer", ["cells", "regions"])
def test_the_legend_has_a_heading_per_value_and_a_line_per_width(rng, layer):
    root = style_of("value and uncertainty", cells(rng), layer, labels={"wealth": "Wealth"})
    groups = root.findall("renderer-v2/rules/rule")
    assert len(groups) == 3
    assert all(group.get("label").startswith("Wealth: ") and group.get("symbol") is None for group in groups)
    lines = [rule.get("label") for rule in groups[0].findall("rule")]
    assert lines[0].startswith("interval up to ") and lines[2].startswith("interval over ")
    assert lines == [rule.get("label") for rule in groups[2].findall("rule")]
    assert len(root.findall("renderer-v2/symbols/symbol")) == 9


def test_what_is_not_applicable_is_hatched_and_makes_no_classes(rng):
    doubtful = np.arange(300) >= 200
    frame = cells(rng, applicable=~doubtful)
    frame.loc[doubtful, ["wealth", "wealth_upper"]] = 1e6
    root = style_of("value and uncertainty", frame)
    *groups, masked = root.findall("renderer-v2/rules/rule")
    assert masked.get("label") == "Not applicable"
    assert all(group.get("filter").startswith('"applicable" AND "wealth" >') for group in groups)
    assert float(groups[-1].get("filter").rpartition("<= ")[2]) < 1e5


def test_intervals_of_one_width_leave_one_line(rng):
    value = rng.normal(size=300)
    frame = cells(rng, wealth=value, wealth_lower=value - 0.4, wealth_upper=value + 0.4)
    root = style_of("value and uncertainty", frame)
    assert {len(group) for group in root.findall("renderer-v2/rules/rule")} == {1}
    assert root.find("renderer-v2/rules/rule/rule").get("label") == "interval 0.8 wide"
    width = style_of("uncertainty", frame)
    assert [item.get("label") for item in width.iter("range")] == ["0.8"]


def test_regions_with_little_applicability_are_hatched_over_their_colour(rng):
    frame = cells(rng, flagged=np.arange(300) < 3)
    root = style_of("wealth", frame, "regions")
    hatched = root.findall("renderer-v2/rules/rule")[-1]
    assert hatched.get("filter") == '"flagged"'
    symbol = root.find(f"renderer-v2/symbols/symbol[@name='{hatched.get('symbol')}']/layer")
    options = {option.get("name"): option.get("value") for option in symbol.iter("Option")}
    assert (options["style"], symbol.get("pass")) == ("b_diagonal", "1")
    none = style_of("wealth", cells(rng, flagged=False), "regions")
    assert none.find("renderer-v2").get("type") == "graduatedSymbol"


def photos(rng, count, reach=1.0):
    spots = shapely.points(rng.uniform(30, 30 + reach, count), rng.uniform(0, reach, count))
    return gpd.GeoDataFrame({"image_id": np.arange(count).astype(str)}, geometry=spots, crs=4326)


def test_many_photos_come_after_the_cells_and_few_are_always_there(rng):
    assert first_scale("images", photos(rng, 2000)) is None
    assert first_scale("images", photos(rng, 5000, reach=0.1)) == 250_000
    assert first_scale("images", photos(rng, 5000, reach=10.0)) > 1_000_000
    assert first_scale("cells", photos(rng, 5000)) is None
    (style,) = default_styles("images", photos(rng, 5000, reach=0.1))
    root = ElementTree.fromstring(style.qml)
    assert (root.get("hasScaleBasedVisibilityFlag"), root.get("minScale")) == ("1", "250000")
    assert "Rendering" in root.get("styleCategories")
    (few,) = default_styles("images", photos(rng, 5))
    assert "hasScaleBasedVisibilityFlag" not in few.qml


def test_sectors_and_edges_come_where_they_can_be_seen(rng):
    spots = photos(rng, 3000).to_crs(32636)
    views = spots.set_geometry(spots.buffer(25))
    assert 50_000 <= first_scale("explanations_views", views) <= 250_000
    ends = shapely.linestrings(
        np.stack([shapely.get_coordinates(spots.geometry.array), rng.random((3000, 2))], axis=1)
    )
    long = spots.set_geometry(list(ends), crs=32636)
    assert first_scale("edges", long) > 10_000_000


def test_names_of_styles_stay_readable():
    assert short_name(["edges", "occlusion", "graph"]) == "edges occlusion graph"
    name = short_name(["edges", "integrated_gradients_of_everything", "graph", "wealth_index"])
    assert len(name) <= 30 and name == "edges integr… graph wealth i…"
    assert len(short_name(["a" * 50])) <= 30
    assert len(short_name(["ab"] * 40)) <= 30
