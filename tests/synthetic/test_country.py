from __future__ import annotations

import json
import shutil
from pathlib import Path

import h3
import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml

from geolivelihood.errors import Cancelled, InputError
from geolivelihood.files import file_hash
from geolivelihood.progress import listening
from geolivelihood.synthetic import Country, make_country
from geolivelihood.synthetic.landscape import landscape


def hashes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): file_hash(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def cells_of(country: Country, resolution: int) -> np.ndarray:
    sites = pd.read_csv(country.true_sites)
    names = {h3.latlng_to_cell(lat, lon, resolution) for lat, lon in zip(sites["lat"], sites["lon"])}
    return np.array(sorted(int(name, 16) for name in names), dtype=np.uint64)


def test_the_folder_is_small_and_says_that_it_is_invented(country: Country) -> None:
    paths = [country.project, country.photos, country.gps, country.recode, country.clusters]
    paths += [country.regions, country.population, country.true_sites, *country.tiles]
    assert all(path.is_file() for path in paths)
    assert sum(path.stat().st_size for path in country.folder.rglob("*") if path.is_file()) < 3e6
    assert "invented" in (country.folder / "README.txt").read_text()


def test_the_project_names_files_that_are_there_and_not_the_truth(country: Country) -> None:
    text = country.project.read_text()
    project = yaml.safe_load(text)
    files = [*project["clusters"]["dhs"].values()][:2]
    files += [
        project["displacement"]["boundary"],
        project["regions"]["path"],
        project["regions"]["population"],
    ]
    assert all((country.folder / name).is_file() for name in files)
    assert len(list(country.folder.glob(project["images"][1]["chips"]["raster"]))) == 16
    assert "truth" not in text


def test_a_second_call_changes_nothing_and_keeps_what_was_added(tmp_path: Path, country: Country) -> None:
    folder = shutil.copytree(country.folder, tmp_path / "copy")
    (folder / "out").mkdir()
    (folder / "out" / "map.png").write_bytes(b"mine")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again = make_country(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert again.tiles == tuple(sorted((folder / "tiles").glob("*.tif")))


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    one, two = (make_country(tmp_path / name, n_clusters=10, photos_per_cluster=1, seed=5) for name in "ab")
    assert hashes(one.folder) == hashes(two.folder)


def test_other_seed_other_country() -> None:
    assert landscape(5).outline != landscape(6).outline
    assert not np.allclose(landscape(5).wealth, landscape(6).wealth)


def test_files_carry_no_date_of_today(country: Country) -> None:
    assert country.gps.with_suffix(".dbf").read_bytes()[1:4] == bytes([121, 12, 31])
    with pd.read_stata(country.recode, iterator=True) as reader:
        assert reader.time_stamp == "31 Dec 2021 00:00"


class Impatient:
    """Asks to stop after a number of steps."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def stage(self, name: str) -> None: ...

    def step(self, done: int, total: int | None, text: str) -> None:
        self.patience -= 1

    def cancelled(self) -> bool:
        return self.patience < 0


def test_an_interrupted_call_leaves_nothing(tmp_path: Path) -> None:
    with listening(Impatient(12)), pytest.raises(Cancelled):
        make_country(tmp_path / "country", n_clusters=10)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_and_a_foreign_one_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not made by make_country"):
        make_country(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    (tmp_path / "country.json").write_text("[]")
    with pytest.raises(InputError, match="not made by make_country"):
        make_country(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        make_country(tmp_path / "thesis.txt")


def test_other_arguments_or_lost_files_are_noticed(tmp_path: Path, country: Country) -> None:
    with pytest.raises(InputError, match="give another folder"):
        make_country(country.folder, seed=1)
    folder = shutil.copytree(country.folder, tmp_path / "copy")
    (folder / "photos" / "p00007.jpg").unlink()
    with pytest.raises(InputError, match=r"lacks photos/p00007\.jpg"):
        make_country(folder)


@pytest.mark.parametrize(
    "options",
    [{"n_clusters": 3}, {"n_clusters": 20.5}, {"photos_per_cluster": 0}, {"seed": -1}, {"seed": True}],
)
def test_options_out_of_range(tmp_path: Path, options: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(options))} is .*; give a whole number"):
        make_country(tmp_path / "country", **options)
    assert not (tmp_path / "country").exists()


def test_truth_keeps_the_order_and_adds_up(country: Country) -> None:
    fine = cells_of(country, 8)
    shuffled = np.random.default_rng(0).permutation(np.concatenate([fine, fine[:3]]))
    truth = country.truth(shuffled)
    assert truth.index.name == "cell"
    np.testing.assert_array_equal(truth.index.to_numpy(), shuffled)
    table = pd.read_csv(country.folder / "truth" / "cells.csv")
    with rasterio.open(country.population) as raster:
        people = raster.read(1).sum()
    # A few coastal people live on pixels of which no sample point is land.
    assert table["population"].sum() == pytest.approx(people, rel=0.005)
    again = country.truth([int(name, 16) for name in table["cell"]])
    np.testing.assert_allclose(again["wealth"], table["wealth"], atol=1e-5)


def test_truth_is_the_wealth_of_the_sites(country: Country) -> None:
    sites = pd.read_csv(country.true_sites)
    cells = [int(h3.latlng_to_cell(lat, lon, 8), 16) for lat, lon in zip(sites["lat"], sites["lon"])]
    assert np.corrcoef(country.truth(cells)["wealth"], sites["wealth"])[0, 1] > 0.97


def test_truth_off_the_land_and_for_wrong_cells(country: Country) -> None:
    sea = [int(h3.latlng_to_cell(0.0, 80.0, 7), 16)]
    assert np.isnan(country.truth(sea)["wealth"].iloc[0])
    assert country.truth(sea)["population"].iloc[0] == 0
    assert len(country.truth([])) == 0
    with pytest.raises(InputError, match="give 8 or coarser"):
        country.truth([int(h3.latlng_to_cell(-9.0, 62.0, 10), 16)])
    with pytest.raises(InputError, match="of one resolution"):
        country.truth([*sea, int(h3.latlng_to_cell(-9.0, 62.0, 6), 16)])
    with pytest.raises(InputError, match="of one resolution"):
        country.truth([12345])


def test_the_marker_lists_every_file(country: Country) -> None:
    marker = json.loads((country.folder / "country.json").read_text())
    assert set(marker["files"]) | {"country.json"} == set(hashes(country.folder))
    assert marker["seed"] == 0
