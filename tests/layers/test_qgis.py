"""The styles in a real QGIS that has no plugin of ours: they load, they render, and no seam shows.

``QGIS_PYTHON`` names another Python with QGIS bindings; the environment it needs is inherited.
"""

import json
import os
import subprocess
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image

from geolivelihood.cells import cell_points, point_cells
from geolivelihood.explanation.attribution import Attribution
from geolivelihood.explanation.ground import explanation_rasters, image_tiles, write_mosaic
from geolivelihood.layers import write_geopackage
from geolivelihood.layers.palettes import HATCH, LOWERS, MASK, NEITHER, RAISES, ramp, rgb
from geolivelihood.layers.raster_styles import write_raster_style
from geolivelihood.synthetic.planted import planted_tiles
from geolivelihood.tables import read_geotiffs, read_tiles

PYTHON = os.environ.get("QGIS_PYTHON", "/usr/bin/python3")
DROPPED = ("PYTHONHOME", "VIRTUAL_ENV", "PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "GDAL_DRIVER_PATH")
BACKGROUND = (255, 0, 255)


def environment():
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    if PYTHON == "/usr/bin/python3":
        kept.pop("PYTHONPATH", None)
    return kept | {"QT_QPA_PLATFORM": "offscreen"}


def run_qgis(*arguments):
    return subprocess.run(
        [PYTHON, *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def qgis():
    found = Path(PYTHON).exists() and run_qgis("-c", "import qgis.core").returncode == 0
    if not found:
        reason = f"{PYTHON} has no QGIS bindings (python3-qgis)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{reason}, and this is CI")
        pytest.skip(reason)


def explanations():
    """A layer of each kind of explanation of pictures."""
    spots = gpd.GeoSeries(shapely.points([30.2, 30.4, 30.8], [-1.2, -1.6, -1.8]), crs=4326)
    peaks = gpd.GeoDataFrame(
        {"target": "wealth", "sign": [1, 1, -1], "rank": [1, 2, 1], "share": [0.4, 0.1, 0.2]}, geometry=spots
    )
    near, wide = (spots.set_crs(None, allow_override=True).buffer(d).set_crs(4326) for d in (0.05, 0.1))
    regions = gpd.GeoDataFrame(
        {"sign": [1, 1, -1, 1, 1, -1], "share": [0.5] * 3 + [0.8] * 3, "sum": 1.0},
        geometry=pd.concat([near, wide], ignore_index=True),
    )
    zones = gpd.GeoDataFrame(
        {"cell": ["a", "b", "c"], "sum": [0.2, -0.4, 0.1], "density": [1.0, -2.0, np.nan]}, geometry=wide
    )
    zones = pd.concat([zones.assign(target="wealth"), zones.assign(target="it's", sum=[9.0, -5.0, 2.0])])
    sides = shapely.box([30, 30, 30.5], -2, [31, 30.5, 31], -1)
    views = gpd.GeoDataFrame(
        {"image_id": ["a", "a", "a", "b"], "sector": [-1, 0, 1, -1], "score": [0.1, -0.3, 0.4, 0.2]},
        geometry=[*sides, shapely.Point(30.7, -1.5).buffer(0.2)],
        crs=4326,
    ).assign(flag=["", "", "", "no_heading"])
    kinds = peaks.assign(image_id=["a", "b", "c"], cluster=[0, 1, -1], distance=[0.1, 0.2, np.nan])
    rasters = gpd.GeoDataFrame({"image_id": ["a"], "path": ["a_cam.tif"], "total": [1.0]}, geometry=wide[:1])
    return {
        "explanations_peaks": peaks,
        "explanations_regions": regions,
        "explanations_zonal": zones,
        "explanations_views": views,
        "explanations_feature_clusters": kinds[["image_id", "cluster", "distance", "geometry"]],
        "explanations_rasters": rasters,
    }


def country():
    """A small country with every kind of layer; its darkest class fills the western half."""
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(30, 31, 0.01), np.arange(-2, -1, 0.01))
    where = gpd.GeoSeries(shapely.points(x.ravel(), y.ravel()), crs="EPSG:4326")
    index = pd.Index(np.unique(point_cells(where, resolution=6)), name="cell")
    east = shapely.get_x(cell_points(index.to_numpy()).to_numpy()) > 30.5
    wealth = np.where(east, rng.uniform(0.3, 1, len(index)), 0.05)
    cells = pd.DataFrame(
        {"wealth": wealth, 'part "pauvre" & <é>': rng.normal(size=len(index)) * 4000}, index=index
    )
    cells = cells.assign(wealth_lower=cells.wealth - 0.1, wealth_upper=cells.wealth + rng.random(len(index)))
    cells["applicable"] = rng.random(len(index)) > 0.2
    cells["dissimilarity"] = rng.random(len(index))
    places = shapely.points(rng.uniform(30, 31, 30), rng.uniform(-2, -1, 30))
    clusters = gpd.GeoDataFrame(
        {"cluster_id": [f"<b>{n}</b>" for n in range(30)], "wealth": rng.random(30)},
        geometry=places,
        crs=4326,
    ).assign(wealth_predicted=lambda frame: frame.wealth + 0.2 * rng.normal(size=30))
    images = gpd.GeoDataFrame(
        {"image_id": ["a", "b"], "path": ['x"><script>.jpg', "b.jpg"], "heading": [45.0, np.nan]},
        geometry=shapely.points([30.2, 30.8], [-1.2, -1.8]),
        crs=4326,
    )
    edges = gpd.GeoDataFrame(
        {"source": ["a", "b"], "target": ["b", "c"], "weight": [0.1, 1.0]},
        geometry=shapely.linestrings([[(30, -2), (31, -1)], [(30, -1), (31, -2)]]),
        crs=4326,
    )
    regions = gpd.GeoDataFrame(
        {"name": ["W", "E"], "wealth": [0.05, 0.65]},
        geometry=shapely.box([30, 30.5], -2, [30.5, 31], -1),
        crs=4326,
    )
    footprints = regions.assign(image_id=["a", "b"])[["image_id", "geometry"]]
    return {
        "cells": cells,
        "regions": regions,
        "clusters": clusters,
        "images": images,
        "images_overhead": footprints,
        "edges": edges,
        **explanations(),
        "rejected": pd.DataFrame({"row": ["1"], "column": ["lat"], "reason": ["NaN"]}),
    }


@pytest.fixture(scope="module")
def seen(qgis, tmp_path_factory):
    folder = tmp_path_factory.mktemp("qgis")
    layers = country()
    path = write_geopackage(
        folder / "result.gpkg",
        layers,
        provenance={"command": "test"},
        indicators=["wealth", 'part "pauvre" & <é>'],
        labels={"wealth": "Wealth (0–1)"},
    )
    before = path.read_bytes()
    done = run_qgis(Path(__file__).with_name("qgis_probe.py"), path, folder, *layers)
    assert (folder / "verdict.json").exists(), done.stderr
    assert path.read_bytes() == before
    return json.loads((folder / "verdict.json").read_text(encoding="utf-8")), folder


def test_every_layer_opens_with_its_default_style_and_no_warning(seen):
    verdict, _ = seen
    layers = verdict["layers"]
    assert verdict["log"] == []
    assert all(layer["valid"] and not layer["errors"] for layer in layers.values())
    assert {name: layer["type"] for name, layer in layers.items()} == {
        "cells": "graduatedSymbol",
        "regions": "graduatedSymbol",
        "clusters": "graduatedSymbol",
        "images": "singleSymbol",
        "images_overhead": "singleSymbol",
        "edges": "singleSymbol",
        "explanations_peaks": "RuleRenderer",
        "explanations_regions": "RuleRenderer",
        "explanations_zonal": "graduatedSymbol",
        "explanations_views": "RuleRenderer",
        "explanations_feature_clusters": "categorizedSymbol",
        "explanations_rasters": "singleSymbol",
        "rejected": None,
    }
    assert layers["regions"]["classes"] >= 4
    assert layers["cells"]["title"].startswith("Cells: Wealth (0–1)")
    assert "displace" in layers["clusters"]["abstract"]


def test_every_further_style_loads_and_renders(seen):
    layers = seen[0]["layers"]
    assert set(layers["cells"]["styles"]) == {
        *("wealth", 'part "pauvre" & <é>', "uncertainty", "value and uncertainty"),
        *("wealth everywhere", "dissimilarity"),
        'part "pauvre" & <é> everywhere'[:30],
    }
    assert set(layers["clusters"]["styles"]) == {"wealth", "wealth predicted", "wealth residual"}
    for layer in layers.values():
        for style in layer["styles"].values():
            assert style["fine"], style["message"]
            assert not style["render_errors"] and not style["error"]
    classes = layers["cells"]["styles"]["wealth"]
    assert len(classes["labels"]) >= 5
    assert (classes["type"], classes["labels"][-1]) == ("graduatedSymbol", "Not applicable")
    thousands = layers["cells"]["styles"]['part "pauvre" & <é>']["labels"]
    assert any("," in label and "–" in label for label in thousands)


def test_every_style_paints_something(seen):
    verdict, folder = seen
    drawn = list(folder.glob("*.png"))
    assert len(drawn) == sum(len(layer["styles"]) for layer in verdict["layers"].values())
    for path in drawn:
        image = np.asarray(Image.open(path).convert("RGB"))
        assert (image != BACKGROUND).any(axis=2).sum() > 100, path.name


def test_what_must_not_be_trusted_is_hatched(seen):
    _, folder = seen
    hatched, plain = (
        np.asarray(Image.open(folder / f"cells-wealth{name}.png").convert("RGB")).astype(int)
        for name in ("", "_everywhere")
    )
    ground, lines = (np.abs(hatched - rgb(colour)).max(axis=2) <= 2 for colour in (MASK, HATCH))
    share = (ground | lines).sum() / (plain != BACKGROUND).any(axis=2).sum()
    assert 0.1 < share < 0.3  # one cell in five
    assert lines.sum() > 1000
    assert not (np.abs(plain - rgb(MASK)).max(axis=2) <= 2).any()


def test_map_tips_show_values_and_escape_what_the_file_brings(seen):
    layers = seen[0]["layers"]
    assert "Wealth (0–1): " in layers["cells"]["tip"] and " – " in layers["cells"]["tip"]
    assert "<b>&lt;b&gt;0&lt;/b&gt;</b>" in layers["clusters"]["tip"]
    assert "<script>" not in layers["images"]["tip"]
    assert "x&quot;&gt;&lt;script&gt;.jpg" in layers["images"]["tip"]
    assert "[%" not in "".join(layer["tip"] or "" for layer in layers.values())


def test_no_background_shows_inside_a_dark_fill(seen):
    _, folder = seen
    image = np.asarray(Image.open(folder / "cells-wealth_everywhere.png").convert("RGB")).astype(int)
    dark = np.abs(image - rgb(ramp("viridis", 5)[0])).max(axis=2) <= 4  # a seam of one tenth would show as 19
    ys, xs = np.nonzero(dark)
    assert dark.sum() > 50_000
    inner = dark[np.ptp(ys) // 4 : 3 * np.ptp(ys) // 4, xs.min() + 40 : xs.min() + 220]
    assert inner.size > 40_000 and inner.all()


def test_a_run_has_a_style_that_leaves_the_others_out(seen):
    _, folder = seen
    names = ("sum_wealth", "sum_it_s", "density_wealth", "density_it_s")
    assert {path.stem for path in folder.glob("explanations_zonal-*.png")} == {
        f"explanations_zonal-{name}" for name in names
    }


def test_the_outline_of_a_whole_view_lies_above_its_sectors(seen):
    _, folder = seen
    image = np.asarray(Image.open(folder / "explanations_views-score.png").convert("RGB")).astype(int)
    line = 0.7 * np.array([59, 59, 59]) + 0.3 * np.array(BACKGROUND)  # the layer's opacity
    edge = np.abs(image[:, 5:25] - line).max(axis=2) <= 12  # the west, where a sector ends as the view does
    assert edge[60:540].any(axis=1).mean() > 0.95


@pytest.fixture(scope="module")
def styled_raster(qgis, tmp_path_factory):
    """A raster of a run whose colours end at 0.2, with its style, as QGIS draws it over a black ground."""
    folder = tmp_path_factory.mktemp("raster")
    values = np.repeat(np.array([[-0.4, -0.1, 0, 0.1, 0.2, np.nan]], np.float32), 40, axis=1)
    values = np.repeat(values, 60, axis=0)
    grid = {"width": 240, "height": 60, "crs": "EPSG:3857", "transform": Affine(10, 0, 3_600_000, 0, -10, 0)}
    form = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": np.nan}
    with rasterio.open(folder / "a.tif", "w", **form, **grid) as target:
        target.write(values, 1)
    write_raster_style(folder / "a.tif", 0.2, unit="R$ per pixel")
    done = run_qgis(Path(__file__).with_name("qgis_raster_probe.py"), folder / "a.tif", folder)
    assert (folder / "verdict.json").exists(), done.stderr
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    return verdict, np.asarray(Image.open(folder / "raster.png").convert("RGB")).astype(int)


def test_a_raster_opens_with_the_style_beside_it(styled_raster):
    verdict, _ = styled_raster
    assert verdict["log"] == [] and verdict["valid"]
    assert verdict["type"] == "singlebandpseudocolor" and not verdict["clip"]
    assert verdict["interpolated"] and verdict["resampler"] == "bilinear"
    assert verdict["opacity"] == pytest.approx(0.75) and verdict["range"] == [-0.2, 0.2]
    assert verdict["stops"] == [
        [-0.2, LOWERS, "−0.2 R$ per pixel"],
        [0.0, NEITHER, "0"],
        [0.2, RAISES, "0.2 R$ per pixel"],
    ]


def test_a_raster_is_blue_below_red_above_and_clear_without_data(styled_raster):
    _, image = styled_raster
    row = image[30]
    shown = {
        name: row[20 + 40 * k] for k, name in enumerate(("least", "less", "none", "more", "most", "clear"))
    }
    for name, color in (("least", LOWERS), ("none", NEITHER), ("most", RAISES)):
        assert np.abs(shown[name] - 0.75 * np.array(rgb(color))).max() <= 2, name
    half = (np.array(rgb(LOWERS)) + rgb(NEITHER)) / 2
    assert np.abs(shown["less"] - 0.75 * half).max() <= 2
    assert (shown["clear"] == 0).all()


@pytest.fixture
def overlaid(qgis, tmp_path):
    """Lay layers over each other in QGIS: where each lies, and the pictures by name."""

    def lay(layers, pictures, *, crs, size, extent=None):
        job = {
            "layers": layers,
            "pictures": {str(tmp_path / f"{name}.png"): chosen for name, chosen in pictures.items()},
            "crs": crs,
            "extent": extent,
            "size": size,
            "verdict": str(tmp_path / "verdict.json"),
        }
        (tmp_path / "job.json").write_text(json.dumps(job), encoding="utf-8")
        done = run_qgis(Path(__file__).with_name("qgis_overlay_probe.py"), tmp_path / "job.json")
        assert (tmp_path / "verdict.json").exists(), done.stderr
        verdict = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
        assert verdict["log"] == [] and not any(verdict["errors"].values())
        return verdict["layers"], {
            name: np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")).astype(int)
            for name in pictures
        }

    return lay


def maps_of(cells, *, size, jump):
    """An attribution whose cells lie edge to edge."""
    none = np.zeros(len(cells))
    sums = cells.sum(axis=(1, 2))
    given = (cells, sums, none, none, "none", "houses", "signed_cam", jump / 2, jump, size)
    return Attribution(*given)


def test_an_explanation_lies_on_what_it_explains(overlaid, tmp_path):
    """Where the map says 'houses', QGIS draws red upon the houses."""
    made = planted_tiles(1, size=256, share=1.0, decoys=True, seed=4)
    ground = Affine(0.5, 0, 454_300, 0, -0.5, 38_900)
    form = {"driver": "GTiff", "count": 3, "dtype": "uint8", "width": 256, "height": 256}
    with rasterio.open(tmp_path / "tile.tif", "w", crs="EPSG:32636", transform=ground, **form) as target:
        target.write(made.images[0])
    cells = made.masks.reshape(1, 32, 8, 32, 8).sum(axis=(2, 4)).astype(float)
    tiles = image_tiles(read_geotiffs(tmp_path / "tile.tif").table)
    table = explanation_rasters(maps_of(cells, size=(256, 256), jump=8.0), tiles, tmp_path)
    raster = tmp_path / table["path"][0]
    write_raster_style(raster, table["limit"][0])
    names = ["tile", "map"]
    layers = [{"name": name, "path": str(path)} for name, path in zip(names, (tmp_path / "tile.tif", raster))]
    found, shown = overlaid(layers, {"tile": names[:1], "both": names}, crs="EPSG:32636", size=[1024, 1024])
    assert all(layer["valid"] and layer["crs"] == "EPSG:32636" for layer in found.values())
    np.testing.assert_allclose(found["map"]["extent"], found["tile"]["extent"], atol=1e-6)
    np.testing.assert_allclose(found["map"]["pixel"], np.array(found["tile"]["pixel"]) * 1.0)
    redder = (shown["both"] - shown["tile"]) @ [1, -0.5, -0.5]
    red = np.argwhere(redder > 0.5 * redder.max()).mean(axis=0) / 4
    houses = np.argwhere(made.masks[0]).mean(axis=0) + 0.5
    assert np.abs(red - houses).max() < 4  # half a cell of the map


def test_real_rasters_and_their_explanations_have_one_grid(overlaid, shared_data, tmp_path):
    source = shared_data / "geotiff" / "RGB.byte.tif"
    tiles = image_tiles(read_geotiffs(source).table)
    cells = np.random.default_rng(0).normal(size=(1, 7, 7))
    table = explanation_rasters(maps_of(cells, size=(224, 224), jump=32.0), tiles, tmp_path)
    raster = tmp_path / table["path"][0]
    write_raster_style(raster, table["limit"][0])
    layers = [{"name": "source", "path": str(source)}, {"name": "map", "path": str(raster)}]
    found, _ = overlaid(layers, {"both": ["source", "map"]}, crs="EPSG:32618", size=[791, 718])
    ours, theirs = found["map"], found["source"]
    assert ours["crs"] == theirs["crs"] == "EPSG:32618"
    west, _, _, north = ours["extent"]
    np.testing.assert_allclose([west, north], [theirs["extent"][0], theirs["extent"][3]], atol=1e-3)
    step = np.array(ours["pixel"]) / theirs["pixel"]
    np.testing.assert_allclose(step, 8, rtol=1e-6)  # whole pixels of the source to one of the map
    np.testing.assert_array_equal(ours["size"], np.ceil(np.array(theirs["size"]) / 8))


def test_drone_tiles_with_their_explanation_for_people(overlaid, shared_data, tmp_path):
    """Slippy tiles, laid on the ground by their names, with the mosaic of their maps and the buildings."""
    table = read_tiles(shared_data / "tiles_kampala", scheme="x-y-z").table
    images = table[table["zoom"].eq(19) & table["tile_x"].ge(309612)].reset_index(drop=True)
    pixels = np.stack(
        [np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1) for path in images["path"]]
    )
    bright = pixels.mean(axis=1).reshape(len(images), 64, 4, 64, 4).mean(axis=(2, 4))
    cells = (bright - bright.mean()) / bright.size
    tiles = image_tiles(images)
    mosaic = tmp_path / "mosaic.tif"
    limit = write_mosaic(mosaic, maps_of(cells, size=(256, 256), jump=4.0), tiles)["limit"][0]
    write_raster_style(mosaic, limit)
    sources = []
    for tile, picture in zip(tiles, pixels):  # QGIS cannot read a place from a file name
        sources.append({"name": tile.image_id, "path": str(tmp_path / f"{tile.image_id}.tif")})
        form = {"driver": "GTiff", "count": 3, "dtype": "uint8", "width": 256, "height": 256}
        with rasterio.open(sources[-1]["path"], "w", crs="EPSG:3857", transform=tile.transform, **form) as to:
            to.write(picture)
    labels = str(shared_data / "tiles_kampala" / "labels.geojson")
    rest = [
        {"name": "mosaic", "path": str(mosaic)},
        {"name": "buildings", "path": labels, "outline": "#ffd92f"},
    ]
    names = [item["name"] for item in (*sources, *rest)]
    with rasterio.open(mosaic) as raster:
        extent = list(raster.bounds)
    found, shown = overlaid(
        [*sources, *rest],
        {"plain": names[:-2], "overlay": names},
        crs="EPSG:3857",
        size=[1200, 800],
        extent=extent,
    )
    assert {layer["crs"] for name, layer in found.items() if name != "buildings"} == {"EPSG:3857"}
    corners = np.array([found[tile.image_id]["extent"] for tile in tiles])
    whole = [*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0)]
    np.testing.assert_allclose(found["mosaic"]["extent"], whole, atol=1e-6)
    assert found["mosaic"]["pixel"][0] <= found[tiles[0].image_id]["pixel"][0]
    folder = Path(__file__).resolve().parents[2] / "test-artefacts"
    folder.mkdir(exist_ok=True)
    Image.fromarray(shown["overlay"].astype(np.uint8)).save(folder / "explanation-overlay.png")
    redder = (shown["overlay"] - shown["plain"]) @ [1, 0, -1]
    light = shown["plain"].mean(axis=2)
    assert np.corrcoef(redder.ravel(), light.ravel())[0, 1] > 0.5  # what is bright is drawn red there
