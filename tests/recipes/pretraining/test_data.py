"""Pictures, places and labels of a project of encoders."""

import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import InputError, MissingColumnError, ProjectError
from geolivelihood.recipes.pretraining.data import EncoderData, folds
from geolivelihood.recipes.pretraining.pretrain import read_encoder_project
from geolivelihood.recipes.pretraining.settings import Labels


def data(path):
    return EncoderData(read_encoder_project(path))


def test_windows_of_all_dates_know_their_places(project):
    images = data(project()).images
    assert len(images) == 300 and images["place_id"].nunique() == 100
    assert data(project()).bands == 3


def test_labels_are_joined_by_id_and_say_what_they_are(project, scene):
    found = data(project())
    east = found.target(Labels(column="east", table="known.csv"))
    half = found.target(Labels(column="half", table="known.csv"))
    assert (east.task, half.task) == ("regression", "classification")
    assert east.known.all() and set(half.values) == {"north", "south"}
    with pytest.raises(InputError, match="is to be a number, but says 'north'"):
        found.target(Labels(column="half", table="known.csv", task="regression"))
    with pytest.raises(MissingColumnError, match=r"no column 'eest'\. Did you mean 'east'"):
        found.target(Labels(column="eest", table="known.csv"))
    with pytest.raises(InputError, match="No picture has a value of 'east'"):
        found.target(Labels(column="east", table="known.csv", key="place_id", table_key="image_id"))


def test_a_label_that_stands_twice_is_refused(project, scene, tmp_path):
    table = pd.read_csv(scene / "known.csv")
    pd.concat([table, table.head(1)]).to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(InputError, match="stands twice"):
        data(project()).target(Labels(column="east", table=str(tmp_path / "twice.csv")))


def test_no_fold_has_a_place_on_both_sides(project):
    images = data(project()).images
    for found in folds(images, 4, seed=0).values():
        tested = np.concatenate([test for _, test in found])
        assert len(np.unique(tested)) == len(tested)
        for train, test in found:
            assert not set(images["place_id"].iloc[train]) & set(images["place_id"].iloc[test])


def test_numbers_may_be_classes(project, scene, tmp_path):
    table = pd.read_csv(scene / "known.csv").assign(code=7.0, share=0.5)
    table.loc[0, "code"] = np.nan
    table.to_csv(tmp_path / "codes.csv", index=False)
    labels = {"table": str(tmp_path / "codes.csv"), "task": "classification"}
    images = data(project())
    codes = images.target(Labels(column="code", **labels))
    assert codes.values.dropna().unique().tolist() == ["7"] and codes.known.sum() == 299
    assert images.target(Labels(column="share", **labels)).values.unique().tolist() == ["0.5"]


def test_more_folds_than_places_are_refused(project):
    few = data(project()).images.iloc[:3]
    with pytest.raises(InputError, match="5 folds of 3 places"):
        folds(few, 5, seed=0)


def test_chips_bring_the_columns_of_their_places(project, scene, tmp_path):
    places = pd.DataFrame(
        {"town": ["a", "b"], "wealth": [1.0, 2.0], "lon": [37.35, 37.4], "lat": [-1.9, -1.95]}
    )
    places.to_csv(tmp_path / "towns.csv", index=False)
    images = {
        "chips": {"raster": "dates/date_0.tif", "size_px": 16},
        "around": {"path": str(tmp_path / "towns.csv"), "id": "town", "crs": "EPSG:4326"},
    }
    found = data(project(images=images))
    assert found.images["place_id"].tolist() == ["a", "b"]
    assert found.target(Labels(column="wealth")).values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"images": {"tiles": "t", "photos": "p"}}, "give exactly one of collection, table"),
        ({"images": {"collection": "fmow"}}, "belong together"),
        ({"images": {"chips": {"raster": "a.tif", "size_px": 8}}}, "belong together"),
        ({"pretraining": {"method": "rank_n_contrast"}}, "needs 'target'"),
        ({"pretraining": {"target": [{"column": "a"}]}}, "learns without labels"),
        ({"pretraining": {"pairs": {"min_gap_days": 3}}}, "need 'temporal: true'"),
        ({"pretraining": {"epoch": 3}}, "did you mean 'epochs'"),
        ({"finetune": {"task": "segmentation", "labels": {"column": "a"}}}, "learns from 'polygons'"),
        ({"finetune": {"task": "regression"}}, "learns from 'labels"),
    ],
)
def test_faults_of_a_project_are_named(project, sections, message):
    with pytest.raises(ProjectError, match=message):
        read_encoder_project(project(**sections))


def test_an_unknown_collection_is_told_with_those_there_are(project, scene):
    path = project(images={"collection": "fmo", "path": "."})
    with pytest.raises(InputError, match="no collection 'fmo'; there are: fmow, geoimagenet"):
        _ = data(path).images
