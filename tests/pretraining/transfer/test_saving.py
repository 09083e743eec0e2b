import json

import numpy as np
import pytest
import torch

from geolivelihood.errors import InputError, MissingCRSError, OutputError
from geolivelihood.pretraining.transfer import Detector, Segmenter, load, save


def test_a_segmenter_maps_as_it_did(segmenter, held_out, tmp_path):
    images, labels = held_out
    scores = segmenter.evaluate(images, labels)
    folder = save(segmenter, tmp_path / "model", extent=images, metrics=[{"split": "held out"} | scores])
    again = load(folder)
    assert isinstance(again, Segmenter) and again.classes_ == segmenter.classes_
    assert again.evaluate(images, labels) == scores
    torch.testing.assert_close(again.network_.state_dict(), segmenter.network_.state_dict(), rtol=0, atol=0)
    card = json.loads((folder / "card.json").read_text())
    assert card["metrics"][0]["split"] == "held out" and card["extent"]["type"] == "Polygon"
    assert card["state"]["backbone"] == {"architecture": "resnet18", "bands": 3, "weights": "random"}
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.safetensors"]


def test_a_detector_finds_as_it_did(detector, held_out, tmp_path):
    path = held_out[0]["path"].iloc[0]
    again = load(save(detector, tmp_path / "model"))
    assert isinstance(again, Detector)
    found, expected = (model.scan(path, min_score=0.0) for model in (again, detector))
    np.testing.assert_array_equal(found["score"], expected["score"])
    assert found.geometry.geom_equals(expected.geometry).all()


def test_nothing_of_yours_is_replaced(segmenter, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists and holds no model"):
        save(segmenter, tmp_path)
    save(segmenter, tmp_path / "model")
    save(segmenter, tmp_path / "model")  # a model is


def test_what_cannot_be_saved(segmenter, held_out, tmp_path):
    with pytest.raises(InputError, match="not fitted"):
        save(Segmenter(), tmp_path / "model")
    with pytest.raises(MissingCRSError, match="extent has no CRS"):
        save(segmenter, tmp_path / "model", extent=held_out[0].set_crs(None, allow_override=True))
    with pytest.raises(InputError, match="cannot be written as JSON"):
        save(segmenter, tmp_path / "model", metrics=[{"mIoU": float("nan")}])
    assert not (tmp_path / "model").exists()


def test_damaged_folders_are_told(segmenter, tmp_path):
    folder = save(segmenter, tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    with pytest.raises(InputError, match="holds no model"):
        load(tmp_path / "none")

    def rewritten(**changes):
        (folder / "card.json").write_text(json.dumps(card | changes))

    rewritten(model="RidgeRegressor")
    with pytest.raises(
        InputError, match=r"names the model 'RidgeRegressor'. Known here are Detector, Segmenter"
    ):
        load(folder)
    rewritten(state=card["state"] | {"classes": ["roof", "tree"]})
    with pytest.raises(InputError, match=r"do not fit the network of the card: head"):
        load(folder)
    rewritten(state={})
    with pytest.raises(InputError, match="does not hold a usable Segmenter: KeyError"):
        load(folder)
    rewritten()
    tensors = folder / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-8])
    with pytest.raises(InputError, match="another hash"):
        load(folder)
