from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from torch_geometric.data import Data

from geolivelihood.cells import Tie, lonlat_cells
from geolivelihood.errors import InputError, MissingCRSError, OutputError
from geolivelihood.models import (
    BoostingClassifier,
    CellRegressor,
    GeodesicKNN,
    GraphClassifier,
    GraphRegressor,
    ImageClassifier,
    ImageRegressor,
    InverseDistance,
    MajorityClassifier,
    MeanRegressor,
    boosting,
    load,
    read_card,
    ridge,
    save,
)

QUICK = {"max_epochs": 1, "device": "cpu"}
ROWS = 24


def make(kind, folder):
    """A small X and fit options for each kind of estimator."""
    random = np.random.default_rng(0)
    table = random.normal(size=(ROWS, 3))
    if kind == "table":
        return table, {}
    if kind == "points":
        return np.abs(table[:, :2]) * 10, {}
    if kind == "graphs":
        edges = torch.tensor([[0, 1], [1, 0]])
        x = torch.tensor(random.normal(size=(ROWS, 2, 3)), dtype=torch.float32)
        return [Data(x=nodes, edge_index=edges) for nodes in x], {}
    if kind == "tie":
        cells = lonlat_cells(np.arange(ROWS) / 2.0, np.zeros(ROWS), resolution=5)
        tie = Tie.from_arrays(np.arange(ROWS), cells, np.ones(ROWS), row_ids=range(ROWS))
        return tie, {"features": table}
    paths = []
    for number in range(ROWS):
        paths.append([str(folder / f"{number}.png")])
        Image.fromarray(random.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(paths[-1][0])
    return paths, {}


MODELS = [
    (MeanRegressor(), "table"),
    (MajorityClassifier(), "table"),
    (GeodesicKNN(), "points"),
    (InverseDistance(), "points"),
    (ridge(), "table"),
    (boosting(max_iter=5), "table"),
    (BoostingClassifier(max_iter=5), "table"),
    (GraphRegressor(**QUICK), "graphs"),
    (GraphClassifier(pooling="embed", **QUICK), "graphs"),
    (CellRegressor(head="mlp", **QUICK), "tie"),
    (CellRegressor(head="linear", location=4), "tie"),
    (ImageRegressor(size=32, **QUICK), "pictures"),
    (ImageClassifier(size=32, **QUICK), "pictures"),
]


@pytest.mark.parametrize(("model", "kind"), MODELS, ids=lambda value: getattr(value, "__name__", None))
def test_every_model_predicts_the_same_after_loading(model, kind, tmp_path):
    X, options = make(kind, tmp_path)
    y = np.arange(ROWS) / 3
    if hasattr(model, "predict_proba"):
        y = np.where(y > 4, "rich", "poor")
    model.fit(X, y, **options)
    again = load(save(model, tmp_path / "saved"))
    assert type(again) is type(model)
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert again.classes_.dtype == model.classes_.dtype
    if isinstance(model, CellRegressor):
        np.testing.assert_array_equal(again.predict_cells(), model.predict_cells())
        frame = options["features"]
        np.testing.assert_allclose(again.predict(X, features=frame), model.predict(X))


@pytest.fixture
def saved(tmp_path):
    X = np.arange(20.0).reshape(10, 2)
    return save(ridge().fit(X, X[:, 0]), tmp_path / "model")


def test_the_card_says_where_it_comes_from(tmp_path):
    X = np.arange(20.0).reshape(10, 2)
    places = gpd.GeoSeries.from_xy([500000, 600000, 500000], [0, 0, 1e5], crs=32637)
    folder = save(
        boosting(max_iter=2).fit(X, X[:, 0]),
        tmp_path / "model",
        extent=places,
        metrics=[{"split": "blocks", "r2": np.float64(0.5)}],
        data_hashes={"clusters.gpkg": "ab12"},
        card_extra={"indicator": "wealth"},
    )
    card = read_card(folder)
    assert card["model"] == "BoostingRegressor"
    assert card["parameters"]["max_iter"] == 2
    assert card["extent"]["type"] == "Polygon"
    longitudes = [point[0] for point in card["extent"]["coordinates"][0]]
    assert min(longitudes) == pytest.approx(39, abs=0.01)
    assert card["metrics"] == [{"split": "blocks", "r2": 0.5}]
    assert card["data_hashes"] == {"clusters.gpkg": "ab12"}
    assert card["indicator"] == "wealth"
    assert {"geolivelihood", "numpy", "torch"} <= set(card["versions"])
    with pytest.raises(MissingCRSError, match="set_crs"):
        save(load(folder), tmp_path / "model", extent=places.set_crs(None, allow_override=True))
    with pytest.raises(InputError, match="card_extra may not contain model"):
        save(load(folder), tmp_path / "model", card_extra={"model": "other"})


def test_saving_again_replaces_and_leaves_no_part(saved):
    save(load(saved), saved)
    assert sorted(path.name for path in saved.parent.iterdir()) == ["model"]
    assert sorted(path.name for path in saved.iterdir()) == ["card.json", "model.safetensors"]


def test_a_failed_save_leaves_the_old_model(saved):
    before = (saved / "card.json").read_bytes()
    with pytest.raises(InputError, match="JSON"):
        save(load(saved), saved, card_extra={"thing": object()})
    assert (saved / "card.json").read_bytes() == before


def test_unfitted_and_foreign_models_cannot_be_saved(tmp_path):
    from sklearn.linear_model import LinearRegression

    with pytest.raises(InputError, match="not fitted"):
        save(ridge(), tmp_path / "model")
    with pytest.raises(InputError, match="Cannot save a LinearRegression"):
        save(LinearRegression(), tmp_path / "model")


def edit(folder, **changes):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "os.system"}, "names the model 'os.system'"),
        ({"model": "GraphRegressor"}, "usable GraphRegressor"),
        ({"parameters": {"command": "rm"}}, "usable RidgeRegressor"),
        ({"parameters": []}, "parameters missing or of the wrong type"),
        ({"state": {}}, "usable RidgeRegressor: KeyError"),
        ({"format": 99}, "format 99"),
        ({"tensors": {"sha256": "0"}}, "another hash"),
    ],
)
def test_cards_that_lie_are_refused(saved, changes, message):
    edit(saved, **changes)
    with pytest.raises(InputError, match=message):
        load(saved)


