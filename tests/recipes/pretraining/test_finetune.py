"""An encoder put to a task from a project file."""

import shutil

import geopandas as gpd
import pandas as pd
import pytest
import rasterio

from geolivelihood.errors import InputError, ProjectError
from geolivelihood.pretraining import load_finetuned
from geolivelihood.recipes.pretraining import finetune_project
from geolivelihood.recipes.pretraining.data import EncoderData
from geolivelihood.recipes.pretraining.finetune import _job
from geolivelihood.recipes.pretraining.pretrain import read_encoder_project

FEW = {"folds": 2, "rounds": 1}
HOUSES = {"task": "segmentation", "polygons": "houses.gpkg"}


def _job_of(path):
    project = read_encoder_project(path)
    return _job(project, project.finetune)


def test_classes_of_pictures(project):
    labels = {"column": "half", "table": "known.csv"}
    options = {"epochs": 3, "batch_size": 32, "learning_rate": 0.02}
    path = project(finetune={"task": "classification", "labels": labels, "options": options, **FEW})
    made = finetune_project(path)
    accuracy = made.table[made.table["metric"] == "accuracy"].set_index("split")["value"]
    assert set(accuracy.index) == {"random", "blocked"} and accuracy["random"] > 0.7
    assert "No pretrained encoder" in made.remarks[0]
    layer = gpd.read_file(made.layers[0], layer="images")
    assert set(layer["predicted"]) <= {"north", "south"} and len(layer) == 300
    images = EncoderData(read_encoder_project(path)).images
    again = load_finetuned(made.model).predict(images)
    assert (again == layer.set_index("image_id")["predicted"].loc[images["image_id"]]).all()


def test_masks_over_a_whole_raster(project, scene):
    task = {"task": "segmentation", "polygons": "houses.gpkg", "scan": ["dates/date_2.tif"]}
    options = {"window": 32, "max_epochs": 2, "crops_per_image": 2, "batch_size": 4}
    images = {"windows": {"raster": "dates/date_[01].tif", "size_px": 80}}
    made = finetune_project(project(images=images, finetune=task | FEW | {"options": options}))
    iou = made.table[made.table["metric"] == "mIoU"]["value"]
    assert len(iou) == 2 and iou.between(0, 1).all()
    raster, layer = made.layers
    with rasterio.open(raster) as cog, rasterio.open(scene / "dates" / "date_2.tif") as source:
        assert cog.shape == source.shape and cog.crs == source.crs
    assert gpd.list_layers(layer)["name"].tolist()[0] == "found"


def test_a_raster_to_scan_is_looked_at_before_any_work(project, scene, tmp_path):
    def scanning(*rasters, **options):
        drawn = {"task": "segmentation", "polygons": "houses.gpkg", "scan": list(rasters), **FEW}
        return project(finetune=drawn | {"scan_options": options})

    one = "dates/date_2.tif"
    shutil.copytree(scene / "dates", tmp_path / "again")
    with pytest.raises(InputError, match="No such file"):
        finetune_project(scanning("dates/none.tif"))
    with pytest.raises(ProjectError, match="unknown option 'min_score'; there are: min_area_m2, crs"):
        finetune_project(scanning(one, min_score=0.5))
    with pytest.raises(ProjectError, match="two rasters are named 'date_2'"):
        finetune_project(scanning(one, str(tmp_path / "again" / "date_2.tif")))
    with pytest.raises(ProjectError, match="the result would replace"):
        finetune_project(scanning(str(tmp_path / "again" / "date_2.tif")), overrides={"out": "again"})


def test_bands_range_and_leniency_of_the_project_reach_the_model(project):
    images = {
        "windows": {"raster": "dates/date_0.tif", "size_px": 80},
        "bands": [3, 2, 1],
        "value_range": [10, 200],
    }
    job = _job_of(project(images=images, max_rejected=0.3, finetune=HOUSES))
    assert job.model().bands == [3, 2, 1] and job.model().value_range == (10, 200)
    assert job.model().max_rejected == 0.3


def test_one_band_is_learned_from_too(project):
    labels = {"column": "east", "table": "known.csv"}
    images = {"windows": {"raster": "dates/date_0.tif", "size_px": 16}, "bands": [1]}
    task = {"task": "regression", "labels": labels, "options": {"epochs": 1}, **FEW}
    made = finetune_project(project(images=images, finetune=task))
    assert load_finetuned(made.model).card_["bands"] == [1]


def test_one_label_for_all_and_a_training_that_diverges_are_refused(project, tmp_path, scene):
    pd.read_csv(scene / "known.csv").assign(same=1.5).to_csv(tmp_path / "same.csv", index=False)
    task = {"task": "regression", "labels": {"column": "same", "table": str(tmp_path / "same.csv")}, **FEW}
    with pytest.raises(InputError, match=r"All 300 labels 'same' are 1\.5"):
        finetune_project(project(finetune=task))
    wild = {"epochs": 1, "batch_size": 300, "learning_rate": 1e30}
    labels = {"column": "east", "table": "known.csv"}
    with pytest.raises(InputError, match="diverged"):
        finetune_project(project(finetune=task | {"labels": labels, "options": wild}))


def test_what_is_missing_is_said(project):
    with pytest.raises(ProjectError, match="says nothing of 'finetune'"):
        finetune_project(project())
    polygons = {"task": "detection", "polygons": "houses.gpkg"}
    with pytest.raises(ProjectError, match="unknown option 'epochs'"):
        finetune_project(project(finetune=polygons | {"options": {"epochs": 3}}))
    with pytest.raises(ProjectError, match="no column 'sort'; it has: kind"):
        finetune_project(project(finetune=polygons | {"column": "sort", **FEW}))
    with pytest.raises(InputError, match="does not exist"):
        finetune_project(project(encoder_folder="nowhere", finetune=polygons))
    with pytest.raises(ProjectError, match="xview and spacenet bring their own"):
        finetune_project(project(finetune={"task": "detection", **FEW}))
