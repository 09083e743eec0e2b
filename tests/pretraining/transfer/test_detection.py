import geopandas as gpd
import numpy as np
import pytest
import shapely
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.pretraining.transfer import PAPER_DETECTION, Detector
from geolivelihood.pretraining.transfer.crops import turned_boxes
from geolivelihood.pretraining.transfer.fitting import turned
from geolivelihood.pretraining.transfer.scores import Boxes

from .conftest import ANCHORS, SMALL
from .squares import CRS, NORTH_UP, ROTATED, country, ground, write_raster


class Bright(torch.nn.Module):
    """In place of a network: a box around the bright pixels of each window, surer the larger it is."""

    def forward(self, pixels):
        return [self.of(window) for window in pixels]

    def of(self, window):
        rows, columns = np.nonzero(window[0].numpy() > 1)
        if not len(rows):
            return {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long(), "scores": torch.zeros(0)}
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        area = (box[2] - box[0]) * (box[3] - box[1])
        scores = torch.tensor([min(0.99, area / 200)])
        return {"boxes": torch.tensor([box]).float(), "labels": torch.tensor([1]), "scores": scores}


@pytest.fixture
def bright(detector):
    """The detector with a network that is never wrong about what it sees."""
    model = clone(detector).set_params(overlap=0.5)
    model.classes_, model.scaling_, model.backbone_ = detector.classes_, detector.scaling_, detector.backbone_
    model.network_, model.loss_ = Bright(), []
    return model


def dark(height, width, boxes):
    pixels = np.full((3, height, width), 60, np.uint8)
    for left, top, right, bottom in boxes:
        pixels[:, top:bottom, left:right] = 220
    return pixels


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED])
def test_things_of_a_whole_raster_are_found_once_on_the_ground(bright, tmp_path, transform):
    boxes = np.array([[5, 6, 17, 18], [95, 40, 107, 52], [180, 114, 196, 130]])
    raster = write_raster(tmp_path / "city.tif", dark(130, 200, boxes), transform)
    found = bright.scan(raster)
    assert found.crs == CRS and found["class"].tolist() == ["roof"] * 3
    assert found["score"].is_monotonic_decreasing
    true = gpd.GeoSeries(ground(transform, boxes), crs=CRS)
    for shape in true:
        assert found.symmetric_difference(shape).area.min() < 1e-3
    assert bright.scan(raster, min_score=0.8).shape[0] == 1


def test_things_over_no_data_and_rasters_smaller_than_the_window(bright, tmp_path):
    boxes = np.array([[2, 3, 14, 15]])
    small = bright.scan(write_raster(tmp_path / "a.tif", dark(18, 20, boxes)))
    assert len(small) == 1 and small.symmetric_difference(ground(NORTH_UP, boxes)[0]).area.iloc[0] < 1e-3
    void = bright.scan(write_raster(tmp_path / "b.tif", np.zeros((3, 60, 60), np.uint8), nodata=0))
    assert not len(void) and void.crs == CRS and list(void) == ["class", "score", "geometry"]


def test_average_precision_of_a_detector_that_is_right(bright, tmp_path):
    boxes = np.array([[5, 6, 17, 18], [95, 40, 107, 52]])
    path = write_raster(tmp_path / "a.tif", dark(130, 200, boxes))
    images = gpd.GeoDataFrame(
        {"image_id": ["a"], "path": [str(path)]}, geometry=[shapely.Point(0, 0)], crs=CRS
    )
    labels = gpd.GeoDataFrame({"class": ["roof"] * 2}, geometry=ground(NORTH_UP, boxes), crs=CRS)
    labels["image_id"] = "a"
    assert bright.evaluate(images, labels) == {
        "AP50": pytest.approx(1),
        "AP50_by_class": {"roof": pytest.approx(1)},
        "images": 1,
        "labels": 2,
        "found": 2,
    }
    shifted = labels.set_geometry(labels.translate(40, 0))
    assert bright.evaluate(images, shifted)["AP50"] == 0


def test_a_trained_detector_says_where_it_looks(detector, training, tmp_path):
    images, labels = training
    found = detector.scan(images["path"].iloc[0], min_score=0.0)
    assert len(detector.loss_) == 1 and np.isfinite(detector.loss_).all()
    footprint = images.to_crs(CRS).geometry.iloc[0].buffer(0.01)
    assert found.within(footprint).all() and found["score"].between(0, 1).all()
    assert 0 <= detector.evaluate(images[:2], labels)["AP50"] <= 1


def test_rasters_that_cannot_be_scanned(bright, tmp_path):
    pixels = dark(50, 50, [])
    with pytest.raises(MissingCRSError, match="has no CRS"):
        bright.scan(write_raster(tmp_path / "a.tif", pixels, crs=None))
    with pytest.raises(InputError, match="has 1 bands to read"):
        bright.scan(write_raster(tmp_path / "b.tif", pixels[:1]))
    with pytest.raises(InputError, match=r"none.tif cannot be read"):
        bright.scan(tmp_path / "none.tif")


@given(st.integers(0, 3), st.booleans(), st.integers(0, 9), st.integers(0, 9))
def test_boxes_turn_with_their_pixels(quarters, mirrored, left, top):
    pixels = np.zeros((12, 12))
    pixels[top : top + 2, left : left + 3] = 1
    moved = turned(pixels, (quarters, mirrored))
    rows, columns = np.nonzero(moved)
    boxes = np.array([[left, top, left + 3, top + 2]], np.float32)
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert turned_boxes(boxes, (quarters, mirrored), 12)[0].tolist() == expected


def test_options_of_the_paper_are_options():
    assert Detector(**PAPER_DETECTION).get_params()["learning_rate"] == 1e-5
    assert (PAPER_DETECTION["window"], PAPER_DETECTION["crops_per_image"], PAPER_DETECTION["batch_size"]) == (
        416,
        100,
        4,
    )


def test_degenerate_boxes_are_set_aside_before_training(training):
    images, labels = training
    line = gpd.GeoDataFrame(
        {"image_id": images["image_id"][:1], "class": "roof"},
        geometry=[shapely.LineString([(500_010, 8_999_990), (500_030, 8_999_990)])],
        crs=CRS,
    )
    both = gpd.GeoDataFrame(np.concatenate([labels, line]), columns=labels.columns, crs=CRS)
    model = Detector(anchors=ANCHORS, channels=16, max_epochs=1, **SMALL | {"learning_rate": 1e-4})
    model.fit(images[:2], both.set_crs(CRS))
    assert "the label has no area" in model.rejected_["reason"].tolist()


def test_faster_rcnn_takes_a_step_and_scans(training):
    images, labels = training
    model = Detector(
        "faster_rcnn", anchors=ANCHORS, channels=16, max_epochs=1, **SMALL | {"learning_rate": 1e-4}
    ).fit(images[:2], labels)
    assert np.isfinite(model.loss_).all()
    assert isinstance(model._detected(model._raster(images["path"].iloc[0], None)), Boxes)


@pytest.mark.slow  # a detector must be trained to know anything: 120 steps
def test_squares_of_other_scenes_are_found(tmp_path):
    known, other = (
        country(tmp_path / str(seed), scenes=count, side=48, squares=2, sides=(12, 20), seed=seed)
        for seed, count in ((0, 16), (1, 6))
    )
    options = SMALL | {"window": 48, "learning_rate": 1e-3}
    model = Detector(anchors=ANCHORS, channels=64, max_epochs=30, **options).fit(*known)
    assert model.evaluate(*other)["AP50"] > 0.8
