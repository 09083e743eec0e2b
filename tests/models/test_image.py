from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.base import clone

from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.features import headless
from geolivelihood.models import ImageClassifier, ImageRegressor
from geolivelihood.models.image_network import cluster_mean
from geolivelihood.models.picture_batches import PictureBatches, PictureStore

SMALL = {"size": 32, "max_epochs": 4, "max_pictures": 2, "device": "cpu", "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """30 clusters of one to three flat pictures, brighter where the label is higher."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    X, y = [], np.linspace(0, 1, 30)[random.permutation(30)]
    for cluster, level in enumerate(y):
        paths = []
        for number in range(1 + cluster % 3):
            pixels = np.clip(random.normal(40 + 170 * level, 10, (40, 48, 3)), 0, 255).astype(np.uint8)
            paths.append(str(folder / f"{cluster}_{number}.png"))
            Image.fromarray(pixels).save(paths[-1])
        X.append(paths)
    return X, y


@pytest.fixture(scope="module")
def model(pictures):
    X, y = pictures
    return ImageRegressor(**SMALL | {"max_epochs": 8, "augment": False}).fit(X, 1000 * y)


def test_learns_brightness_in_the_targets_unit(pictures, model):
    X, y = pictures
    assert np.corrcoef(model.predict(X), y)[0, 1] > 0.8
    assert 200 < model.predict(X).mean() < 800


def test_clusters_are_the_mean_of_their_pictures(pictures, model):
    X, _ = pictures
    single = model.predict([[path] for path in X[2]])
    assert model.predict([X[2]])[0] == pytest.approx(single.mean(), rel=1e-4)


def test_the_same_seed_gives_the_same_predictions(pictures):
    X, y = pictures
    model = ImageRegressor(**SMALL | {"max_epochs": 1})
    first, second = (clone(model).fit(X[:12], y[:12]).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_frozen_backbones_keep_their_weights(pictures):
    X, y = pictures
    model = ImageRegressor(freeze=True, **SMALL | {"max_epochs": 1}).fit(X[:12], y[:12])
    fresh = model._network(1, weights="random")
    for name, weight in model.network_.backbone.named_parameters():
        assert torch.equal(weight, fresh.backbone.get_parameter(name)), name
    assert not torch.equal(model.network_.head.weight, fresh.head.weight)


def test_training_starts_from_given_weights_and_keeps_batch_normalisation(pictures, tmp_path):
    X, y = pictures
    network, _ = headless("resnet18", size=32, seed=7)
    file = tmp_path / "weights.safetensors"
    save_file(network.state_dict(), file)
    frozen = ImageRegressor(weights=str(file), freeze=True, **SMALL | {"max_epochs": 1}).fit(X[:12], y[:12])
    backbone = frozen.network_.backbone
    assert torch.equal(backbone.conv1.weight, network.conv1.weight)
    assert isinstance(backbone.bn1, torch.nn.BatchNorm2d)
    with pytest.raises(InputError, match="no weights file"):
        ImageRegressor(weights=str(tmp_path / "absent.pth"), **SMALL).fit(X[:12], y[:12])


def test_probabilities_are_averaged_over_pictures(pictures):
    X, y = pictures
    labels = np.where(y > 0.5, "rich", "poor")
    model = ImageClassifier(**SMALL | {"max_epochs": 6, "augment": False}).fit(X, labels)
    shares = model.predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    single = model.predict_proba([[path] for path in X[2]])
    np.testing.assert_allclose(shares[2], single.mean(axis=0), atol=1e-4)
    assert (model.predict(X) == labels).mean() > 0.8


def test_mean_of_probabilities_is_not_mean_of_logits():
    out = torch.log_softmax(torch.tensor([[4.0, 0.0], [0.0, 1.0]]), dim=1)
    mean = cluster_mean(out, torch.tensor([0, 0]), 1, probabilities=True)
    torch.testing.assert_close(mean.exp(), out.exp().mean(dim=0, keepdim=True))


def test_features_are_what_the_head_sees_and_places_are_means(pictures, model, tmp_path):
    X, _ = pictures
    features = model.features([*X[:4], []])
    assert features.shape == (5, 512)
    assert np.isnan(features).all(axis=1).tolist() == [False] * 4 + [True]
    head = model.network_.head
    with torch.no_grad():
        value = head(torch.from_numpy(features[:4]).float())[:, 0].numpy()
    np.testing.assert_allclose(model.target_scale_.restore(value), model.predict(X[:4]), rtol=1e-4)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    lenient = copy.copy(model).set_params(max_rejected=1.0)
    one, none, three = lenient.photo_features([[*X[0], str(broken)], [], X[2]])
    assert (one.shape, none.shape, three.shape) == ((2, 512), (0, 512), (3, 512))
    assert np.isnan(one).all(axis=1).tolist() == [False, True]
    np.testing.assert_allclose(three.mean(axis=0), features[2], rtol=1e-4, atol=1e-6)
    assert model.features([]).shape == (0, 512)
    assert model.photo_features([]) == []


def test_survey_weights_reach_loss_scale_and_validation(pictures):
    """Places of weight 0 may say anything: scale, loss and chosen epoch stay as they are."""
    X, y = pictures
    weight = np.where(np.arange(16) % 3, 1.0, 0.0)
    wild = np.where(weight > 0, y[:16], 1e4)
    options = SMALL | {"max_epochs": 1, "validation_share": 0.3}
    tame, spoilt = (ImageRegressor(**options).fit(X[:16], target, weight) for target in (y[:16], wild))
    assert tame.target_scale_ == spoilt.target_scale_
    assert tame.history_ == spoilt.history_
    np.testing.assert_array_equal(tame.predict(X[:5]), spoilt.predict(X[:5]))


def test_corrupt_pictures_are_set_aside_and_too_many_stop(pictures, tmp_path, caplog):
    X, y = pictures
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    mixed = [[*X[0], str(broken)], *X[1:12], [str(tmp_path / "absent.jpg")]]
    model = ImageRegressor(**SMALL | {"max_epochs": 1}).fit(mixed, [*y[:12], 0.5])
    assert model.rejected_.path.tolist() == [str(broken), str(tmp_path / "absent.jpg")]
    assert "1 of 13 clusters have no readable picture" in caplog.text
    prediction = ImageRegressor.predict(model.set_params(max_rejected=1.0), [X[0], [str(broken)], []])
    assert np.isnan(prediction).tolist() == [False, True, True]
    with pytest.raises(TooManyRejectedError, match=r"1 of 1 pictures cannot be read.*broken.jpg"):
        ImageRegressor(**SMALL).fit([[str(broken)], []], [1.0, 2.0])


def test_batches_draw_some_pictures_of_every_cluster(pictures):
    X, _ = pictures
    y = torch.arange(30.0)
    with PictureStore.of(X, size=16, max_rejected=0.0) as store:
        assert np.bincount(store.cluster).tolist() == [len(paths) for paths in X]
        batches = PictureBatches(store, np.arange(30), y, y, size=8, most=2, augment=True, seed=0)
        seen = []
        for (pixels, cluster, count), target, _ in batches:
            assert pixels.shape[1:] == (3, 16, 16)
            assert torch.bincount(cluster, minlength=count).tolist() == [
                min(2, len(X[int(row)])) for row in target
            ]
            seen += target.tolist()
    assert sorted(seen) == list(range(30))


def test_bad_input(pictures):
    X, y = pictures
    with pytest.raises(InputError, match="list of paths for every cluster"):
        ImageRegressor(**SMALL).fit([X[0][0], X[1][0]], y[:2])
    with pytest.raises(InputError, match="NaN"):
        ImageRegressor(**SMALL).fit(X[:2], [1, np.nan])
    with pytest.raises(InputError, match="1 rows"):
        ImageRegressor(**SMALL).fit(X[:1], y[:1])
    with pytest.raises(InputError, match="Unknown backbone"):
        ImageRegressor(backbone="resnet19", **SMALL).fit(X, y)
    with pytest.raises(InputError, match="max_pictures"):
        ImageRegressor(**SMALL | {"max_pictures": 0}).fit(X, y)
