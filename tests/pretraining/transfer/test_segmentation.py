import geopandas as gpd
import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from sklearn.base import clone

from geolivelihood.errors import Cancelled, InputError, MissingCRSError, TooManyRejectedError
from geolivelihood.pretraining.transfer import Segmenter, segmentation_loss
from geolivelihood.progress import listening

from .conftest import SCENES, SMALL
from .squares import CRS, ROTATED, country, ground, scene_pixels, write_raster


class Impatient:
    def __init__(self):
        self.steps = 0

    def stage(self, name): ...

    def step(self, done, total, text):
        self.steps += 1

    def cancelled(self):
        return self.steps > 2


def strip_of_squares(rng, count=4):
    """Scenes side by side as one raster of 32 rows, and the boxes in it."""
    parts = [scene_pixels(rng, **SCENES) for _ in range(count)]
    pixels = np.concatenate([part[0] for part in parts], axis=2)
    boxes = [boxes + np.array([32, 0, 32, 0]) * k for k, (_, boxes) in enumerate(parts)]
    return pixels, np.concatenate(boxes)


def test_squares_of_other_scenes_are_mapped(segmenter, held_out):
    scores = segmenter.evaluate(*held_out)
    assert scores["mIoU"] > 0.7 > 0.5 > scores["constant_mIoU"]
    assert scores["IoU"]["roof"] > 0.5 and scores["accuracy"] > 0.85
    assert scores["pixels"] == 4 * 32 * 32 and scores["images"] == 4
    assert segmenter.loss_[-1] < 0.5 * segmenter.loss_[0]


def test_a_whole_rotated_raster_as_cog_and_polygons(segmenter, tmp_path, rng):
    pixels, boxes = strip_of_squares(rng)
    raster = write_raster(tmp_path / "city.tif", pixels, ROTATED)
    found = segmenter.scan(raster, out=tmp_path / "classes.tif", min_area_m2=40)
    assert set(found["class"]) == {"roof"} and found.crs == CRS and found.is_valid.all()
    true = gpd.GeoSeries(ground(ROTATED, boxes), crs=CRS).union_all()
    mapped = found.union_all()
    assert mapped.intersection(true).area / mapped.union(true).area > 0.5
    with rasterio.open(tmp_path / "classes.tif") as cog:
        codes = cog.read(1)
        assert cog.transform.almost_equals(ROTATED) and cog.tags()["class_1"] == "roof"
    assert codes.shape == (32, 128) and set(np.unique(codes)) == {0, 1}
    np.testing.assert_allclose(segmenter.scan(raster)["area_m2"].sum(), 4 * (codes == 1).sum(), rtol=2e-3)


