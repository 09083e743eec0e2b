from __future__ import annotations

import pandas as pd
import pytest
import torch

from geolivelihood.errors import InputError
from geolivelihood.pretraining.batch_saver import load_batch, save_batch
from geolivelihood.pretraining.views import ViewBatch


def test_batch_comes_back_as_it_was(tmp_path):
    images = pd.DataFrame({"image_id": list("abcd")})
    views = torch.rand(2, 2, 3, 4, 4)
    views[0, 0, 0, 0, 0] = torch.nan
    batch = ViewBatch(views[0], views[1], torch.tensor([3, 0]), torch.tensor([1, 0]))
    path = save_batch(tmp_path / "broken", batch, images, where={"epoch": 2, "loss": "nan"})
    assert path.name == "broken.safetensors"
    saved = load_batch(tmp_path / "broken")
    for one, other in zip(saved.batch, batch):
        torch.testing.assert_close(one, other, equal_nan=True)
    assert (saved.query_ids, saved.key_ids) == (["d", "a"], ["b", "a"])
    assert saved.where == {"epoch": 2, "loss": "nan"}


def test_missing_half_is_named(tmp_path):
    with pytest.raises(InputError, match=r"broken\.safetensors does not exist"):
        load_batch(tmp_path / "broken")