def test_damaged_and_missing_files_are_named(saved, tmp_path):
    with pytest.raises(InputError, match=r"there is no card\.json"):
        load(tmp_path / "nowhere")
    tensors = saved / "model.safetensors"
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[:-8])
    with pytest.raises(InputError, match="another hash"):
        load(saved)
    tensors.unlink()
    with pytest.raises(InputError, match="missing or unreadable"):
        load(saved)
    (saved / "card.json").write_text("{not json")
    with pytest.raises(InputError, match="damaged"):
        load(saved)


def test_tensors_of_another_shape_are_refused(tmp_path):
    from geolivelihood.files import file_hash

    X, _ = make("graphs", tmp_path)
    folder = save(GraphRegressor(**QUICK).fit(X, np.arange(ROWS) / 3), tmp_path / "model")
    arrays = load_file(folder / "model.safetensors")
    arrays["network.head.0.weight"] = arrays["network.head.0.weight"][:, :3].copy()
    save_file(arrays, folder / "model.safetensors")
    edit(folder, tensors={"sha256": file_hash(folder / "model.safetensors")})
    with pytest.raises(InputError, match=r"do not fit the network of the card: head\.0\.weight"):
        load(folder)


def test_a_folder_of_the_user_is_not_replaced(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "data.txt").write_text("mine")
    model = MeanRegressor().fit(np.zeros((3, 2)), [1.0, 2.0, 3.0])
    with pytest.raises(OutputError, match="holds no model"):
        save(model, tmp_path / "precious")
    assert (tmp_path / "precious" / "data.txt").read_text() == "mine"
