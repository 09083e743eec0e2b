"""A small synthetic country and one run of it, made once."""

import shutil

import pytest

from geolivelihood.recipes import run_project
from geolivelihood.synthetic import make_country

SMALL = {
    "models": ["mean", "knn", "ridge", "cell"],
    "validation.folds": 3,
    "validation.bootstrap": 200,
    "map_model": "cell",
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
