"""Concepts of a project: what is true of the invented country is found, and chance is called chance."""

import shutil
import sys
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.ndimage import gaussian_filter

from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.explanation.concepts import linear_head
from geolivelihood.recipes.explanations.concept_activations import answers
from geolivelihood.recipes.explanations.concepts import explain_concepts
from geolivelihood.recipes.explanations.job import Job
from geolivelihood.recipes.explanations.pictures import picture_model
from geolivelihood.synthetic.landscape import CRS, STEP_M, landscape

pytestmark = pytest.mark.xdist_group("recipes")

_KEYS = ["method", "model", "target", "level", "name"]
_VALUES = ["value", "lower", "upper", "n", "n_eff", "q", "significant", "cav_accuracy"]


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """Polygons of where the people are rich and poor, and of boxes that lie anywhere."""
    land = landscape(0)
    people = gaussian_filter(land.population, 2)
    wealth = gaussian_filter(land.wealth * land.population, 2) / np.maximum(people, 1e-9)
    settled = land.land & (people > np.quantile(people[land.land], 0.5))
    low, high = np.quantile(wealth[settled], [0.2, 0.8])
    anywhere = np.zeros(land.land.size, dtype=bool)
    anywhere[np.random.default_rng(1).choice(np.flatnonzero(land.land), 90, replace=False)] = True
    places = {"rich": settled & (wealth > high), "poor": settled & (wealth < low)}
    parts = [_boxes(name, mask, 0.0) for name, mask in places.items()]
    parts.append(_boxes("anywhere", anywhere.reshape(land.land.shape), 650.0))
    path = tmp_path_factory.mktemp("truth") / "areas.geojson"
    pd.concat(parts).to_crs("EPSG:4326").to_file(path)
    return f"{path}:kind"


def _boxes(name, mask, wider):
    land, (row, column) = landscape(0), np.nonzero(mask)
    x, y = land.west + column * STEP_M, land.north - row * STEP_M
    boxes = shapely.box(x - wider, y - STEP_M - wider, x + STEP_M + wider, y + wider)
    return gpd.GeoDataFrame({"kind": [name]}, geometry=[shapely.union_all(boxes)], crs=CRS)


