"""``explain_project``: maps of a project's pictures join its result, and nothing else changes."""

import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
from typer.testing import CliRunner

from geolivelihood.cells import cell_polygons, parse_cells
from geolivelihood.cli import app
from geolivelihood.errors import InputError
from geolivelihood.layers import read_provenance, read_styles
from geolivelihood.recipes import open_project
from geolivelihood.recipes.explanations import attributions, explain_project
from geolivelihood.recipes.explanations.job import Job
from geolivelihood.recipes.explanations.pictures import chosen_images, picture_model

pytestmark = pytest.mark.xdist_group("recipes")


@pytest.fixture(scope="module")
def project_file(result):
    return result.geopackage.parents[1] / "project.yaml"


@pytest.fixture(scope="module")
def copied(result, tmp_path_factory):
    """A copy of the result, which explanations may join."""

    def _copy():
        target = tmp_path_factory.mktemp("explained") / "result.gpkg"
        shutil.copy(result.geopackage, target)
        return target

    return _copy


@pytest.fixture(scope="module")
def some_tiles(project_file, small):
    """Twelve tiles in a row of the table, on land."""
    data, _ = open_project(project_file, overrides=small)
    return list(data.images("tiles")["image_id"].iloc[300:312])


@pytest.fixture(scope="module")
def explained(project_file, small, copied, some_tiles):
    """Signed maps of twelve tiles by the ridge model."""
    return explain_project(
        project_file, model="ridge", source="tiles", ids=some_tiles, overrides=small, result=copied()
    )


def read(path, layer):
    return gpd.read_file(path, layer=layer)


def explain_again(explained, project_file, small, **options):
    given = {"model": "ridge", "source": "tiles", "overrides": small, "result": explained.geopackage}
    return explain_project(project_file, **given | options)


def test_rasters_lie_where_their_tiles_lie_and_add_up(explained, some_tiles, project_file, small):
    table = read(explained.geopackage, "explanations_rasters")
    assert sorted(table["image_id"]) == sorted(some_tiles)
    assert set(table[["method", "model", "target"]].agg(" ".join, axis=1)) == {"signed_cam ridge wealth"}
    data, _ = open_project(project_file, overrides=small)
    tiles = data.images("tiles").set_index("image_id")
    for row in table.itertuples():
        path = explained.geopackage.parent / row.path
        tile = tiles.loc[row.image_id]
        with rasterio.open(path) as drawn, rasterio.open(tile["path"]) as source:
            assert drawn.crs == source.crs and drawn.dtypes == ("float32",) and np.isnan(drawn.nodata)
            assert drawn.descriptions == ("wealth: signed cam",)
            corner = source.transform * (tile["col_off"], tile["row_off"])
            assert drawn.transform * (0, 0) == pytest.approx(corner)
            assert drawn.bounds.right - drawn.bounds.left == pytest.approx(tile["width"] * source.transform.a)
            assert np.nansum(drawn.read(1, out_dtype="float64")) == pytest.approx(
                row.kept, rel=1e-4, abs=1e-5
            )
        assert path.with_suffix(".qml").exists()
    whole = table["kept"] + table["masked"] + table["intercept"] + table["residual"]
    np.testing.assert_allclose(whole, table["total"], rtol=1e-6)


def test_totals_are_predictions_of_places_average_but_for_the_picture(explained, project_file, small):
    table = read(explained.geopackage, "explanations_rasters").set_index("image_id")
    data, lineup = open_project(project_file, overrides=small)
    choice = next(model for model in lineup.project.models if model.key == "ridge")
    job = Job(lineup, choice, "wealth", "signed_cam", Path(), "tiles")
    names = data.seen_by(choice)
    start = sum(data.features(name).shape[1] for name in names[: names.index("tiles")])
    own = data.features("tiles").loc[table.index].to_numpy(dtype=float)
    rows = np.repeat(job.fitted.scale_.mean[None], len(own), axis=0)
    rows[:, start : start + own.shape[1]] = own
    scale = job.fitted.scale_
    inside = ((rows >= scale.low) & (rows <= scale.high)).all(axis=1)  # beyond it the model sees the end
    scaled = (rows - scale.mean) / scale.scale
    np.testing.assert_allclose(scaled @ job.fitted.coef_ + job.fitted.intercept_, table["total"], atol=2e-3)
    np.testing.assert_allclose(job.fitted.predict(rows[inside]), table["total"][inside], atol=2e-3)


def test_sums_over_cells_and_the_rest_are_the_evidence(explained):
    facts = explained.facts["signed_cam"]
    zonal = read(explained.geopackage, "explanations_zonal")
    told = facts["accounts"]
    cells = zonal[zonal["cell"].notna()]
    drawn, named = cells.geometry.to_numpy(), cell_polygons(parse_cells(cells["cell"])).to_numpy()
    assert shapely.distance(shapely.centroid(drawn), shapely.centroid(named)).max() < 1e-9
    assert cells["sum"].sum() == pytest.approx(told["cells"]["inside"], rel=1e-6)
    for name in ("cells", "regions"):
        whole = told[name]["inside"] + told[name]["outside"] + told["without data"]
        assert whole == pytest.approx(told["evidence"], rel=1e-4)
    assert facts["completeness error"] < 1e-5


