"""The example of Kampala's buildings runs as it stands."""

import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import rasterio

from geolivelihood.pretraining.transfer import load

ROOT = Path(__file__).resolve().parents[3]


def run(folder, data, *options):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "buildings_kampala.py", folder, "--data", data, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_it_says_that_the_tiles_are_missing(tmp_path):
    assert run(tmp_path / "out", tmp_path / "none").startswith("Skipped: there are no tiles")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow  # two networks are trained on pictures of 256 pixels
def test_buildings_of_places_held_out(shared_data, tmp_path):
    run(tmp_path, shared_data / "tiles_kampala", "--quick")
    scores = pd.read_csv(tmp_path / "scores.csv").iloc[0]
    assert scores["mIoU"] > scores["constant_mIoU"] + 0.1
    assert 0 <= scores["AP50"] <= 1 and scores["places"] == 3
    assert (tmp_path / "held_out.png").stat().st_size > 100_000
    with rasterio.open(tmp_path / "place_0_classes.tif") as cog:
        assert cog.crs.to_epsg() == 3857 and cog.tags()["class_1"] == "building"
    found = load(tmp_path / "segmenter").scan(tmp_path / "place_0.tif")
    assert isinstance(found, gpd.GeoDataFrame) and found.crs == "EPSG:3857"
