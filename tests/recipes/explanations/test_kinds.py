"""Kinds of pictures of a small project whose pictures are of three colours."""

import json

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from affine import Affine
from PIL import Image

from geolivelihood.errors import InputError
from geolivelihood.layers import default_styles
from geolivelihood.recipes import open_project
from geolivelihood.recipes.explanations.job import Job
from geolivelihood.recipes.explanations.kinds import explain_kinds

COLOURS = {"red": (200, 40, 30), "green": (40, 170, 60), "blue": (30, 60, 190)}
COUNTS = {"red": 16, "green": 10, "blue": 7}
COLUMNS = ["method", "model", "target", "source", "image_id", "cluster", "distance", "pc_1", "pc_2"]


def _paint(folder, rng):
    """Pictures of three colours, each colour in its own degree; one file is no picture."""
    rows = []
    for k, (name, colour) in enumerate(COLOURS.items()):
        for n in range(COUNTS[name]):
            pixels = np.clip(np.array(colour) + rng.normal(0, 12, (32, 32, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{name}{n}.png")
            rows.append((f"{name}{n}", f"{name}{n}.png", 30 + k + 0.05 * n, -1.0, f"place {name}{n % 5}"))
    (folder / "broken.png").write_bytes(b"no picture")
    rows.append(("broken", "broken.png", 30.0, -1.0, "place red0"))
    table = pd.DataFrame(rows, columns=["image_id", "path", "lon", "lat", "cluster_id"])
    table.to_csv(folder / "pictures.csv", index=False)
    clusters = table[table["image_id"].ne("broken")].groupby("cluster_id", as_index=False).first()
    clusters["wealth"] = clusters["cluster_id"].str[6:-1].map({"red": 3.0, "green": 2.0, "blue": 1.0})
    clusters["urban"] = True
    clusters[["cluster_id", "lon", "lat", "wealth", "urban"]].to_csv(folder / "clusters.csv", index=False)


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("painted")
    _paint(folder, np.random.default_rng(0))
    source = {"name": "photos", "table": "pictures.csv", "crs": "EPSG:4326", "kind": "street"}
    project = {
        "name": "painted",
        "out": "out",
        "max_rejected": 0.2,
        "clusters": {"path": "clusters.csv", "indicators": ["wealth"], "crs": "EPSG:4326"},
        "displacement": "none",
        "images": [source | {"encoder": {"name": "summary"}}],
        "cells": {"resolution": 6},
        "models": ["mean", "ridge"],
        "map_model": "ridge",
    }
    (folder / "project.yaml").write_text(yaml.safe_dump(project))
    grid = {"width": 30, "height": 10, "crs": "EPSG:4326", "transform": Affine(0.1, 0, 30, 0, -0.1, -0.5)}
    form = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": -1}
    with rasterio.open(folder / "people.tif", "w", **form, **grid) as target:
        target.write(np.repeat(np.array([[10, 20, -1]], np.float32), 10, axis=1).repeat(10, axis=0), 1)
    return folder


@pytest.fixture
def job(painted, tmp_path):
    """A job on the painted project; settings of :class:`Job` by name."""

    def _job(model="ridge", **settings):
        _, lineup = open_project(painted / "project.yaml")
        choice = next(m for m in lineup.project.models if m.key == model)
        return Job(lineup, choice, "wealth", "feature_clusters", tmp_path / "explanations", **settings)

    return _job


def test_the_colours_are_found_and_every_file_is_there(job, painted):
    made = explain_kinds(job(options={"covariates": [painted / "people.tif"]}))
    layer = made.layers["explanations_feature_clusters"]
    assert list(layer.columns[:9]) == COLUMNS and layer.crs == "EPSG:4326"
    assert {*layer["method"], *layer["model"], *layer["target"]} == {"feature_clusters", "ridge", ""}
    colour = layer["image_id"].str.rstrip("0123456789")
    assert pd.crosstab(colour, layer["cluster"]).loc[list(COLOURS)].to_numpy().tolist() == [
        [16, 0, 0],
        [0, 10, 0],
        [0, 0, 7],
    ]
    assert layer[["distance", "tsne_1", "tsne_2"]].notna().all(axis=None)
    names = ["covariates.csv", "curve.png", "embedding.png", "sheet.png"]
    assert sorted(f.name for f in made.files) == [f"feature_clusters_photos_{name}" for name in names]
    assert all(file.stat().st_size > 0 for file in made.files)
    assert made.facts["kinds"] == 3 and made.facts["pictures"] == 33 and json.dumps(made.facts)


def test_what_is_different_in_each_kind(job, painted):
    made = explain_kinds(job(options={"covariates": {"people": painted / "people.tif"}}))
    table = pd.read_csv(made.files[0]).set_index(["covariate", "cluster"])
    assert table.loc["wealth", "mean"].tolist() == [3, 2, 1]
    assert table.loc["wealth", "pictures"].tolist() == [16, 10, 7]
    people = table.loc["people"]
    assert people["mean"].tolist()[:2] == [10, 20] and np.isnan(people["mean"].iloc[2])
    assert people["n"].tolist() == [16, 10, 0]
    assert (people["difference"].iloc[0] < 0) and (table.loc["wealth", "blocks"] > 1).all()


def test_a_picture_that_cannot_be_read_is_set_aside_with_its_reason(job):
    rejected = explain_kinds(job()).rejected
    assert rejected.columns.tolist() == ["stage", "row", "column", "reason"]
    assert rejected["row"].tolist() == ["broken"] and rejected["stage"].tolist() == [
        "feature_clusters-photos"
    ]
    assert "not a picture" in rejected["reason"].item()


def test_a_picture_that_is_gone_leaves_a_blank_on_the_sheet(job, painted, tmp_path):
    explain_kinds(job())  # its features are kept
    lost = painted / "green3.png"
    kept = lost.read_bytes()
    asked = job(options={"examples": 16})
    asked.data.features("photos")
    lost.unlink()
    try:
        made = explain_kinds(asked)
    finally:
        lost.write_bytes(kept)
    told = made.rejected.set_index("row").loc["green3"]
    assert told["reason"] == "not on the contact sheet: the file does not exist" and told["column"] == "path"
    assert "green3" in set(made.layers["explanations_feature_clusters"]["image_id"])
    sheet = np.asarray(Image.open(tmp_path / "explanations" / "feature_clusters_photos_sheet.png"))
    assert (sheet == 225).all(axis=2).sum() > 128 * 128 / 2


def test_the_sheet_shows_the_pictures_of_each_kind_in_its_row(job, tmp_path):
    explain_kinds(job())
    explain_kinds(job(options={"k": 3, "examples": 2}))
    sheet = np.asarray(Image.open(tmp_path / "explanations" / "feature_clusters_photos_sheet.png")).astype(
        int
    )
    rows = [sheet[6 + 22 + 64 + 171 * n, 70] for n in range(6)]
    nearest = [
        list(COLOURS)[int(np.abs(np.array(list(COLOURS.values())) - row).sum(axis=1).argmin())]
        for row in rows
    ]
    assert nearest == ["red", "red", "green", "green", "blue", "blue"]
    assert not (
        tmp_path / "explanations" / "feature_clusters_photos_curve.png"
    ).exists()  # nothing was chosen


def test_ids_restrict_what_is_sorted(job):
    ids = [f"{name}{n}" for name in ("red", "blue") for n in range(6)]
    made = explain_kinds(job(ids=tuple(ids)))
    layer = made.layers["explanations_feature_clusters"]
    assert sorted(layer["image_id"]) == sorted(ids) and made.facts["kinds"] == 2
    made = explain_kinds(job(ids=("place red0", "place blue1"), options={"k": 2}))
    assert set(made.layers["explanations_feature_clusters"]["image_id"]) == {
        *("red0", "red5", "red10", "red15", "blue1", "blue6")
    }


@pytest.mark.parametrize("algorithm", ["gmm", "spectral", "hdbscan"])
def test_other_algorithms(job, algorithm):
    made = explain_kinds(job(options={"algorithm": algorithm, "min_size": 4, "components": 3}))
    layer = made.layers["explanations_feature_clusters"]
    of = layer[layer["cluster"] >= 0]
    assert made.facts["kinds"] >= 2
    colours = of.groupby("cluster")["image_id"].agg(lambda ids: ids.str.rstrip("0123456789").nunique())
    assert (colours == 1).all()
    assert layer.loc[layer["cluster"] < 0, "distance"].isna().all()
    assert any(f.name.endswith("curve.png") for f in made.files) == (algorithm != "hdbscan")


def test_the_layout_is_kept(job, painted):
    explain_kinds(job(options={"k": 2}))
    before = {p: p.stat().st_mtime_ns for p in (painted / "out" / "stages").glob("explain-kinds-*/*")}
    first = explain_kinds(job(options={"k": 2})).layers["explanations_feature_clusters"]
    again = explain_kinds(job(options={"k": 3})).layers["explanations_feature_clusters"]
    assert before and {p: p.stat().st_mtime_ns for p in before} == before
    assert first["tsne_1"].tolist() == again["tsne_1"].tolist()


def test_the_layer_is_coloured_by_kind(job):
    layer = explain_kinds(job()).layers["explanations_feature_clusters"]
    (style,) = default_styles("explanations_feature_clusters", layer)
    assert "Kind 0 (16 pictures)" in style.qml and 'type="categorizedSymbol"' in style.qml


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"options": {"algorithm": "dbscan"}}, "no algorithm 'dbscan'; choose one of kmeans, gmm"),
        ({"options": {"algorithm": "hdbscan", "k": 3}}, "finds the number of kinds by itself"),
        ({"options": {"k": 50}}, "33 different values, too few for 50 kinds"),
        ({"options": {"k": 2.5}}, "k=2.5: give a whole number from 1 on"),
        ({"options": {"examples": 0}}, "examples=0: give a whole number from 1 on"),
        ({"options": {"components": "many"}}, "components='many': give a number of components"),
        ({"options": {"scaling": "log"}}, "among standard, minmax, none"),
        ({"options": {"k": "bic"}}, "give a number, or silhouette"),
        ({"options": {"algorithm": "hdbscan", "min_size": 34}}, "with 33 pictures give 2 to 33"),
        ({"options": {"algorithm": "hdbscan", "min_size": 33}}, "no kind of at least 33 among the 33"),
        ({"source": "tiles"}, "There is no source 'tiles' with features. Name one by source: photos"),
        ({"model": "mean"}, "The model 'mean' sees no source with features"),
        ({"ids": ("blue5", "blue6", "broken")}, "2 of 3 pictures of 'photos' have features"),
        ({"options": {"covariates": "none.tif"}}, "Cannot read the raster none.tif"),
    ],
)
def test_bad_input(job, settings, words):
    with pytest.raises(InputError, match=words):
        explain_kinds(job(**settings))


def test_pictures_that_are_all_alike_have_no_kinds(job, painted):
    asked = job()
    asked.data.features("photos").loc[:] = 1.0  # as a network answers that has forgotten everything
    with pytest.raises(InputError, match="take 1 different values, too few for 2 kinds"):
        explain_kinds(asked)


def test_a_vector_with_gaps_is_set_aside(job):
    asked = job()
    asked.data.features("photos").iloc[3, 0] = np.nan
    made = explain_kinds(asked)
    assert "red3" in set(made.rejected["row"])
    assert "red3" not in set(made.layers["explanations_feature_clusters"]["image_id"])
