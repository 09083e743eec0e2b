"""Models of the small country's pictures, of which only what is asked for is computed."""

import shutil

import pytest

from geolivelihood.recipes import open_project

_FEW = {"name": "rcf", "options": {"n_features": 64}}
_PICTURES = {
    "images": [
        {"name": "photos", "table": "photos.csv", "crs": "EPSG:4326", "kind": "street", "encoder": _FEW},
        {"name": "tiles", "chips": {"raster": "tiles/*.tif", "size_m": 2000, "grid": 1}, "encoder": _FEW},
    ],
    "models": [
        {"name": "ridge", "sources": ["tiles"]},
        {
            "name": "image",
            "sources": ["photos"],
            "options": {"backbone": "shufflenet_v2_x0_5", "size": 32, "max_pictures": 1, "max_epochs": 1},
        },
    ],
    "map_model": "ridge",
}


@pytest.fixture(scope="session")
def pictured(country_folder, tmp_path_factory):
    """Line-up of a ridge model of the tiles and a network on the photos."""
    folder = tmp_path_factory.mktemp("pictured") / "country"
    shutil.copytree(country_folder, folder)
    return open_project(folder / "project.yaml", overrides=_PICTURES)[1]
