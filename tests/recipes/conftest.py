"""A small synthetic country and one run of it, made once."""

import shutil

import pandas as pd
import pytest
import yaml

from geolivelihood.recipes import open_project, run_project
from geolivelihood.synthetic import make_country

SMALL = {
    "models": ["mean", "knn", "ridge", "cell"],
    "validation.folds": 3,
    "validation.bootstrap": 200,
    "map_model": "cell",
    "uncertainty.draws": 4,
}


@pytest.fixture(scope="session")
def small():
    """Settings that keep a run short."""
    return SMALL


@pytest.fixture(scope="session")
def country_folder(tmp_path_factory):
    return make_country(tmp_path_factory.mktemp("synthetic") / "country", n_clusters=80, seed=0).folder


@pytest.fixture(scope="session")
def result(country_folder, tmp_path_factory, small):
    """One run of the small country, to look at (never to change)."""
    folder = tmp_path_factory.mktemp("run") / "country"
    shutil.copytree(country_folder, folder)
    return run_project(folder / "project.yaml", overrides=small)


@pytest.fixture
def project(country_folder, tmp_path):
    """Path of the project file of a private copy of the country."""
    folder = tmp_path / "country"
    shutil.copytree(country_folder, folder)
    return folder / "project.yaml"


@pytest.fixture(scope="session")
def opened(result, small):
    """Data and line-up of the small country under other settings; what its run has kept is kept."""

    def _open(**overrides):
        return open_project(result.geopackage.parents[1] / "project.yaml", overrides=small | overrides)

    return _open


@pytest.fixture
def geographic(project):
    """A private project of models that look at no picture, and a way to change its clusters."""
    content = yaml.safe_load(project.read_text())
    content["clusters"] = {"path": "clusters.csv", "indicators": ["wealth"], "crs": "EPSG:4326"}
    content |= {"models": ["mean", "knn"], "map_model": "knn"}
    content["validation"] |= {"folds": 3, "bootstrap": 200}
    content["uncertainty"] |= {"draws": 3}

    def _write(change=None, **sections):
        table = pd.read_csv(project.parent / "clusters.csv")
        table = table[table["lon"] != 0]
        table = table if change is None else change(table)
        table.to_csv(project.parent / "clusters.csv", index=False)
        project.write_text(yaml.safe_dump(content | sections))
        return project

    return _write
