"""Geography as something to predict: the specification, and clusters on a round earth."""

import json

import numpy as np
import pytest
import torch

from geolivelihood.cells.index import lonlat_cells, parents, parse_cells
from geolivelihood.errors import InputError
from geolivelihood.pretraining.geography import (
    GeoHead,
    cell_labels,
    degree_labels,
    geo_loss,
    nearest_labels,
    sphere_labels,
    spherical_mean,
)
from geolivelihood.sphere import arc_m, unit_vectors

QUERIES = [[0.6, -0.2, 0.3, 0.9], [-0.4, 0.5, 0.1, -0.7]]
WEIGHT = [[0.5, -0.3, 0.2, 0.1], [-0.2, 0.4, 0.3, -0.6], [0.1, 0.2, -0.5, 0.7]]
BIAS = [0.05, -0.1, 0.0]


def spec_head():
    head = GeoHead(4, [3]).double()
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor(WEIGHT, dtype=torch.float64))
        head.linear.bias.copy_(torch.tensor(BIAS, dtype=torch.float64))
    return head


def groups(rng, centres, n=30, sd=0.5):
    """Places scattered around centres, and which centre each belongs to."""
    label = np.repeat(np.arange(len(centres)), n)
    lonlat = np.asarray(centres, float)[label] + rng.normal(scale=sd, size=(len(label), 2))
    lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
    return lonlat, label


def agreement(found, label):
    """Whether two labelings are the same but for names."""
    pairs = set(zip(found.tolist(), label.tolist()))
    return len(pairs) == len(set(found.tolist())) == len(set(label.tolist()))


@pytest.mark.parametrize(("contrast", "total"), [(0.582056680, 1.492342969), (0.033365290, 0.943651579)])
def test_loss_of_the_head_on_raw_queries(contrast, total):
    logits = spec_head()(torch.tensor(QUERIES, dtype=torch.float64))
    expected = torch.tensor([[0.5, -0.67, 0.54], [-0.08, 0.13, 0.05]], dtype=torch.float64)
    torch.testing.assert_close(logits[0].detach(), expected, atol=1e-9, rtol=0)
    loss, accuracy = geo_loss(logits, torch.tensor([[2], [1]]))
    assert loss.item() == pytest.approx(0.910286289, abs=1e-9) and accuracy == 1
    assert contrast + loss.item() == pytest.approx(total, abs=1e-8)


def test_the_sphere_of_the_specification():
    ends = unit_vectors([(179.9, 0), (-179.9, 0)])
    assert arc_m(np.linalg.norm(ends[0] - ends[1])) / 1000 == pytest.approx(22.239016, abs=1e-6)
    assert spherical_mean([(179, 10), (-179, 12), (178, 8)]) == pytest.approx(
        (179.327071, 10.002318), abs=1e-6
    )


def test_clusters_do_not_end_at_the_antimeridian(rng):
    centres = [(180, 0), (150, 0), (-150, 0), (90, 70), (-90, 70)]
    lonlat, label = groups(rng, centres, sd=2)
    found = sphere_labels(lonlat, clusters=5)
    assert agreement(found.labels[:, 0], label)
    assert not agreement(degree_labels(lonlat, clusters=5).labels[:, 0], label)
    across = found.levels[0].centroids[found.labels[0, 0]]
    assert abs(abs(across[0]) - 180) < 1 and abs(across[1]) < 1


def test_a_cluster_around_the_pole_is_one(rng):
    lonlat = np.c_[rng.uniform(-180, 180, 40), rng.uniform(85, 90, 40)]
    south = np.c_[rng.uniform(-180, 180, 40), rng.uniform(-90, -85, 40)]
    found = sphere_labels(np.r_[lonlat, south], clusters=2).labels[:, 0]
    assert agreement(found, np.repeat([0, 1], 40))


def test_centroids_are_the_spherical_means_and_name_new_places(rng):
    lonlat, _ = groups(rng, [(180, 10), (20, -40), (-60, 60)], sd=5)
    found = sphere_labels(lonlat, clusters=3, seed=1)
    for k, centroid in enumerate(found.levels[0].centroids):
        assert tuple(centroid) == pytest.approx(spherical_mean(lonlat[found.labels[:, 0] == k]), abs=1e-9)
    assert (nearest_labels(lonlat, found.levels[0]) == found.labels[:, 0]).all()
    assert nearest_labels([(-179, 9)], found.levels[0])[0] == found.labels[0, 0]