@pytest.fixture(scope="module")
def job(pictured, tmp_path_factory):
    """The ridge model of the tiles, to be given concepts."""
    return Job(pictured, pictured.project.models[0], "wealth", "concepts", tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def made(job, truth):
    return explain_concepts(replace(job, options={"concepts": truth}))


@pytest.fixture
def copies(job, tmp_path):
    """Folders of pictures: some of the country's photos by concept."""
    files = job.data.picture_files("photos").loc[job.data.features("photos").index]

    def _copy(**sets):
        for name, ids in sets.items():
            (tmp_path / name).mkdir(parents=True)
            for file in files.loc[ids]:
                shutil.copy(file, tmp_path / name)
        return tmp_path

    return files.index, _copy


def test_what_is_true_is_significant_and_chance_is_not(made):
    table = pd.read_csv(made.files[0]).set_index("concept")
    assert table["significant"].to_dict() == {"rich": True, "poor": True, "anywhere": False}
    assert table.loc["rich", "mean_sensitivity"] > table.loc["rich", "chance_upper"] > 0
    assert table.loc["poor", "mean_sensitivity"] < table.loc["poor", "chance_lower"] < 0
    assert table.loc[["rich", "poor"], "balanced_accuracy"].min() > 0.75
    assert table.loc["anywhere", "balanced_accuracy"] < 0.7 and table.loc["anywhere", "weak"]
    assert (table["repeats"] == 30).all() and (table["random_repeats"] == 200).all()
    # a linear head has one slope for all pictures
    assert table.loc["rich", "sign_count"] == table.loc["rich", "positive_magnitude_share"] == 1
    assert table.loc["poor", "sign_count"] == table.loc["poor", "positive_magnitude_share"] == 0
    assert made.facts["significant"] in ("rich, poor", "poor, rich")
    assert made.facts["not significant"] == "anywhere"


def test_three_layers_with_a_row_per_place_and_concept(job, made):
    ids = {"": "cell", "_clusters": "cluster_id", "_images": "image_id"}
    assert list(made.layers) == [f"explanations_concepts{end}" for end in ids]
    for end, place in ids.items():
        layer = made.layers[f"explanations_concepts{end}"]
        more = ["cosine"] if end == "_images" else []
        assert list(layer) == [place, *_KEYS, *_VALUES, *more, "geometry"]
        assert layer.crs == "EPSG:4326" and layer.geometry.notna().all()
        assert not layer.duplicated([place, "name"]).any() and layer["name"].nunique() == 3
        assert set(layer["level"]) == {place.removesuffix("_id")} and set(layer["target"]) == {"wealth"}
    images = made.layers["explanations_concepts_images"]
    assert len(images) == 3 * len(job.data.features("tiles"))
    assert images["cosine"].between(-1, 1).all()
    # against the mean picture
    assert np.allclose(images.groupby("name")["value"].mean(), 0, atol=1e-9)
    cells = made.layers["explanations_concepts"]
    assert set(cells["cell"].str.len()) == {15} and set(cells.geom_type) == {"Polygon"}
    # every chip was cut around one cell
    both = cells.merge(images, left_on=["cell", "name"], right_on=["image_id", "name"])
    assert len(both) == len(cells) and np.allclose(both["value_x"], both["value_y"])
    assert set(made.layers["explanations_concepts_clusters"].geom_type) == {"Point"}
    assert cells.loc[cells["name"].eq("anywhere"), "significant"].eq(False).all()


def test_values_are_the_closed_form(job, made):
    """Σ (a − ā) w v: linear in the activations, as far as their weights go along with the vector."""
    images = made.layers["explanations_concepts_images"].query("name == 'rich'").set_index("image_id")
    features = job.data.features("tiles").loc[images.index].to_numpy(dtype=float)
    centred = features - features.mean(axis=0)
    weights = linear_head(picture_model(job).network).weights
    found, *_ = np.linalg.lstsq(centred * weights, images["value"].to_numpy(), rcond=None)
    assert np.allclose(centred * weights @ found, images["value"], atol=1e-9)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)  # the unit vector of the concept


def test_the_drawings_are_there(made):
    assert [file.name for file in made.files] == [
        "concepts_ridge_wealth.csv",
        "concepts_ridge_wealth.png",
        "concepts_ridge_wealth_scores.png",
    ]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in made.files[1:])


def test_a_layout_that_cannot_be_is_refused_before_any_work(job, monkeypatch):
    with pytest.raises(InputError, match="choose 'tsne' or 'umap'"):
        explain_concepts(replace(job, options={"embedding": "pca"}))
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(EnvironmentMissingError, match=r"geolivelihood\[explain\]"):
        explain_concepts(replace(job, options={"embedding": "umap"}))


def test_some_pictures_alone(job, made, truth):
    images = job.data.features("tiles").index[:5]
    few = explain_concepts(replace(job, options={"concepts": truth}, ids=tuple(images)))
    shown = few.layers["explanations_concepts_images"].set_index(["image_id", "name"])["value"]
    assert set(shown.index.get_level_values(0)) == set(images)
    whole = made.layers["explanations_concepts_images"].set_index(["image_id", "name"])["value"]
    assert np.allclose(shown, whole.loc[shown.index])  # the same scale, whatever is asked for