def test_no_data_stays_no_data(segmenter, tmp_path, rng):
    pixels, _ = strip_of_squares(rng, count=3)
    pixels[:, :, 50:] = 0
    segmenter.scan(write_raster(tmp_path / "a.tif", pixels, nodata=0), out=tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as cog:
        codes = cog.read(1)
    assert (codes[:, 50:] == 255).all() and (codes[:, :50] != 255).all()


def test_a_raster_smaller_than_the_window(segmenter, tmp_path, rng):
    raster = write_raster(tmp_path / "a.tif", rng.integers(40, 90, (3, 20, 30)).astype(np.uint8))
    segmenter.scan(raster, out=tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as cog:
        assert (cog.read(1) != 255).all() and cog.shape == (20, 30)


def test_rasters_that_cannot_be_mapped(segmenter, tmp_path, rng):
    pixels, _ = strip_of_squares(rng)
    with pytest.raises(MissingCRSError, match="has no CRS"):
        segmenter.scan(write_raster(tmp_path / "a.tif", pixels, crs=None))
    assert len(segmenter.scan(tmp_path / "a.tif", crs=CRS))
    with pytest.raises(InputError, match="has 2 bands to read and the model takes 3"):
        segmenter.scan(write_raster(tmp_path / "b.tif", pixels[:2]))
    with pytest.raises(InputError, match="holds uint16; the model was trained on bytes"):
        segmenter.scan(write_raster(tmp_path / "c.tif", pixels.astype(np.uint16)))
    cut = write_raster(tmp_path / "d.tif", pixels)
    cut.write_bytes(cut.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"d.tif"):
        segmenter.scan(cut, out=tmp_path / "out.tif")
    assert not (tmp_path / "out.tif").exists()


def test_somebody_asks_to_stop_and_no_file_is_left(segmenter, tmp_path, rng):
    raster = write_raster(tmp_path / "a.tif", np.tile(strip_of_squares(rng)[0], (1, 4, 1)))
    with listening(Impatient()), pytest.raises(Cancelled):
        segmenter.scan(raster, out=tmp_path / "out.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif"]


def test_the_same_seed_gives_the_same_network(training):
    images, labels = training
    options = SMALL | {"max_epochs": 1}
    one, two = (Segmenter("fcn", **options).fit(images[:4], labels) for _ in range(2))
    torch.testing.assert_close(one.network_.state_dict(), two.network_.state_dict(), rtol=0, atol=0)
    assert one.loss_ == two.loss_
    other = Segmenter("fcn", **options, random_state=1).fit(images[:4], labels)
    assert other.loss_ != one.loss_


def test_eight_bands_of_16_bits_with_two_classes_and_dice(tmp_path, rng):
    images, labels = country(tmp_path, scenes=4, **SCENES)
    for path in images["path"]:
        with rasterio.open(path) as source:
            deep, grid = np.repeat(source.read([1]), 8, axis=0).astype(np.uint16) * 8, source.transform
        write_raster(path, deep, grid, nodata=0)
    labels["class"] = np.where(np.arange(len(labels)) % 2, "roof", "tank")
    model = Segmenter("deeplabv3", dice=1.0, **SMALL | {"max_epochs": 1}).fit(images, labels)
    assert model.classes_ == ("roof", "tank") and model.scaling_.high > 255
    assert set(model.evaluate(images, labels)["IoU"]) == {"background", "roof", "tank"}


def test_constructor_options_are_plain_and_cloned():
    model = Segmenter("fcn", backbone="resnet18", window=64)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(InputError, match="dice=-1"):
        Segmenter(dice=-1).fit(None, None)
    with pytest.raises(InputError, match="max_epochs=0 is below 1"):
        Segmenter(max_epochs=0).fit(None, None)


def test_too_many_unreadable_pictures(training, tmp_path):
    images, labels = training
    broken = images.assign(path=[str(tmp_path / "none.tif"), *images["path"][1:]])
    assert Segmenter()._opened(broken)[1]["row"].tolist() == ["scene_0_0"]
    with pytest.raises(TooManyRejectedError, match=r"1 of 12 pictures.*scene_0_0: .*none.tif cannot be read"):
        Segmenter(max_rejected=0.05).fit(broken, labels)


def test_labels_of_none_of_the_pictures(training):
    images, labels = training
    with pytest.raises(InputError, match="so all is background"):
        Segmenter("fcn", **SMALL).fit(images, labels.assign(image_id="other"))


def test_loss_by_hand():
    logits = torch.tensor([[[[2.0, 0.0]], [[0.0, 0.0]]]], dtype=torch.float64)
    truth = torch.tensor([[[0, 1]]])
    entropy = (np.log1p(np.exp(-2)) + np.log(2)) / 2
    assert segmentation_loss(logits, truth).item() == pytest.approx(entropy)
    likely = 1 / (1 + np.exp(-2))
    dice = np.mean([(2 * likely + 1) / (likely + 0.5 + 1 + 1), (2 * 0.5 + 1) / (1 - likely + 0.5 + 1 + 1)])
    assert segmentation_loss(logits, truth, dice=2.0).item() == pytest.approx(entropy + 2 * (1 - dice))


def test_pixels_without_data_teach_nothing():
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    truth = torch.tensor([[[0, 255], [255, 1]]])
    segmentation_loss(logits, truth, dice=1.0).backward()
    assert (logits.grad[0, :, 0, 1] == 0).all() and (logits.grad[0, :, 0, 0] != 0).all()
    void = segmentation_loss(logits, torch.full((1, 2, 2), 255), dice=1.0)
    assert torch.isfinite(void) and void.item() == pytest.approx(0)


def test_a_turned_grid_learns_the_same_masks(tmp_path):
    """A label is burned where it lies in the picture, however the picture lies on the ground."""
    grid = Affine.translation(500_000, 9_000_000) @ Affine.rotation(77) @ Affine.scale(2, -2)
    images, labels = country(tmp_path / "turned", scenes=4, **SCENES, transform=grid)
    straight = country(tmp_path / "straight", scenes=4, **SCENES)
    options = SMALL | {"max_epochs": 1}
    turned = Segmenter("fcn", **options).fit(images, labels)
    plain = Segmenter("fcn", **options).fit(*straight)
    np.testing.assert_allclose(turned.loss_, plain.loss_, rtol=1e-2)
