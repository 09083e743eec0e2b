"""Class activation maps against the published vectors and against captum and pytorch-grad-cam."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, LayerCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution import attribute, published_cam
from geolivelihood.explanation.attribution.cams import grad_cam_plus_plus_weights

A = torch.tensor([[[[1, 0.5], [0, 2]], [[0.2, 0], [1.5, 0.3]]]], dtype=torch.float64)
G = torch.tensor([[[[0.3, -0.1], [0.2, 0.05]], [[0.4, 0.1], [-0.2, 0]]]], dtype=torch.float64)


class Given(nn.Module):
    """Feature maps that are given, a pooled linear head of one output."""

    def __init__(self):
        super().__init__()
        self.maps, self.fc = nn.Identity(), nn.Linear(2, 1)
        self.fc.weight.data, self.fc.bias.data = torch.tensor([[0.8, -0.6]]), torch.tensor([0.25])

    def forward(self, x):
        return self.fc(self.maps(x).mean(dim=(2, 3)))


def test_vector_of_grad_cam():
    raw = attribute(Given(), A, method="grad_cam", rectify=False, layer="maps")
    assert raw.total[0] == pytest.approx(0.65, abs=1e-6)
    assert raw.maps.sum() == pytest.approx(0.4, abs=1e-6)
    assert raw.intercept[0] == pytest.approx(0.25) and raw.completeness_error < 1e-6
    cut = attribute(Given(), A, method="grad_cam", layer="maps", normalise=True).maps[0]
    np.testing.assert_allclose(cut, [[0.478873239, 0.281690141], [0, 1]], atol=1e-6)
    assert published_cam(raw.maps)[0].tolist() == [[122, 71], [0, 255]]
    signed = attribute(Given(), A, layer="maps")
    np.testing.assert_allclose(signed.maps[0] - 0.25 / 4, raw.maps[0], atol=1e-7)


@pytest.mark.parametrize(
    ("inside", "weights", "shown"),
    [
        (False, [0.195423236, 0.188311688], [[0.387193864, 0], [0.528435150, 1]]),
        (True, [0.209470963, 0.247578170], [[0.397063316, 0], [0.686346389, 1]]),
    ],
)
def test_vectors_of_grad_cam_plus_plus(inside, weights, shown):
    found = grad_cam_plus_plus_weights(A, G, inside=inside)
    np.testing.assert_allclose(found[0], weights, atol=1e-9)
    maps = torch.einsum("nk,nkhw->nhw", found, A).relu()[0]
    np.testing.assert_allclose((maps - maps.min()) / (maps.max() - maps.min()), shown, atol=1e-9)


def test_the_exponential_variant_is_a_multiple(plain, pictures):
    found = attribute(plain, pictures, method="grad_cam++_exp", outputs="values", target=1)
    assert np.isfinite(found.maps).all() and found.maps.min() >= 0


@pytest.mark.parametrize("bias", [False, True])
def test_grad_cam_agrees_with_captum(plain, pictures, bias):
    theirs = LayerGradCam(plain, plain.relu2).attribute(pictures, target=2, relu_attributions=bias)
    ours = attribute(
        plain, pictures, method="grad_cam", target=2, outputs="values", layer="relu2", rectify=bias
    )
    np.testing.assert_allclose(ours.maps, theirs[:, 0].detach(), atol=1e-6)
    if not bias:
        assert ours.completeness_error < 1e-5


@pytest.mark.parametrize(
    ("method", "peer"), [("grad_cam", GradCAM), ("grad_cam++", GradCAMPlusPlus), ("layer_cam", LayerCAM)]
)
def test_stretched_per_picture_they_are_those_of_pytorch_grad_cam(plain, pictures, method, peer):
    # Theirs adds 1e-6 to the denominator of Grad-CAM++, which outweighs gradients of pooled layers.
    plain.fc.weight.data *= 1000
    with peer(plain, [plain.relu2]) as cam:
        shown = cam(input_tensor=pictures, targets=[ClassifierOutputTarget(1)] * len(pictures))
    ours = attribute(plain, pictures, method=method, target=1, outputs="values", layer="relu2")
    np.testing.assert_allclose(
        [stretched(picture, shown.shape[1:]) for picture in ours.maps], shown, atol=2e-3
    )
    # What stretching loses: the pictures' own strengths.
    peaks = ours.maps.max(axis=(1, 2))
    assert np.allclose(shown.max(axis=(1, 2)), 1, atol=1e-3) and np.ptp(peaks) > 0.1 * peaks.max()


def test_score_cam_agrees_where_nothing_is_enlarged(plain, pictures):
    """Both weight channels alike; where maps are enlarged, theirs are laid corner to corner, ours where
    cells look."""
    with ScoreCAM(plain, [plain.relu1]) as cam:
        shown = cam(input_tensor=pictures, targets=[ClassifierOutputTarget(1)] * len(pictures))
    ours = attribute(
        plain,
        pictures,
        method="score_cam",
        target=1,
        outputs="values",
        layer="relu1",
        baseline="zero",
        batch_size=3,
    )
    np.testing.assert_allclose([stretched(p, shown.shape[1:]) for p in ours.maps], shown, atol=2e-3)


def stretched(picture, size):
    """As pytorch-grad-cam: minimum to maximum, OpenCV's bilinear, once more."""
    import cv2

    for _ in range(2):
        picture = (picture - picture.min()) / (1e-7 + picture.max() - picture.min())
        picture = cv2.resize(np.float32(picture), size[::-1]) if picture.shape != size else picture
    return picture


def test_layers_written_over_in_place_are_seen_as_they_were(network, pictures):
    """Captum keeps a reference, which the addition and the ReLU after it overwrite."""
    ours = attribute(network, pictures, method="grad_cam", target=1, layer="body.1.bn2", rectify=False)
    assert (ours.layer, ours.maps.shape) == ("body.1.bn2", (5, 8, 8))
    assert np.ptp(ours.maps) > 0


def test_batches_make_no_difference(network, pictures):
    for method in ("signed_cam", "grad_cam++", "score_cam"):
        whole = attribute(network, pictures, method=method)
        parts = attribute(network, pictures, method=method, batch_size=2)
        np.testing.assert_allclose(whole.maps, parts.maps, atol=1e-6)


def test_empty_maps_stay_empty():
    assert published_cam(np.full((1, 2, 2), -3.0)).max() == 0
    assert published_cam(np.ones((1, 2, 2)), size=(4, 4)).shape == (1, 4, 4)


def test_a_missing_layer_is_answered_with_those_there_are(network, pictures):
    with pytest.raises(InputError, match=r"named 'layer4'.*stem \(6 x 8 x 8\).*body.1.relu \(6 x 8 x 8\)"):
        attribute(network, pictures, layer="layer4")
    with pytest.raises(InputError, match="choose one of signed_cam, grad_cam"):
        attribute(network, pictures, method="gradcam")
    with pytest.raises(InputError, match="bands, height, width"):
        attribute(network, pictures[0])
    with pytest.raises(InputError, match=r"targets 0, 1\. Give one of them, or 'predicted'"):
        attribute(network, pictures, target=7)
    with pytest.raises(InputError, match="fitted ImageRegressor"):
        attribute("resnet18", pictures)
