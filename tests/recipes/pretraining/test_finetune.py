"""An encoder put to a task from a project file."""

import geopandas as gpd
import pytest
import rasterio

from geolivelihood.errors import InputError, ProjectError
from geolivelihood.pretraining import load_finetuned
from geolivelihood.recipes.pretraining import finetune_project
from geolivelihood.recipes.pretraining.data import EncoderData
from geolivelihood.recipes.pretraining.pretrain import read_encoder_project

FEW = {"folds": 2, "rounds": 1}


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
