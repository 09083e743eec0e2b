"""The small tree: it finds the rule that a model follows, says how faithful it is, and can be drawn."""

from xml.etree import ElementTree as xml

import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import InputError
from geolivelihood.explanation import surrogate_tree
from geolivelihood.explanation.tree_drawing import number_text

N = 500
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"lights": rng.uniform(0, 10, N), "roads": rng.uniform(0, 4, N), "noise": rng.normal(size=N)}
    )
    return X, np.where(X["lights"] > 4, 10.0 + 5 * (X["roads"] > 2), 0.0)


def texts(tree):
    return [node.text for node in xml.fromstring(tree.to_svg()).iter(f"{SVG}text")]


def test_finds_the_rule_of_the_model(data):
    X, p = data
    tree = surrogate_tree(X, p, target="wealth (points)")
    assert tree.fidelity > 0.95
    assert tree.leaves["mean"].tolist() == [0.0, 10.0, 15.0] and tree.leaves["n"].sum() == N
    assert tree.leaves["share"].sum() == pytest.approx(1) and not tree.leaves["sd"].any()
    assert tree.leaves["rule"][2].startswith("lights > 4") and "and roads > 2" in tree.leaves["rule"][2]
    root = tree.nodes.iloc[0]
    assert root["feature"] == "lights" and root["threshold"] == pytest.approx(4, abs=0.1)
    np.testing.assert_array_equal(tree.predict(X), p)


def test_fidelity_is_measured_on_unseen_rows(data):
    X, _ = data
    noise = np.random.default_rng(1).normal(size=N)
    assert surrogate_tree(X, noise).fidelity < 0.05
    half = np.arange(N) < N // 2
    tree = surrogate_tree(X, X["lights"], splits=[(half, ~half)], max_depth=1)
    assert tree.fidelity == pytest.approx(0.75, abs=0.05)  # two halves of a uniform


def test_drawing_is_xml_with_every_node(data):
    X, p = data
    svg = surrogate_tree(X, p, target="wealth (points)").to_svg()
    root = xml.fromstring(svg)
    assert root.tag == f"{SVG}svg" and float(root.get("width")) > 400 and root.get("role") == "img"
    said = [node.text for node in root.iter(f"{SVG}text")]
    for wanted in ("lights", "roads", "10.0", "15.0", "0.0", "wealth (points)"):
        assert wanted in said
    assert said[-1].startswith("500 rows · repeats ")
    fills = {node.get("fill") for node in root.iter(f"{SVG}rect")}
    assert {"#440154", "#fde725"} <= fills  # the ends of viridis
    widths = [float(node.get("stroke-width")) for node in root.iter(f"{SVG}path")]
    assert len(widths) == 4 and max(widths) == pytest.approx(15 * 0.6, abs=1)  # three fifths are above 4


def test_names_are_escaped_and_cut_and_inputs_left_alone(data):
    X, p = data
    nasty = X.rename(columns={"lights": '<b>&"x\x00', "roads": "kilometres_of_paved_roads_within_5_km"})
    before = nasty.copy()
    said = texts(surrogate_tree(nasty, p))
    assert '<b>&"x ' in said and "kilometre…thin_5_km" in said and "prediction" in said
    pd.testing.assert_frame_equal(nasty, before)


def test_missing_values_are_sent_and_shown(data):
    X, p = data
    gaps = X.assign(lights=X["lights"].mask(np.arange(N) % 5 == 0), empty=np.nan)
    tree = surrogate_tree(gaps, np.where(gaps["lights"].isna(), 10.0, p), max_depth=2)
    side = tree.nodes["missing"][0]
    assert side == "right" and "or missing" in texts(tree)
    assert any("lights > 4" in rule and "or missing" in rule for rule in tree.leaves["rule"])
    assert "or missing" not in texts(surrogate_tree(X, p))


def test_weights_decide_shares_and_rows_without_a_prediction_are_left_out(data):
    X, p = data
    unknown = np.where(np.arange(N) < 100, np.nan, p)
    weights = np.where(X["lights"] > 4, 3.0, 1.0)
    tree = surrogate_tree(X, unknown, weights=weights)
    assert tree.nodes["n"][0] == 400
    kept = np.arange(N) >= 100
    share = weights[kept & (X["lights"] <= 4)].sum() / weights[kept].sum()
    assert tree.leaves["share"][0] == pytest.approx(share)
    assert tree.leaves["mean"][0] == 0.0


def test_least_share_of_a_leaf(data):
    X, _ = data
    assert surrogate_tree(X, X["lights"], min_share=0.3).leaves["share"].min() >= 0.3
    assert len(surrogate_tree(X, X["lights"] + X["roads"], max_depth=3).leaves) == 8


def test_a_model_that_never_varies_is_one_leaf(data):
    X, _ = data
    tree = surrogate_tree(X.assign(lights=1.0), np.full(N, 2.5))
    assert len(tree.nodes) == 1 and np.isnan(tree.fidelity)
    assert "the model hardly varies" in texts(tree)[-1] and "2.5" in texts(tree)


def test_repeatable_and_arrays_have_numbered_features(data):
    X, p = data
    first, second = (surrogate_tree(X.to_numpy(), p) for _ in range(2))
    assert first.to_svg() == second.to_svg() and first.nodes["feature"][0] == "feature 0"
    named = surrogate_tree(X.to_numpy(), p, feature_names=["a", "b", "c"])
    assert named.nodes["feature"][0] == "a"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"max_depth": 0}, "at least 1"),
        ({"min_share": 0.7}, "share up to 0.5"),
        ({"prediction": np.zeros(3)}, "one number per row"),
        ({"prediction": np.full(N, np.nan)}, "0 rows have a prediction"),
        ({"feature_names": ["a"]}, "1 feature_names do not fit 3"),
        ({"weights": -np.ones(N)}, "not negative"),
    ],
)
def test_bad_input(data, change, match):
    X, p = data
    with pytest.raises(InputError, match=match):
        surrogate_tree(X, **({"prediction": p} | change))


def test_numbers():
    given = [0, 2.0, 1234.5, -0.0237, 99.96, 3e-7, 2e9, 123.4]
    wanted = ["0", "2", "1,234", "−0.0237", "100", "3e−07", "2e+09", "123"]
    assert [number_text(value) for value in given] == wanted
    assert [number_text(value, of=1.2) for value in (2, 2.444, -0.001)] == ["2.00", "2.44", "−0.00"]