def test_peaks_and_regions_are_there(explained):
    found = read(explained.geopackage, "explanations_peaks")
    assert set(found["sign"]) == {1, -1} and found["share"].between(0, 1).all()
    assert found["cell"].str.len().eq(15).all()
    hot = read(explained.geopackage, "explanations_regions")
    assert sorted(zip(hot["sign"], hot["share"])) == [(-1, 0.5), (-1, 0.8), (1, 0.5), (1, 0.8)]
    assert (hot["held"] >= hot["share"] - 1e-6).all()
    assert read_styles(explained.geopackage, "explanations_peaks")


def test_other_layers_stay_and_the_provenance_tells(explained, result):
    before, after = (dict(pyogrio.list_layers(path)) for path in (result.geopackage, explained.geopackage))
    assert set(after) - set(before) == set(explained.layers)
    for name in ("cells", "clusters", "regions", "images"):
        pd.testing.assert_frame_equal(
            pd.DataFrame(read(result.geopackage, name)), pd.DataFrame(read(explained.geopackage, name))
        )
    document, earlier = read_provenance(explained.geopackage), read_provenance(result.geopackage)
    assert document["run_id"] == earlier["run_id"] and document["scores"] == earlier["scores"]
    (entry,) = document["explanations"]
    assert (entry["method"], entry["model"], entry["target"]) == ("signed_cam", "ridge", "wealth")
    assert set(entry["layers"]) == set(explained.layers)
    assert {layer["name"] for layer in document["layers"]} >= set(explained.layers)
    assert all((explained.geopackage.parent / file).exists() for file in entry["files"])


def test_another_method_joins_and_the_same_gives_way(explained, project_file, small, some_tiles):
    explain_again(explained, project_file, small, ids=some_tiles[:2], methods=["grad_cam"])
    table = read(explained.geopackage, "explanations_rasters")
    assert dict(table["method"].value_counts()) == {"signed_cam": 12, "grad_cam": 2}
    explain_again(explained, project_file, small, ids=some_tiles[:3], methods=["grad_cam"])
    table = read(explained.geopackage, "explanations_rasters")
    assert dict(table["method"].value_counts()) == {"signed_cam": 12, "grad_cam": 3}
    assert len(read_provenance(explained.geopackage)["explanations"]) == 2


def test_street_photos_become_sectors_and_broken_ones_are_set_aside(project_file, small, copied):
    made = explain_project(project_file, model="cell", source="photos", overrides=small, result=copied())
    views = read(made.geopackage, "explanations_views")
    assert views["image_id"].nunique() == made.facts["signed_cam"]["pictures"] + 2
    plain = views[views["sector"].isna()]  # what the run drew of the broken ones stays
    assert len(plain) == 2 and plain["method"].isna().all()
    whole, parts = views[views["sector"] == -1], views[views["sector"] >= 0]
    net = parts.groupby("image_id")["score"].sum()
    np.testing.assert_allclose(net.loc[whole["image_id"]], whole["score"], atol=1e-6)
    assert made.rejected == 2
    aside = read(made.geopackage, "rejected")
    assert (aside["stage"] == "explain-photos").sum() == 2
    assert made.files[0].suffix == ".png" and made.files[0].stat().st_size > 20_000


def test_ids_may_be_clusters_and_cells(project_file, small):
    data, lineup = open_project(project_file, overrides=small)
    job = Job(lineup, lineup.map_choice, "wealth", "signed_cam", Path(), "photos")
    pairs = data.pairs("photos")
    cluster = pairs["cluster_id"].iloc[0]
    some = Job(lineup, job.choice, "wealth", "signed_cam", Path(), "photos", ids=(cluster,))
    assert set(chosen_images(some, "photos")["image_id"]) == set(
        pairs.loc[pairs["cluster_id"] == cluster, "image_id"]
    )
    by_cell = data.cell_pairs("tiles")
    cell = by_cell["cluster_id"].iloc[0]
    some = Job(lineup, job.choice, "wealth", "signed_cam", Path(), "tiles", ids=(cell,))
    assert list(chosen_images(some, "tiles")["image_id"]) == [by_cell["image_id"].iloc[0]]
    some = Job(lineup, job.choice, "wealth", "signed_cam", Path(), "tiles", ids=("nowhere", cell))
    with pytest.raises(InputError, match=r"1 of 2 ids are no picture of 'tiles'.*nowhere"):
        chosen_images(some, "tiles")


