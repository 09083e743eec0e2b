"""A project names a pretrained encoder by its folder."""

import json

import pytest

from geolivelihood.errors import InputError
from geolivelihood.features import headless, save_pretrained

pytestmark = pytest.mark.xdist_group("recipes")

CARD = {"architecture": "resnet18", "bands": 3, "size": 32, "normalise": "minmax"}


@pytest.fixture
def folder(opened, request):
    data, _ = opened()
    name = request.node.name.translate(str.maketrans("[]", "__"))
    return save_pretrained(data.project.folder / name, headless("resnet18", size=32, seed=1)[0], CARD)


@pytest.mark.parametrize("short", [True, False])
def test_encoder_is_the_folder_in_the_projects_data(opened, folder, short):
    chosen = folder.name if short else {"name": folder.name, "options": {"fit": "crop"}}
    data, _ = opened(**{"images.1.encoder": chosen})
    made = data.build_encoder("tiles")
    assert (made.name, made.size, made.feeding.normalise) == ("resnet18", 32, "minmax")
    assert made.reading.fit == ("squash" if short else "crop")


def test_vectors_are_made_anew_when_the_folder_changes(opened, folder):
    def key():
        return opened(**{"images.1.encoder": folder.name})[0].features_stage("tiles").key

    before = key()
    assert key() == before
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"fit": "crop"}))
    fed_otherwise = key()
    save_pretrained(folder, headless("resnet18", size=32, seed=2)[0], CARD)
    assert len({before, fed_otherwise, key()}) == 3


def test_folder_without_an_encoder_is_refused_by_its_name(opened):
    with pytest.raises(InputError, match=r"Unknown encoder 'nowhere/encoder'.*folders of pretrained"):
        opened(**{"images.1.encoder": "nowhere/encoder"})


def test_damaged_folder_is_refused_before_any_work(opened, folder):
    (folder / "weights.safetensors").unlink()
    with pytest.raises(InputError, match="missing or unreadable"):
        opened(**{"images.1.encoder": folder.name})
