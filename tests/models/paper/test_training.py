"""The published trainings, in small."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.graphs import cluster_rows
from geolivelihood.models.paper import (
    DenseGraphs,
    Trace,
    fit_graphcnn,
    fit_imagewise,
    image_network,
    majority_vote,
    sample_photos,
)
from geolivelihood.models.paper.images import _cut


@pytest.fixture(scope="module")
def photos():
    """60 clusters of 1 to 6 photos whose class shows in features and counts."""
    random = np.random.default_rng(0)
    sizes = random.integers(1, 7, 60)
    cluster = np.repeat(np.arange(60), sizes)
    y = random.integers(0, 2, 60)
    features = random.normal(size=(len(cluster), 512)).astype(np.float32)
    features[:, :100] += 4 * y[cluster, None]
    counts = random.poisson(1 + 3 * y[cluster, None], (len(cluster), 65)).astype(np.float32)
    lonlat = 36 + random.normal(scale=0.02, size=(len(cluster), 2))
    rows = np.split(np.arange(len(cluster)), np.cumsum(sizes)[:-1])
    return {"rows": rows, "lonlat": lonlat, "features": features, "counts": counts, "y": y}


def graphs(photos, part, **options):
    parts = {name: photos[name] for name in ("features", "counts")}
    return DenseGraphs(photos["rows"][part], photos["lonlat"], nodes=6, **parts | options)


@pytest.mark.parametrize(("vertices", "width"), [("feats", 512), ("obj", 65), ("both", 577)])
def test_batches_are_padded_with_nothing(photos, vertices, width):
    data = graphs(photos, slice(None), vertices=vertices)
    assert data.width == width
    nodes, links, real = data.batch(np.array([4, 9]))
    n = len(photos["rows"][9])
    assert nodes.shape == (2, 6, width) and links.shape == (2, 6, 1, 6)
    assert real[1].sum() == n and not nodes[1, n:].any() and not links[1, n:].any()
    assert not links[1, :, :, n:].any()
    if vertices == "both":
        assert float((nodes[1, :, 512:] ** 2).sum()) == pytest.approx(1)
    if vertices == "obj":
        np.testing.assert_array_equal(nodes[1, :n], photos["counts"][photos["rows"][9]])


def test_edges_of_a_graph_stay_the_same_in_every_batch(photos):
    keys = [f"ia_{i}" for i in range(60)]
    data = graphs(photos, slice(None), edges="none", keys=keys)
    later = graphs(photos, slice(5, 6), edges="none", keys=keys[5:6]).batch(np.array([0])).adjacency
    first, second = data.batch(np.array([3, 5])).adjacency, data.batch(np.array([5])).adjacency
    assert torch.equal(first[1], second[0]) and bool((first > 0).all())
    assert torch.equal(later[0], second[0])  # by its name, wherever it stands
    other = graphs(photos, slice(5, 6), edges="none", keys=["ke_5"]).batch(np.array([0])).adjacency
    assert not torch.equal(other[0], second[0])
    with pytest.raises(InputError, match="drawn by the cluster's name"):
        graphs(photos, slice(5, 6), edges="none")
    classes = np.pad(photos["counts"], ((0, 0), (0, 1)))
    shared = graphs(photos, slice(None), edges="obj_sim", classes=classes).batch(np.array([0]))
    assert shared.adjacency.shape == (1, 6, 67, 6)


def test_graphs_refuse_what_they_cannot_hold(photos):
    with pytest.raises(InputError, match="sampled before"):
        DenseGraphs([np.arange(9)], photos["lonlat"], counts=photos["counts"], vertices="obj", nodes=6)
    with pytest.raises(InputError, match="1 to 6"):
        DenseGraphs([np.arange(0)], photos["lonlat"], counts=photos["counts"], vertices="obj", nodes=6)
    with pytest.raises(InputError, match="need features"):
        graphs(photos, slice(None), features=None)
    with pytest.raises(InputError, match="need classes"):
        graphs(photos, slice(None), edges="obj_sim")
    with pytest.raises(InputError, match="feats, obj, both"):
        graphs(photos, slice(None), vertices="all")
    with pytest.raises(InputError, match="inv, none, obj_sim"):
        graphs(photos, slice(None), edges="knn")


@pytest.mark.parametrize("classes", [True, False])
def test_training_evaluates_every_so_often_and_reports_the_maximum(photos, classes):
    y = photos["y"].astype(float)
    train, held = slice(0, 40), slice(40, 60)
    options = {"classes": classes, "steps": 45, "every": 20, "batch_size": 16, "device": "cpu"}
    parts = graphs(photos, train), y[train], graphs(photos, held), y[held]
    trace = fit_graphcnn(*parts, **options)
    assert trace.steps == [0, 20, 40, 45]
    assert trace.maximum == max(trace.scores) > (0.8 if classes else 0.1)
    if classes:
        assert (trace.predictions[trace.best] == y[held]).mean() == trace.maximum
    np.testing.assert_array_equal(fit_graphcnn(*parts, **options).predictions, trace.predictions)
    some = Trace.of(trace.steps, trace.predictions[:, :10], y[held][:10], classes=classes)
    assert len(some.scores) == 4 and some.predictions.shape == (4, 10)


def test_an_r2_below_zero_is_reported_as_zero(photos):
    noise = np.random.default_rng(5).normal(1e3, 1, 60)
    part = slice(0, 10)
    parts = graphs(photos, part), noise[part]
    trace = fit_graphcnn(*parts, *parts, classes=False, steps=1, device="cpu")
    assert max(trace.scores) < 0 and trace.maximum == 0


def test_classes_must_be_cut(photos):
    part = graphs(photos, slice(0, 4))
    with pytest.raises(InputError, match="Published classes are 0"):
        fit_graphcnn(part, [0, 1, 2, 1], part, [0, 1, 0, 1], classes=True)


def test_large_clusters_are_sampled_once_for_all_by_their_name():
    keys = np.repeat(["a", "b"], [300, 5])
    groups = cluster_rows(keys)
    first, second = sample_photos(groups.order, groups.starts, groups.keys, most=200, seed=0)
    assert len(first) == 200 and (np.diff(first) > 0).all() and second.tolist() == [300, 301, 302, 303, 304]
    alone = cluster_rows(keys[:300])
    (again,) = sample_photos(alone.order, alone.starts, alone.keys, most=200, seed=0)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("backbone", "classes", "expected"),
    [
        ("resnet34", True, 21_285_698),
        ("resnet34", False, 21_285_185),
        ("resnet18", True, 11_177_538),
        ("resnet18", False, 11_177_025),
    ],
)
def test_image_networks_have_the_published_size(backbone, classes, expected):
    net = image_network(backbone, classes=classes, weights="random")
    assert sum(value.numel() for value in net.parameters()) == expected
    answer = net.eval()(torch.full((1, 3, 32, 32), 255.0))
    assert answer.shape == ((1, 2) if classes else (1, 1))
    assert classes or abs(float(answer)) <= 1


def test_other_backbones_were_not_published():
    with pytest.raises(InputError, match="resnet18 and resnet34"):
        image_network("resnet50", classes=True)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 24)
    for i, label in enumerate(y):
        pixels = random.integers(0, 60, (32, 32, 3)) + np.array([180, 0, 0]) * label
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
    return [str(folder / f"{i}.png") for i in range(24)], y.astype(float), folder


@pytest.mark.parametrize("classes", [True, False])
def test_image_wise_training_keeps_the_later_of_the_best_epochs(pictures, classes):
    paths, y, _ = pictures
    y = y if classes else 2 * y - 1
    net = image_network("resnet18", classes=classes, weights="random")
    trace = fit_imagewise(
        net, paths[:16], y[:16], paths[16:], y[16:],
        classes=classes, epochs=3, batch_size=8, size=64, device="cpu", seed=0,
    )  # fmt: skip
    assert len(trace.scores) == 3 and not net.training and trace.rejected == {}
    best = np.flatnonzero(np.array(trace.scores) == max(trace.scores))
    assert trace.epoch == best[-1]
    if classes:
        assert (trace.prediction == y[16:]).mean() == max(trace.scores)
        assert majority_vote(trace.prediction, np.zeros(8, int), clusters=1)[0] in (0, 1)


def test_unreadable_pictures_are_set_aside_until_they_are_too_many(pictures):
    paths, y, folder = pictures
    broken = folder / "broken.jpg"
    broken.write_bytes(b"no picture")
    net = image_network("resnet18", classes=True, weights="random")
    options = {"classes": True, "epochs": 1, "batch_size": 8, "size": 64, "device": "cpu"}
    trace = fit_imagewise(net, [*paths[:8], str(broken)], [*y[:8], 1], paths[8:16], y[8:16], **options)
    assert list(trace.rejected) == [str(broken)]
    with pytest.raises(TooManyRejectedError, match="broken"):
        fit_imagewise(net, [paths[0], str(broken)], [0, 1], paths[8:10], y[8:10], **options)


@pytest.mark.parametrize("classes", [True, False])
def test_trainings_that_diverge_are_refused(photos, pictures, classes):
    y = photos["y"].astype(float)
    broken = photos | {"features": photos["features"].copy()}
    broken["features"][0, 0] = np.nan
    part = graphs(broken, slice(None), vertices="feats")
    with pytest.raises(InputError, match="diverged"):
        fit_graphcnn(part, y, part, y, classes=classes, steps=1, device="cpu")
    paths, labels, _ = pictures
    net = image_network("resnet18", classes=classes, weights="random")
    with pytest.raises(InputError, match="diverged"):
        fit_imagewise(
            net, paths[:16], labels[:16], paths[16:], labels[16:],
            classes=classes, epochs=3, batch_size=8, size=32, device="cpu", learning_rate=1e30,
        )  # fmt: skip


def test_a_last_batch_of_one_photo_joins_the_one_before(pictures):
    paths, y, _ = pictures
    net = image_network("resnet18", classes=True, weights="random")
    options = {"classes": True, "epochs": 1, "size": 32, "device": "cpu"}
    trace = fit_imagewise(net, paths[:9], y[:9], paths[16:], y[16:], batch_size=4, **options)
    assert len(trace.scores) == 1 and np.isfinite(trace.prediction).all()
    assert [len(rows) for rows in _cut(np.arange(9), 4)] == [4, 5]
    assert [len(rows) for rows in _cut(np.arange(10), 4)] == [4, 4, 2]
    assert [len(rows) for rows in _cut(np.arange(1), 4)] == [1]