def test_clusters_that_the_data_do_not_bear_are_reduced(rng):
    lonlat, _ = groups(rng, [(0, 0), (10, 10)], n=15)
    with pytest.warns(UserWarning, match="clusters=100 is reduced to 6: the pictures lie at 30 places"):
        found = sphere_labels(np.tile(lonlat, (4, 1)))
    assert found.classes == (6,) and found.labels.shape == (120, 1)
    with pytest.raises(InputError, match="at 30 places: choose at most 30"):
        degree_labels(lonlat)


def test_a_place_counts_once_however_often_it_was_photographed(rng):
    lonlat, _ = groups(rng, [(0, 0), (30, 0)], n=20, sd=3)
    often = np.r_[lonlat, np.tile(lonlat[:1], (500, 1))]
    once, many = sphere_labels(lonlat, clusters=2), sphere_labels(often, clusters=2)
    assert (many.levels[0].centroids == once.levels[0].centroids).all()


def test_cells_of_several_resolutions(rng):
    lonlat, _ = groups(rng, [(10, 50), (30, -20)], n=40, sd=6)
    found = cell_labels(lonlat, resolutions=(2, 0, 1))
    assert found.labels.shape == (80, 3) and found.classes[0] < found.classes[1] < found.classes[2]
    fine = lonlat_cells(lonlat[:, 0], lonlat[:, 1], resolution=2)
    for level, resolution in enumerate((0, 1, 2)):
        names = parse_cells(found.levels[level].names)
        assert (names[found.labels[:, level]] == lonlat_cells(*lonlat.T, resolution=resolution)).all()
    assert (parse_cells(found.levels[1].names)[found.labels[:, 1]] == parents(fine, resolution=1)).sum() > 70
    heads = GeoHead(4, found.classes)
    logits = heads(torch.randn(80, 4))
    labels = torch.from_numpy(found.labels)
    loss, _ = geo_loss(logits, labels)
    parts = [torch.nn.functional.cross_entropy(v, labels[:, k]) for k, v in enumerate(logits)]
    assert loss.item() == pytest.approx(sum(parts).item(), rel=1e-6)


def test_labels_smoothed_by_distance():
    lonlat = [(0, 0), (1, 0), (60, 0), (0, 0.1), (1, 0.1), (60, 0.1)]
    plain = cell_labels(lonlat, resolutions=(3,))
    soft = cell_labels(lonlat, resolutions=(3,), bandwidth_m=150_000).smoothing()
    assert plain.smoothing() is None
    first, second, far = plain.labels[:3, 0]
    weights = soft[0]
    assert weights.sum(axis=1) == pytest.approx(1)
    assert weights[first, first] > weights[first, second] > 0.1 and weights[first, far] < 1e-12
    logits = [torch.randn(6, len(weights), dtype=torch.float64)]
    labels = torch.from_numpy(plain.labels)
    loss, _ = geo_loss(logits, labels, [torch.from_numpy(weights)])
    by_hand = -(torch.from_numpy(weights)[labels[:, 0]] * logits[0].log_softmax(1)).sum(1).mean()
    assert loss.item() == pytest.approx(by_hand.item(), abs=1e-12)


def test_the_card_is_json_that_holds_the_centroids(rng):
    lonlat, _ = groups(rng, [(0, 0), (30, 0)])
    card = json.loads(json.dumps(cell_labels(lonlat, resolutions=(0, 3)).card()))
    assert card["kind"] == "cells" and len(card["levels"][0]["cells"]) == len(card["levels"][0]["centroids"])


@pytest.mark.parametrize("make", [sphere_labels, degree_labels, cell_labels])
def test_coordinates_that_are_missing(make):
    with pytest.raises(InputError, match=r"1 of 3 pictures have no usable coordinates \(the first in row 1"):
        make([(0, 0), (np.nan, 1), (2, 2)])
    with pytest.raises(InputError, match="-1000"):
        make([(0, 0), (-1000, -1000), (2, 2)])


def test_places_that_have_no_geography():
    with pytest.raises(InputError, match="clusters=100 of 1 places"):
        sphere_labels([(5, 5)] * 20)
    with pytest.raises(InputError, match="lie in one H3 cell"):
        cell_labels([(5, 5)] * 20)
    with pytest.raises(InputError, match="bandwidth_m=0"):
        sphere_labels([(5, 5), (6, 6)], clusters=2, bandwidth_m=0)
    with pytest.raises(InputError, match="lonlat has shape"):
        sphere_labels([5, 5])
