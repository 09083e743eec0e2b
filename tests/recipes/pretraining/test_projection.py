"""The picture of embeddings, and the files of TensorBoard's projector."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.manifold import TSNE

from geolivelihood.errors import InputError
from geolivelihood.recipes.pretraining.projection import draw_projection, project_embeddings


@pytest.fixture
def blobs(rng):
    place = np.repeat(np.arange(3), 15)
    return rng.normal(size=(3, 8))[place] * 4 + rng.normal(size=(45, 8)), place


def test_layout_is_the_published_one_and_can_be_made_again(blobs):
    X, place = blobs
    made = project_embeddings(X, perplexity=10, random_state=3)
    told = made.parameters
    assert (told["perplexity"], told["learning_rate"], told["init"]) == (10, 50, "pca")
    peer = TSNE(
        perplexity=told["perplexity"],
        init=told["init"],
        max_iter=told["iterations"],
        random_state=told["random_state"],
    )
    np.testing.assert_allclose(made.coordinates, peer.fit_transform(X))
    assert peer.learning_rate_ == told["learning_rate"]
    spots = made.coordinates
    centres = np.stack([spots[place == k].mean(axis=0) for k in range(3)])
    near = ((spots[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (near == place).mean() > 0.9


def test_learning_rate_and_perplexity_follow_the_number_of_pictures(rng):
    few = project_embeddings(rng.normal(size=(7, 3))).parameters
    assert few["perplexity"] == 2 and few["learning_rate"] == 50
    assert project_embeddings(rng.normal(size=(4, 1))).parameters["init"] == "random"


def test_picture_and_tables(blobs, tmp_path):
    X, place = blobs
    colours = {"place": np.array(["a", "b", "c"])[place], "wealth": np.r_[np.nan, np.linspace(-1, 2, 44)]}
    ids = [f"i{k}" for k in range(45)]
    path = draw_projection(X, colours, tmp_path / "out", ids=ids, seed=1)
    assert path == tmp_path / "out" / "projection.png" and Image.open(path).width > 600
    table = pd.read_csv(tmp_path / "out" / "projection.csv")
    assert list(table.columns) == ["image_id", "tsne_1", "tsne_2", "place", "wealth"] and len(table) == 45
    told = json.loads((tmp_path / "out" / "projection.json").read_text())
    assert told["random_state"] == 1 and told["n"] == 45
    again = draw_projection(X, colours, tmp_path / "again", ids=ids, seed=1)
    assert again.read_bytes() == path.read_bytes()


def test_projector_reads_its_files(blobs, tmp_path, rng):
    projector = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    text_format = pytest.importorskip("google.protobuf.text_format")
    X, place = blobs
    for k in range(45):
        Image.fromarray(np.full((20, 30, 3), 5 * k, np.uint8)).save(tmp_path / f"{k}.png")
    (tmp_path / "44.png").write_bytes(b"")
    images = pd.DataFrame({"image_id": [f"i{k}" for k in range(45)], "path": [f"{k}.png" for k in range(45)]})
    shuffled = images.sample(frac=1, random_state=0)
    words = [f"line\nhere{k}" for k in place]
    folder = tmp_path / "out"
    draw_projection(X, {"words": words}, folder, ids=images["image_id"], images=shuffled, root=tmp_path)
    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), projector.ProjectorConfig())
    (embedding,) = config.embeddings
    assert list(embedding.sprite.single_image_dim) == [64, 64]
    np.testing.assert_allclose(np.loadtxt(folder / embedding.tensor_path, delimiter="\t"), X, rtol=1e-4)
    lines = (folder / embedding.metadata_path).read_text().splitlines()
    assert lines[0] == "image_id\twords" and lines[1] == "i0\tline here0" and len(lines) == 46
    sprite = np.asarray(Image.open(folder / embedding.sprite.image_path))
    assert sprite.shape == (7 * 64, 7 * 64, 3)
    assert sprite[64 + 10, 2 * 64 + 10, 0] == 5 * 9  # the tenth picture, second row, third column
    assert sprite[6 * 64 + 5, 2 * 64 + 5, 0] == 210  # unreadable


def test_many_places_are_the_commonest_and_the_others(tmp_path, rng):
    place = np.array([f"p{k}" for k in rng.integers(0, 30, 80)])
    path = draw_projection(rng.normal(size=(80, 4)), {"place": place}, tmp_path, ids=range(80))
    assert path.exists() and pd.read_csv(tmp_path / "projection.csv")["place"].nunique() == len(set(place))


@pytest.mark.parametrize(
    ("X", "colours", "ids", "said"),
    [
        (np.ones((9, 3)), {"a": range(9)}, range(9), "collapsed"),
        (np.ones((3, 3)), {"a": range(3)}, range(3), "at least four"),
        (np.full((9, 3), np.nan), {"a": range(9)}, range(9), "not finite"),
        (np.eye(9), {"a": range(8)}, range(9), "another length"),
        (np.eye(9), {}, range(9), "at least one colouring"),
        (np.eye(9), {"a": range(9)}, range(3), "an id for each"),
    ],
)
def test_bad_input(tmp_path, X, colours, ids, said):
    with pytest.raises(InputError, match=said):
        draw_projection(X, colours, tmp_path / "out", ids=ids)
    assert not (tmp_path / "out").exists()


def test_pictures_that_are_not_in_the_table(tmp_path, rng):
    images = pd.DataFrame({"image_id": ["a"], "path": ["a.png"]})
    with pytest.raises(InputError, match=r"3 of 4 embedded pictures are not in images"):
        draw_projection(rng.normal(size=(4, 2)), {"x": range(4)}, tmp_path, ids=list("abcd"), images=images)
    with pytest.raises(InputError, match="perplexity=0"):
        project_embeddings(rng.normal(size=(9, 2)), perplexity=0)
