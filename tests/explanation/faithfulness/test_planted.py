"""Every method on tiles where the evidence is known, with a trained and with a random model."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution import METHODS, attribute
from geolivelihood.explanation.faithfulness import (
    faithfulness_report,
    insensitive,
    pointing,
    randomisation,
    rank_correlation,
)
from geolivelihood.models import ImageRegressor
from geolivelihood.models.image_network import ImageNetwork
from geolivelihood.synthetic.planted import planted_tiles

POINTS = [method for method in METHODS if method not in ("grad_cam++_exp", "block_shap")]

# Guided backpropagation shows edges and Score-CAM what stands out, whatever the weights: they fail the check.
KEEP = ("guided_backprop", "guided_grad_cam", "score_cam")


def layer(inputs, outputs, stride):
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def fresh(seed=0):
    torch.manual_seed(seed)
    body = layer(3, 12, 2), layer(12, 24, 2), layer(24, 24, 1)
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 2))


@pytest.fixture(scope="module")
def tiles():
    return planted_tiles(360, size=64, seed=0)


@pytest.fixture(scope="module")
def pictures(tiles):
    return (torch.from_numpy(tiles.images).float() - 120) / 60


@pytest.fixture(scope="module")
def trained(tiles, pictures):
    network, labels = fresh(), torch.from_numpy(tiles.labels).long()
    steps = torch.optim.Adam(network.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(steps, 2e-2, total_steps=180)
    order = torch.Generator().manual_seed(0)
    for _ in range(18):
        for batch in torch.randperm(300, generator=order).split(30):
            steps.zero_grad()
            functional.cross_entropy(network(pictures[batch]), labels[batch]).backward()
            steps.step()
            rate.step()
    with torch.no_grad():
        right = network.eval()(pictures[300:]).argmax(dim=1) == labels[300:]
    assert right.float().mean() > 0.85
    return network


@pytest.fixture(scope="module")
def planted(tiles):
    return np.flatnonzero(tiles.labels[300:])[:12] + 300


@pytest.mark.parametrize("method", POINTS)
def test_methods_point_at_the_houses_and_lose_them_with_the_weights(
    tiles, pictures, trained, planted, method
):
    options = {"method": method, "steps": 8, "samples": 8, "patch": 8}
    if "shap" in method:
        options["baseline"] = pictures[:4]
    found = pointing(attribute(trained, pictures[planted], **options), tiles.masks[planted])
    assert found.hit.mean() > 0.8 and found.chance.mean() < 0.15
    noise = [
        pointing(attribute(fresh(seed).eval(), pictures[planted], **options), tiles.masks[planted])
        for seed in (5, 6)
    ]
    hit, inside = (np.mean([one[name].mean() for one in noise]) for name in ("hit", "inside"))
    if method in KEEP:
        assert hit > 2 * found.chance.mean()
        return
    assert inside < 0.5 * found.inside.mean()
    assert hit < 0.75 * found.hit.mean()


def test_report(tiles, pictures, trained, planted):
    strata = np.where(np.arange(12) % 2, "urban", "rural")
    table = faithfulness_report(
        trained,
        pictures[planted],
        methods={"signed_cam": {}, "blocks": {"method": "occlusion", "patch": 16}},
        masks=tiles.masks[planted],
        strata=strata,
        draws=2,
        steps=8,
    )
    assert table.method.unique().tolist() == ["signed_cam", "blocks", "random"]
    assert table.stratum.tolist() == ["all", "rural", "urban"] * 3
    rows = table.set_index(["method", "stratum"])
    assert rows.loc[("signed_cam", "all"), "gain_blur_lower"] > 0.3
    assert rows.loc[("signed_cam", "all"), "residual"] < 1e-5
    assert abs(rows.loc[("random", "all"), "deletion_blur"] - 0.5) < 0.2
    assert rows.loc[("random", "all"), "pointing"] < 0.4
    assert rows.loc[("signed_cam", "urban"), "n"] == 6
    assert not rows.loc[("signed_cam", "all"), "insensitive"]
    with pytest.raises(InputError, match="strata has the shape"):
        faithfulness_report(trained, pictures[planted], strata=["a"])


def test_without_masks_and_randomisation(pictures, trained):
    table = faithfulness_report(trained, pictures[:4], methods=["grad_cam"], draws=0, steps=4)
    assert "pointing" not in table and np.isnan(table.randomisation).all()


def test_guided_backpropagation_hardly_notices_a_new_model(pictures, trained, planted):
    """The picture's edges survive new weights; the signed map does not."""
    guided, signed = (
        randomisation(trained, pictures[planted], method=method, draws=3)
        for method in ("guided_backprop", "signed_cam")
    )
    assert signed.module.tolist() == ["5", "2"]
    assert (guided.correlation > [0.5, 0.3]).all() and (signed.correlation < 0.3).all()
    assert not insensitive(signed)
    assert insensitive(guided[:1]) and not insensitive(signed.assign(correlation=[0.9, 0.2]))


def test_random_models_are_seeded_and_the_trained_one_stays(pictures, trained):
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    first, again, other = (
        randomisation(
            trained,
            pictures[:4],
            method="signed_cam",
            draws=2,
            stages=None,
            random_state=seed,
            target="predicted",
        )
        for seed in (1, 1, 2)
    )
    assert first.equals(again) and not first.equals(other)
    assert first.module.tolist() == ["5", "2", "1", "0"]
    assert all(torch.equal(before[name], value) for name, value in trained.state_dict().items())


def test_estimators_are_randomised_too():
    torch.manual_seed(0)
    model = ImageRegressor(size=32)
    backbone = nn.Sequential(layer(3, 4, 2), layer(4, 6, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model.network_ = ImageNetwork(backbone, 6)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32)).astype(np.uint8)
    head = model.network_.head.weight.clone()
    table = randomisation(model, pixels, method="grad_cam", draws=1)
    assert table.module.tolist() == ["head", "backbone.1"]
    assert torch.equal(model.network_.head.weight, head)


def test_correlation_has_a_sign(pictures, trained):
    found = attribute(trained, pictures[:3])
    np.testing.assert_allclose(rank_correlation(found, found), 1)
    np.testing.assert_allclose(rank_correlation(found, found.with_maps(-found.maps)), -1)
    np.testing.assert_allclose(rank_correlation(found, found.with_maps(0 * found.maps)), 0)
