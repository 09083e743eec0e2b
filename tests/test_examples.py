"""The examples run as they stand."""

import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from geolivelihood.explanation.attribution import METHODS
from geolivelihood.recipes import run_project

ROOT = Path(__file__).resolve().parents[1]


def test_quickstart(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "quickstart.py", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "displacement tie" in done.stdout


@pytest.mark.slow
def test_displacement_curve_in_small(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "displacement_curve.py", tmp_path, "--quick"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(tmp_path / "displacement_curve.csv").query("displacement_km == 5")
    r2 = table.set_index(["data", "learner", "labels"])["r2"]
    for data in ("invented country, cells weighted by people", "simulated fields, further sites"):
        model = r2[data, "cell model, linear"]
        assert model["displacement tie"] > model["published point"] + 0.02
    assert (tmp_path / "displacement_curve.png").stat().st_size > 10_000


@pytest.mark.slow
def test_planted_evidence_in_small(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "planted_evidence.py", tmp_path, "--quick"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(tmp_path / "faithfulness.csv").set_index("method")
    assert set(table.index) == {*METHODS, "random"}
    methods = table.loc[list(METHODS)]
    assert methods["pointing"].min() > 0.5 and methods["chance"].max() < 0.15
    assert (methods["random_weights"] < 0.7 * methods["pointing"]).all()
    passing = methods["points"].astype(bool) & methods["loses_it"].astype(bool)
    assert passing[["signed_cam", "integrated_gradients", "occlusion"]].all()
    assert (
        not passing["guided_backprop"] and "guided_backprop" in done.stdout.split("Flagged insensitive:")[1]
    )
    assert (tmp_path / "planted_evidence.png").stat().st_size > 100_000


@pytest.mark.slow
def test_ordered_embeddings_in_small(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "ordered_embeddings.py", tmp_path, "--quick"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    tau = pd.read_csv(tmp_path / "ordered_embeddings.csv").groupby(["labels", "method"])["tau"].mean()
    assert len(tau) == 5 + 3 * 3 and tau.between(0.1, 1).all()
    assert tau[200].max() > 0.4 and "Paired differences" in done.stdout
    assert (tmp_path / "ordered_embeddings.png").stat().st_size > 30_000


def kampala(folder, data, *options):
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "kampala.py", folder, "--data", data, *options],
        capture_output=True,
        text=True,
        check=False,
    )


def test_kampala_says_that_its_tiles_are_missing(tmp_path):
    done = kampala(tmp_path / "out", tmp_path / "none")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith("Skipped: there are no tiles") and not (tmp_path / "out").exists()


@pytest.mark.slow
def test_kampala(shared_data, tmp_path):
    done = kampala(tmp_path, shared_data / "tiles_kampala", "--features", "128")
    assert done.returncode == 0, done.stderr[-3000:]
    clusters = pd.read_csv(tmp_path / "clusters.csv")
    assert len(clusters) == 147 and clusters["building_cover"].between(0, 100).all()
    at = clusters.groupby("place")[["longitude", "latitude"]]
    assert len(at) == 7 and at.nunique().eq(1).all(axis=None)  # one ground is never on both sides of a split
    by_zoom = clusters.groupby("zoom")["building_cover"].mean()
    assert by_zoom.to_numpy() == pytest.approx(by_zoom.mean(), abs=0.1)  # every zoom covers the same ground
    scores = pd.read_csv(tmp_path / "out" / "scores.csv").query("metric == 'r2'")
    r2 = scores.set_index(["model", "split"])["value"]
    assert r2["ridge", "blocked"] > 0.4 > 0.1 > r2["knn", "blocked"]
    evidence = pd.read_csv(tmp_path / "evidence.csv").set_index("place")
    # in one place most of the ground is roofs, and nothing is left to tell apart
    assert (evidence["positive_share"] > evidence["area_m2_share"] + 0.05).sum() >= 6
    assert evidence.loc["all", "positive_share"] > evidence.loc["all", "area_m2_share"] + 0.1
    assert evidence.loc["all", "pixel_auc"] > 0.6


def test_street(shared_data, tmp_path):
    overrides = {"data": str(shared_data / "street"), "out": str(tmp_path)}
    result = run_project(ROOT / "examples" / "street.yaml", overrides=overrides)
    cells = gpd.read_file(result.geopackage, layer="cells")
    views = gpd.read_file(result.geopackage, layer="explanations_views")
    assert cells["photos_count"].sum() == 2319
    assert len(views) == 2319 and views.geometry.is_valid.all()
    assert views["flag"].eq("no_heading").sum() < 2319
    assert any(name.startswith("objects_") for name in cells)


@pytest.mark.slow
def test_brazil_in_small(shared_data, tmp_path):
    """The whole project with coarser cells and fewer models; the full one is run by hand."""
    fast = {"max_iter": 80, "learning_rate": 0.15}
    boosting = {"name": "boosting", "sources": ["lights", "marble"], "options": fast}
    overrides = {
        "data": str(shared_data / "brazil"),
        "out": str(tmp_path),
        "cells.resolution": 3,
        "clusters.indicators": ["idhm"],
        "models": ["knn", boosting],
        "map_model": "boosting",
        "validation.bootstrap": 200,
        "validation.buffer_m": 0,  # as the reference figures
        "uncertainty.range": {"idhm": [0, 1]},
        "uncertainty.draws": 4,
        "explanations": False,
    }
    result = run_project(ROOT / "examples" / "brazil.yaml", overrides=overrides)
    r2 = result.table.query("metric == 'r2'").set_index(["model", "split"])["value"]
    # reference figures of the data's README, untuned models
    assert r2["knn", "random"] == pytest.approx(0.76, abs=0.03)
    assert r2["knn", "blocked"] == pytest.approx(0.65, abs=0.03)
    assert r2["boosting", "random"] >= 0.69
    assert r2["boosting", "blocked"] >= 0.55
    regions = gpd.read_file(result.geopackage, layer="regions")
    assert len(regions) == 27 and regions["idhm"].notna().all()


@pytest.mark.slow
def test_temporal_places_in_small(shared_data, tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "examples" / "temporal_places.py", tmp_path),
            *("--data", shared_data / "temporal", "--quick", "--epochs", "3"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(tmp_path / "temporal_places.csv").query("dates == 'later' and pairs == 'every'")
    gain = table[table["of"] == "with - without"].set_index("part")
    assert (gain["lower"] > 0).all() and (gain["seeds"] == 3).all()
    found = table.set_index(["of", "part"])["retrieval"]
    assert found["with", "head"] > found["pixels", "raw"]
    assert (tmp_path / "temporal_places.png").stat().st_size > 20_000
