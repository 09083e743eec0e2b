"""From clusters and pictures to a map: the project that answers make, and that it runs again."""

import tempfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import yaml

from geolivelihood.errors import InputError
from geolivelihood.recipes import read_project, run_project
from geolivelihood.recipes.assembly import Answers, write_project
from geolivelihood.recipes.places import Source

CRS = "EPSG:4326"


def layer(path, name=None):
    return {"path": str(path), "layer": name}


@pytest.fixture
def answers(country):
    """What a beginner answers; the country's own files."""

    def _answers(**more):
        given = {
            "clusters": Source(country.clusters, None, CRS),
            "pictures": "photos_table",
            "photos": Source(country.photos, None, CRS),
            "indicators": ["wealth"],
            "resolution": 7,
            "models": ["mean", "knn", "ridge"],
        }
        return Answers(**(given | more))

    return _answers


def _content(project):
    return yaml.safe_load(project.read_text(encoding="utf-8"))


def test_a_map_and_the_same_from_its_project(ask, country, tmp_path):
    out = tmp_path / "carte é" / "ma carte.gpkg"
    told = {"clusters": layer(country.clusters), "pictures": "photos_table", "photos": layer(country.photos)}
    told |= {"indicators": ["wealth"], "models": ["mean", "ridge"], "encoder": "summary", "resolution": 6}
    told |= {"folds": 3, "splits": ["random"], "explanations": False, "label": "Wealth (sd)"}
    told |= {"displaced": "dhs", "title": "Une île: été"}
    made = ask("clusters_to_map", out, **told)
    project = out.with_name("ma carte.project.yaml")
    assert made["outputs"]["project"] == str(project) and made["outputs"]["geopackage"] == str(out)
    assert {"cells", "clusters", "images"} <= {one["name"] for one in made["layers"]}
    read = read_project(project)
    assert read.name == "ma_carte" and read.validation.splits == ["random", "blocked"]
    assert read.output.labels == {"wealth": "Wealth (sd)"} and read.map_model == "ridge"
    again = run_project(project, out=tmp_path / "again.gpkg").geopackage
    first, second = (gpd.read_file(path, layer="cells")["wealth"] for path in (out, again))
    assert first.notna().any() and np.allclose(first, second, equal_nan=True)


def test_answers_make_the_sections_of_a_project(answers, country, tmp_path):
    told = {"regions": Source(country.regions), "region_name": "name", "folds": 4, "buffer_m": 1000.0}
    content = _content(write_project(answers(displaced="dhs", **told), tmp_path / "m.gpkg"))
    assert content["displacement"] == "dhs" and content["cells"] == {
        "resolution": 7,
        "extent": "data",
        "rings": 1,
    }
    assert content["validation"] == {"folds": 4, "buffer_m": 1000.0}
    assert content["images"][0]["encoder"] == {"name": "rcf"} and content["out"] == "m.run"
    assert content["regions"]["name"] == "name"


def test_paths_are_relative_nearby(answers, country, tmp_path):
    near = write_project(answers(), country.folder / "maps" / "m.gpkg")
    assert _content(near)["images"][0]["table"] == "../photos.csv"
    far = write_project(answers(), tmp_path / "a" / "b" / "c" / "m.gpkg")
    assert _content(far)["clusters"]["path"] == country.clusters.as_posix()


def test_nothing_is_overwritten(answers, tmp_path):
    first = write_project(answers(), tmp_path / "m.gpkg")
    assert write_project(answers(), tmp_path / "m.gpkg") == first
    other = write_project(answers(folds=3), tmp_path / "m.gpkg")
    assert other.name == "m.project-2.yaml" and _content(first)["validation"]["folds"] == 5


def test_what_would_soon_be_gone_is_copied(answers, country, tmp_path, monkeypatch):
    passing = tmp_path / "temporary"
    passing.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(passing))
    table = passing / "auswahl.csv"
    table.write_bytes(country.clusters.read_bytes())
    project = write_project(answers(clusters=Source(table, None, CRS)), tmp_path / "out" / "m.gpkg")
    assert _content(project)["clusters"]["path"] == "m.inputs/auswahl.csv"
    assert (tmp_path / "out/m.inputs/auswahl.csv").read_bytes() == table.read_bytes()


def test_tiles_are_read_by_their_names_or_as_geotiffs(answers, country, tmp_path):
    from PIL import Image

    for name in ("73703-129770-18.jpg", "73704-129770-18.jpg"):
        (tmp_path / "tiles").mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "tiles" / name)
    content = _content(
        write_project(answers(pictures="tiles", tiles=tmp_path / "tiles"), tmp_path / "a.gpkg")
    )
    assert content["images"][0]["scheme"] == "x-y-z"
    folder = country.tiles[0].parent
    content = _content(write_project(answers(pictures="tiles", tiles=folder), tmp_path / "b.gpkg"))
    assert "geotiffs" in content["images"][0]


def test_rasters_of_one_kind_are_pieces_of_one_picture(answers, country, tmp_path):
    told = {"pictures": "raster", "rasters": [*country.tiles, country.population]}
    content = _content(write_project(answers(**told), tmp_path / "m.gpkg"))
    pieces, people = content["images"]
    assert len(pieces["chips"]["raster"]) == len(country.tiles) and people["name"] == "population"
    assert pieces["chips"]["size_m"] == 2000.0 and pieces["encoder"] == {"name": "summary"}
    regions = {"regions": Source(country.regions), "region_name": "name"}
    content = _content(write_project(answers(**told, **regions), tmp_path / "n.gpkg"))
    assert content["cells"] == {"resolution": 7, "extent": "regions"}


def test_rows_without_ids_are_numbered(answers, country, tmp_path):
    pd.read_csv(country.clusters).drop(columns="cluster_id").to_csv(tmp_path / "c.csv", index=False)
    content = _content(
        write_project(answers(clusters=Source(tmp_path / "c.csv", None, CRS)), tmp_path / "m.gpkg")
    )
    assert content["clusters"]["numbered"] is True
    content = _content(write_project(answers(cluster_id="wealth"), tmp_path / "n.gpkg"))
    assert (
        content["clusters"]["columns"] == {"wealth": "cluster_id"} and "numbered" not in content["clusters"]
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"photos": None}, "choose the table of photos"),
        ({"pictures": "photos_folder"}, "choose the folder of photos"),
        ({"pictures": "raster"}, "one raster or several"),
        ({"regions": Source("districts.geojson")}, "field of the regions with their names"),
        ({"indicators": []}, "at least one indicator"),
        ({"indicators": ["welth"]}, "Did you mean 'wealth'"),
    ],
)
def test_answers_that_do_not_fit_say_what_to_choose(answers, tmp_path, change, said):
    with pytest.raises(InputError, match=said):
        write_project(answers(**change), tmp_path / "m.gpkg")
    assert list(tmp_path.iterdir()) == []


def test_displaced_clusters_need_urban(answers, country, tmp_path):
    pd.read_csv(country.clusters).drop(columns="urban").to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(InputError, match="Displaced clusters need the field"):
        write_project(
            answers(clusters=Source(tmp_path / "c.csv", None, CRS), displaced="dhs"), tmp_path / "m.gpkg"
        )


def test_millions_of_cells_are_refused(answers, country, tmp_path):
    told = {"pictures": "raster", "rasters": country.tiles, "regions": Source(country.regions)}
    with pytest.raises(InputError, match="coarser resolution"):
        write_project(answers(**told, region_name="name", resolution=12), tmp_path / "m.gpkg")
