"""Pictures are read once, and cropped as published."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.features.feeding import Feeding
from geolivelihood.pretraining.labelled_pictures import LabelledPictures

RAW = Feeding(normalise="none")


@pytest.fixture
def path(tmp_path):
    ramp = np.broadcast_to(np.arange(40, dtype=np.uint8)[None, :, None] * 4, (16, 40, 3))
    Image.fromarray(np.ascontiguousarray(ramp)).save(tmp_path / "wide.png")
    return str(tmp_path / "wide.png")


def test_short_side_is_the_size_and_the_crop_is_central_or_random(path):
    with LabelledPictures([path], size=16, feeding=RAW) as pictures:
        whole = pictures.inputs(np.array([0]))
        assert whole.shape == (1, 3, 16, 16)
        assert whole[0, 0, 0].tolist() == [4.0 * k for k in range(12, 28)]
        lefts = set()
        for seed in range(40):
            crop = pictures.inputs(np.array([0]), generator=torch.Generator().manual_seed(seed))
            lefts.add(int(crop[0, 0, 0, 0]) // 4)
            assert torch.equal(crop[0, 0, 0].diff(), torch.full((15,), 4.0))
        assert min(lefts) <= 2 and max(lefts) >= 22 and max(lefts) <= 24


def test_small_and_large_pictures_are_resized(path, tmp_path):
    with LabelledPictures([path], size=8, feeding=RAW) as pictures:
        assert pictures.inputs(np.array([0])).shape == (1, 3, 8, 8)
    with LabelledPictures([path], size=32, feeding=RAW) as pictures:
        assert pictures.inputs(np.array([0])).shape == (1, 3, 32, 32)


def test_unreadable_ones_are_set_aside(path, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    table = pd.DataFrame({"path": [path, str(tmp_path / "broken.png"), path]})
    with LabelledPictures(table, size=16, feeding=RAW, max_rejected=0.5) as pictures:
        assert pictures.rows.tolist() == [0, 2] and pictures.count == 3
        assert pictures.rejected["row"].tolist() == [1]
        assert len(pictures.inputs(np.array([1, 0, 1]))) == 3
    with pytest.raises(TooManyRejectedError, match="1 of 3 pictures"):
        LabelledPictures(table, size=16, feeding=RAW)


def test_bad_tables():
    with pytest.raises(InputError, match="no pictures"):
        LabelledPictures([], size=16, feeding=RAW)
    with pytest.raises(MissingColumnError, match="lacks path"):
        LabelledPictures(pd.DataFrame({"file": ["a"]}), size=16, feeding=RAW)