def test_a_killed_explanation_goes_on(project_file, small, copied, some_tiles, monkeypatch):
    real, calls = attributions.attribute, []

    def failing(*given, **options):
        calls.append(len(given[1]))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*given, **options)

    monkeypatch.setattr(attributions, "_CHUNK", 3)
    monkeypatch.setattr(attributions, "attribute", failing)
    asked = {"model": "ridge", "source": "tiles", "ids": some_tiles, "methods": ["layer_cam"]}
    target = copied()
    with pytest.raises(KeyboardInterrupt):
        explain_project(project_file, overrides=small, result=target, **asked)
    assert "explanations_rasters" not in dict(pyogrio.list_layers(target))
    explain_project(project_file, overrides=small, result=target, **asked)
    assert calls == [3, 3, 3, 3, 3]
    kept = read(target, "explanations_rasters")
    monkeypatch.setattr(attributions, "attribute", real)
    whole = copied()
    monkeypatch.setattr(attributions, "_CHUNK", 64)
    explain_project(project_file, overrides=small, result=whole, **asked | {"ids": some_tiles[::-1]})
    again = read(whole, "explanations_rasters").set_index("image_id").loc[kept["image_id"]]
    np.testing.assert_allclose(again["total"], kept["total"], rtol=1e-6)
    np.testing.assert_allclose(again["kept"], kept["kept"], rtol=1e-4, atol=1e-6)


def test_sums_over_zones_that_are_asked_for(explained, project_file, small, some_tiles, result):
    zones = gpd.read_file(result.geopackage, layer="regions")[["geometry"]].dissolve()
    asked = {"ids": some_tiles, "options": {"zones": zones}, "methods": ["layer_cam"]}
    made = explain_again(explained, project_file, small, **asked)
    (row,) = read(explained.geopackage, "explanations_zonal").query("method == 'layer_cam'").itertuples()
    told = made.facts["layer_cam"]["accounts"]
    assert row.sum == pytest.approx(told["zones"]["inside"], rel=1e-6)
    entry = read_provenance(explained.geopackage)["explanations"][-1]
    assert entry["ids"] == some_tiles and entry["source"] == "tiles"


def test_faithfulness_is_asked_when_wanted(explained, project_file, small, some_tiles):
    made = explain_again(
        explained, project_file, small, ids=some_tiles[:4], methods=["layer_cam"], options={"check": True}
    )
    table = pd.read_csv(next(file for file in made.files if file.name.startswith("faithfulness")))
    assert set(table["method"]) == {"layer_cam", "random"}
    rasters = read(explained.geopackage, "explanations_rasters")
    flagged = rasters.loc[rasters["method"] == "layer_cam", "insensitive"].astype(bool)
    assert (flagged == made.facts["layer_cam"]["insensitive"]).all()


def test_what_cannot_be_explained_says_why(project_file, small, copied, tmp_path):
    target = copied()

    def ask(**options):
        overrides = small | options.pop("overrides", {})
        explain_project(project_file, overrides=overrides, result=target, **options)

    with pytest.raises(InputError, match="There is no method 'cam'; there are: signed_cam"):
        ask(methods=["cam"])
    with pytest.raises(InputError, match="There is no model 'forest'; there are: mean, knn, ridge, cell"):
        ask(model="forest")
    with pytest.raises(InputError, match="There is no indicator 'health'; there are: wealth"):
        ask(indicator="health")
    with pytest.raises(InputError, match=r"'mean' does not see pictures.*sees no pictures"):
        ask(model="mean")
    with pytest.raises(InputError, match="'ridge' does not see pictures of 'objects'; it sees photos, tiles"):
        ask(model="ridge", source="objects")
    with pytest.raises(InputError, match=r"no layer of feature maps named 'conv9'.*rectifier"):
        ask(model="ridge", source="tiles", methods=["grad_cam"], options={"layer": "conv9"})
    with pytest.raises(InputError, match="signed_cam takes no option 'kinds'; there are: layer, steps"):
        ask(methods=["signed_cam"], options={"kinds": 3})
    with pytest.raises(InputError, match="First run the project"):
        explain_project(project_file, overrides=small, result=tmp_path / "none.gpkg")


def test_a_model_that_is_no_mean_of_pictures_is_refused(project_file, small):
    _, lineup = open_project(
        project_file, overrides=small | {"models": ["ridge", "boosting"], "map_model": "ridge"}
    )
    boosting = next(model for model in lineup.project.models if model.key == "boosting")
    with pytest.raises(InputError, match=r"'boosting'.*not the mean.*Explain ridge by --model"):
        picture_model(Job(lineup, boosting, "wealth", "signed_cam", Path(), "tiles"))


def test_the_command(project_file, small, copied, some_tiles):
    target = copied()
    sets = [part for key, value in small.items() for part in ("--set", f"{key}={value}")]
    asked = ["--model", "ridge", "--source", "tiles", "--ids", ",".join(some_tiles[:2])]
    ran = CliRunner().invoke(app, ["explain", str(project_file), *asked, "--result", str(target), *sets])
    assert ran.exit_code == 0, ran.output
    assert "completeness error" in ran.output and "explanations_rasters 2" in ran.output
    assert len(read(target, "explanations_rasters")) == 2


def test_the_help_has_examples():
    ran = CliRunner().invoke(app, ["explain", "--help"])
    assert ran.exit_code == 0 and "geolivelihood explain project.yaml" in ran.output
