"""Operations on a project file: its inputs, a model, its predictions, the scores."""

import pandas as pd
import pytest
import pyogrio

from geolivelihood.errors import InputError, ProjectError

SET = {
    "models": ["mean", "ridge"],
    "map_model": "ridge",
    "images": [{"name": "photos", "table": "photos.csv", "crs": "EPSG:4326", "encoder": {"name": "summary"}}],
    "cells.resolution": 6,
    "validation.folds": 3,
    "validation.bootstrap": 200,
    "validation.splits": ["random", "blocked"],
    "uncertainty": "none",
}


def test_check_tells_rows_and_reasons(ask, country, tmp_path):
    made = ask("check_inputs", tmp_path / "c.csv", project=country.project, set=SET)
    table = pd.read_csv(tmp_path / "c.csv")
    assert list(table.columns) == ["stage", "row", "column", "reason"] and len(table) == made["rejected"] == 2
    assert {one["table"] for one in made["tables"]} == {"clusters", "regions", "cells", "photos"}
    assert "clusters: 58 rows" in made["said"] and "can be run" in made["said"]


def test_check_lists_the_faults_of_the_file(ask, tmp_path):
    (tmp_path / "p.yaml").write_text("name: a b\nimage: []\n", encoding="utf-8")
    with pytest.raises(ProjectError, match="unknown key"):
        ask("check_inputs", tmp_path / "c.csv", project=tmp_path / "p.yaml")
    assert not (tmp_path / "c.csv").exists()


def test_a_trained_model_predicts_and_models_are_scored(ask, country, tmp_path):
    trained = ask("train", tmp_path / "model", project=country.project, set=SET)
    assert trained["trained"] == "ridge" and (tmp_path / "model").is_dir()
    told = {"project": country.project, "set": SET}
    made = ask("predict", tmp_path / "p.gpkg", model=tmp_path / "model", **told)
    cells = pyogrio.read_dataframe(tmp_path / "p.gpkg", layer="cells", read_geometry=False)
    assert cells["wealth"].notna().any() and made["layers"][0]["name"] == "cells"
    scored = ask("validate", tmp_path / "s.csv", **told)
    scores = pd.read_csv(tmp_path / "s.csv")
    assert set(scores["split"]) == {"random", "blocked"} and set(scores["model"]) == {"mean", "ridge"}
    assert "wealth, ridge, blocked: r²" in scored["said"]


def test_an_unknown_model_names_those_that_are(ask, country, tmp_path):
    with pytest.raises(InputError, match="no model 'forest'; there are: mean, ridge"):
        ask("train", tmp_path / "m", project=country.project, set=SET, model="forest")
