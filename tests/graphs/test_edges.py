import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.graphs.edges import kernel_weights, normalised, pair_km, typical_km
from geolivelihood.graphs.neighbours import unit_vectors

KM = np.array([[0.0, 1, 5], [1, 0, 4], [5, 4, 0]])


def _weights(distance, kernel="inverse_distance", max_km=19.890915, bandwidth_km=1.0, epsilon_km=0.1):
    return kernel_weights(
        np.asarray(distance), kernel, max_km=max_km, bandwidth_km=bandwidth_km, epsilon_km=epsilon_km
    )


def test_edge_weights_of_the_specification():
    expected = [0.994973, 0.949726, 0.748629, 0.497258, -0.256855]
    np.testing.assert_allclose(_weights([0.1, 1, 5, 10, 25]), expected, atol=6e-7)


@pytest.mark.parametrize(
    ("a", "b", "km", "weight"),
    [
        ((0, 0), (0.1, 0), 11.119493, 0.440976),
        ((36.8219, -1.2921), (36.83, -1.3), 1.257960, 0.936757),
    ],
)
def test_distances_of_the_specification(a, b, km, weight):
    distance = pair_km(unit_vectors([a, b]))
    assert distance[0, 1] == pytest.approx(km, abs=2e-6)
    assert distance[1, 0] == distance[0, 1]
    assert _weights(distance)[0, 1] == pytest.approx(weight, abs=6e-7)


@pytest.mark.parametrize("spread", [1e-7, 1e-3, 0.1, 3.0, 90.0])
def test_the_chord_gives_the_haversine(rng, spread):
    points = np.column_stack(
        [179.9 + rng.uniform(-spread, spread, 60), rng.uniform(-spread, spread, 60) * 0.9]
    )
    lon, lat = np.radians(points).T
    a = np.sin((lat[:, None] - lat) / 2) ** 2
    a = a + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    np.testing.assert_allclose(
        pair_km(unit_vectors(points)), 2 * 6371 * np.arcsin(np.sqrt(a)), rtol=2e-6, atol=1e-6
    )


def test_row_and_sym_vectors():
    weight = _weights(KM, "exponential")
    target, source = (x.ravel() for x in np.indices((3, 3)))
    row = normalised(weight.ravel(), source, target, 3, "row").reshape(3, 3)
    np.testing.assert_allclose(row[0], [0.727475, 0.267623, 0.004902], atol=6e-7)
    np.testing.assert_allclose(row.sum(axis=1), 1, atol=1e-6)
    sym = normalised(weight.ravel(), source, target, 3, "sym").reshape(3, 3)
    assert sym[0, 1] == pytest.approx(0.266503, abs=6e-7)
    np.testing.assert_allclose(sym, sym.T, atol=1e-7)
    with pytest.raises(InputError, match="'row', 'sym' or None"):
        normalised(weight.ravel(), source, target, 3, "column")


def test_graph_convolution_vectors():
    # H = A V W + V W_I + b of section 5, in paper mode and with the row-normalised kernel.
    v = np.array([[1, 0], [0, 1], [1, 1]])
    w, own = np.array([[0.5, -0.2], [0.1, 0.3]]), np.array([[0.2, 0.4], [-0.3, 0.1]])
    paper = _weights(KM) @ v @ w + v @ own + 0.1
    np.testing.assert_allclose(
        paper, [[1.344150, 0.659781], [0.854205, 0.389945], [1.054205, 0.789945]], atol=2e-6
    )
    target, source = (x.ravel() for x in np.indices((3, 3)))
    kernel = normalised(_weights(KM, "exponential").ravel(), source, target, 3, "row").reshape(3, 3)
    np.testing.assert_allclose(
        kernel @ v @ w + v @ own + 0.1,
        [[0.693441, 0.435282], [0.012762, 0.364663], [0.590409, 0.701602]],
        atol=2e-6,
    )


def test_the_other_kernels():
    np.testing.assert_allclose(
        _weights([0, 1, 2], "gaussian", bandwidth_km=2), np.exp([0, -0.125, -0.5]), rtol=1e-6
    )
    np.testing.assert_allclose(_weights([0, 0.9], "reciprocal"), [10, 1], rtol=1e-6)
    assert typical_km(np.array([1.0, 2, 9])) == 2
    assert typical_km(np.zeros(3)) == typical_km(np.empty(0)) == 1
