import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.pretraining.transfer.networks import source_network
from geolivelihood.pretraining.transfer.scaling import Scaling, measure
from geolivelihood.pretraining.transfer.scenes import open_scene

from .squares import write_raster


def scene(folder, dtype, *, bands=3, low=0, high=200, nodata=None):
    values = np.linspace(low, high, bands * 400).reshape(bands, 20, 20).astype(dtype)
    return open_scene(write_raster(folder / f"{dtype}_{bands}.tif", values, nodata=nodata))


def test_bytes_and_the_statistics_of_imagenet(tmp_path):
    scaling = measure([scene(tmp_path, "uint8")], source_network("resnet18"))
    assert (scaling.low, scaling.high, scaling.mean, scaling.eight_bits) == (
        0,
        255,
        (0.485, 0.456, 0.406),
        True,
    )
    inputs = scaling.apply(np.array([0, 255, 127.5], np.float32)[:, None, None])
    np.testing.assert_allclose(inputs.ravel(), [-0.485 / 0.229, 0.544 / 0.224, 0.094 / 0.225], rtol=1e-5)


def test_sixteen_bits_are_measured_without_their_nodata(tmp_path):
    given = scene(tmp_path, "uint16", bands=8, low=100, high=2047, nodata=100)
    scaling = measure([given], source_network("resnet18", bands=8))
    assert 100 < scaling.low < 150 and 1990 < scaling.high < 2047 and not scaling.eight_bits
    assert len(scaling.mean) == len(scaling.sd) == 8 and np.diff(scaling.mean).min() > 0
    assert measure([given], source_network("resnet18", bands=8), value_range=(0, 2047)).high == 2047


def test_no_data_is_the_mean():
    scaling = Scaling(0, 10, (0.3,), (0.1,), False)
    np.testing.assert_allclose(
        scaling.apply(np.array([[[np.nan, 3, 99]]], np.float32)), [[[0, 0, 7]]], atol=1e-6
    )


def test_a_raster_of_another_kind_is_refused(tmp_path):
    scaling = measure([scene(tmp_path, "uint8")], source_network("resnet18"))
    with pytest.raises(InputError, match=r"uint16_3.tif holds uint16; the model was trained on bytes"):
        scaling.check(scene(tmp_path, "uint16"))
    with pytest.raises(InputError, match=r"has 2 bands to read and the model takes 3"):
        scaling.check(scene(tmp_path, "uint8", bands=2))
    scaling.check(scene(tmp_path, "uint8"))


def test_nothing_to_measure(tmp_path):
    flat = scene(tmp_path, "float32", low=5, high=5)
    with pytest.raises(InputError, match="the first value must be below the second"):
        measure([flat], source_network("resnet18"))
    void = scene(tmp_path, "int16", low=5, high=5, nodata=5)
    with pytest.raises(InputError, match="have no data"):
        measure([void], source_network("resnet18"))


def test_saved_and_restored():
    scaling = Scaling(1.5, 9.5, (0.25, 0.5), (0.125, 1.0), False)
    assert Scaling.restored(scaling._asdict()) == scaling