def test_pictures_from_elsewhere_and_hidden_layers_share_the_space(job, copies):
    """Read by the source's encoder, or through the network to the layer before the head: the same."""
    ids, copy = copies
    lineup = job.lineup
    choice = lineup.project.models[0].model_copy(update={"sources": ["photos"]})
    photos = replace(job, choice=choice, source="photos")
    folder = copy(some=ids[:6])
    table = pd.DataFrame({"path": sorted(map(str, (folder / "some").iterdir()))})
    table["image_id"] = "concepts:" + table["path"]
    model = picture_model(photos)
    own = lineup.data.images("photos").drop_duplicates("image_id")
    own = own[own["image_id"].isin(ids)].iloc[:40]
    found = answers(photos, model, own, pd.Index(own["image_id"][:10]), table)
    kept = lineup.data.features("photos").set_index(lineup.data.picture_files("photos").loc[ids].map(_stem))
    here = found.values.loc[table["image_id"]].to_numpy()
    assert np.allclose(here, kept.loc[table["path"].map(_stem)], atol=1e-5)
    through = answers(replace(photos, options={"layer": "flat"}), model, own, found.own[:10], table)
    assert not through.linear and through.layer == "flat" and len(through.values) == 46
    assert np.allclose(through.values, found.values.loc[through.values.index], atol=1e-4)
    assert through.gradients.shape == (10, 64)
    assert np.allclose(through.gradients, found.gradients, atol=1e-6)
    assert (job.data.space.folder / "activations").exists()


def _stem(path):
    return str(path).rpartition("/")[2]


def test_folders_set_aside_what_is_too_little_and_chance_is_not_significant(job, copies):
    ids, copy = copies
    lot = np.random.default_rng(0).permutation(ids)
    folder = copy(chance=lot[:40], single=lot[:1], others=lot[40:120])
    (folder / "chance" / "broken.png").write_bytes(b"no picture")
    made = explain_concepts(replace(job, options={"concepts": str(folder)}))
    rejected = made.rejected.set_index("row")
    assert set(rejected["stage"]) == {"explain-concepts"}
    assert rejected.loc["single", "reason"] == "1 picture; 5 or more are needed"
    assert "picture" in rejected.loc["concepts:chance/broken", "reason"]
    assert made.facts["not significant"] == "chance" and made.facts["significant"] == "none"
    assert made.facts["counterexamples"] == "80 given pictures of no concept"
    with pytest.raises(InputError, match=r"No concept has 5 pictures that can be read \(single: 1\)"):
        shutil.rmtree(folder / "chance")
        explain_concepts(replace(job, options={"concepts": str(folder)}))


def test_concepts_that_cover_everything_are_told_from_what_lies_outside_each(job, tmp_path):
    west, south, east, north = job.data.images("tiles").total_bounds
    middle = (west + east) / 2
    halves = [shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)]
    areas = gpd.GeoDataFrame({"half": ["west", "east"]}, geometry=halves, crs="EPSG:4326")
    areas.to_file(tmp_path / "areas.geojson")
    made = explain_concepts(replace(job, options={"concepts": f"{tmp_path / 'areas.geojson'}:half"}))
    table = pd.read_csv(made.files[0]).set_index("concept")
    assert made.facts["counterexamples"].startswith("the source's pictures outside each concept")
    # of two halves one is what the other is not
    assert table.loc["west", "mean_sensitivity"] * table.loc["east", "mean_sensitivity"] < 0


def test_a_network_on_photos(pictured, copies, tmp_path):
    ids, copy = copies
    folder = copy(some=ids[:8])
    job = Job(pictured, pictured.project.models[1], "wealth", "concepts", tmp_path / "files",
              options={"concepts": str(folder), "layer": "backbone.conv5"})  # fmt: skip
    made = explain_concepts(job)
    table = pd.read_csv(made.files[0])
    assert table["layer"].item() == "backbone.conv5" and 0 <= table["sign_count"].item() <= 1
    images = made.layers["explanations_concepts_images"]
    assert set(images.geom_type) == {"Point"} and images["value"].std() > 0  # slopes differ by picture
    pooled = explain_concepts(replace(job, options={"concepts": str(folder)}))
    assert pooled.facts["layer"] == "features"
    with pytest.raises(InputError, match="no layer 'nowhere'"):
        explain_concepts(replace(job, options={"concepts": str(folder), "layer": "nowhere"}))
