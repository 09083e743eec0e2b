"""What the map's model goes by: importances, curves and a tree of a small country, kept and told."""

import re
import shutil
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from geolivelihood import validation
from geolivelihood.errors import ProjectError
from geolivelihood.recipes import Assessment, open_project, plan_project, run_project
from geolivelihood.recipes.blanks import WithAverages, blanked
from geolivelihood.recipes.explained_section import explained_sections
from geolivelihood.recipes.explaining import without_source
from geolivelihood.recipes.named import Followed, named_columns, named_sources

pytestmark = pytest.mark.xdist_group("recipes")

TINY = {
    "models": ["mean", {"name": "boosting", "options": {"max_iter": 10}}, "cell"],
    "images.0.encoder": {"name": "rcf", "options": {"n_features": 16}},
    "images.1.encoder": {"name": "summary"},
    "validation.splits": ["blocked"],
    "validation.folds": 3,
    "validation.bootstrap": 200,
    "uncertainty.draws": 0,
    "small_areas.fay_herriot": False,
    "applicability": False,
    "output.map": False,
    "output.formats": ["gpkg"],
}


@pytest.fixture(scope="module")
def run(country_folder, tmp_path_factory):
    """One run of the small country with small encoders, and its project file."""
    folder = tmp_path_factory.mktemp("explained") / "country"
    shutil.copytree(country_folder, folder)
    return run_project(folder / "project.yaml", overrides=TINY), folder / "project.yaml"


@pytest.fixture
def explained(run):
    """What explains the run, under further settings; what the run has kept is kept."""

    def _open(**overrides):
        _, lineup = open_project(run[1], overrides=TINY | overrides)
        return Assessment(lineup).explained

    return _open


# -- a whole run --------------------------------------------------------------------------------------


def test_importances_lie_beside_the_scores(run):
    table = pd.read_csv(run[0].geopackage.parent / "importance.csv")
    assert set(table["kind"]) == {"source", "object", "shapley"} and set(table["indicator"]) == {"wealth"}
    sources = table[table["kind"].eq("source")].set_index("name")
    assert set(sources.index) == {"photos", "tiles", "objects"}
    assert sources["method"].eq("drop-column").all() and sources["model"].eq("cell").all()
    scores = pd.read_csv(run[0].scores).query("model == 'cell' and metric == 'r2'")
    assert sources["r2"].to_numpy() == pytest.approx(scores["value"].item(), abs=1e-5)
    assert ((table["lower"] <= table["importance"]) & (table["importance"] <= table["upper"])).mean() > 0.9
    shapley = table[table["kind"].eq("shapley")]
    assert (shapley["importance"] >= 0).all() and {"photos", "tiles"} <= set(shapley["name"])
    assert "street light" in set(table.loc[table["kind"].eq("object"), "name"])


def test_dropping_a_source_is_cross_validation_of_the_same_model_on_the_others(explained):
    made = explained()
    lineup = made.lineup
    whole = lineup.out_of_fold(lineup.map_choice, "blocked", "wealth")
    other = without_source(lineup.data, lineup.map_choice, "photos")
    assert lineup.data.seen_by(other) == ["tiles", "objects"]
    less = lineup.out_of_fold(other, "blocked", "wealth")
    known = less["predicted"].notna() & whole["observed"].notna()
    lost = [validation.r2(part["observed"][known], part["predicted"][known]) for part in (whole, less)]
    row = made.sources("wealth").set_index("name").loc["photos"]
    assert row["importance"] == pytest.approx(lost[0] - lost[1])
    assert row["n_rows"] == known.sum()


def test_the_report_has_the_chapter_with_what_it_is_not(run):
    text = run[0].report.read_text()
    chapter = text[text.index("What does the model go by?") :]
    chapter = re.sub(r"\s+", " ", re.sub(r"data:[^\"]*", "", chapter))
    assert "not what makes places rich or poor" in chapter
    assert "trained anew without the source" in chapter and "not the map&#39;s model" in chapter
    assert "not what would happen" in chapter and "(R², cells that it had not seen" in chapter
    assert "surveyed places that it was trained on" in chapter


def test_curves_run_where_surveyed_places_lie(explained):
    made = explained()
    curves = made.curves("wealth")
    assert curves["feature"].nunique() == 4
    assert list(curves["feature"].unique()) == list(made.objects("wealth")["name"][:4])
    data = made.data
    column = named_columns(data, ["objects"])[curves["feature"][0]]
    surveyed = data.cluster_features(["objects"])[column].iloc[made.lineup.sample.rows]
    first = curves[curves["feature"].eq(curves["feature"][0])]
    assert surveyed.min() <= first["value"].min() and first["value"].max() <= surveyed.max()
    assert first["share"].sum() == pytest.approx(1)
    steps = np.diff(first["mean"]) / np.diff(first["value"])
    assert np.allclose(steps, steps[0])  # this map is linear


def test_the_tree_speaks_of_objects_and_of_the_map(explained):
    tree = explained().tree("wealth")
    root = ElementTree.fromstring(tree.svg)
    assert "Wealth index" in " ".join(root.itertext())
    assert any(name in " ".join(tree.leaves["rule"]) for name in named_columns(explained().data, ["objects"]))
    assert tree.leaves["share"].sum() == pytest.approx(1) and tree.fidelity <= 1


def test_a_second_run_measures_nothing(run, explained, monkeypatch):
    assert all(done for _, done in plan_project(run[1], overrides=TINY))
    monkeypatch.setattr(validation, "out_of_fold", lambda *_, **__: pytest.fail("measured again"))
    made = explained()
    (section,) = explained_sections(made)
    assert len(section.figures) == 5 and not made.missing


def test_a_changed_model_asks_again_and_a_changed_bootstrap_does_not(explained):
    stages = {stage.name: stage.key for stage in explained().stages()}
    same = {stage.name: stage.key for stage in explained(**{"validation.bootstrap": 300}).stages()}
    assert stages == same
    options = [*TINY["models"][:2], {"name": "cell", "options": {"hops": 1}}]
    other = {stage.name: stage.key for stage in explained(models=options).stages()}
    changed = {name for name, key in stages.items() if other[name] != key}
    assert "explain-curves-cell-wealth" in changed and "explain-tree-wealth" in changed
    assert "explain-shapley-boosting-wealth" not in changed


# -- networks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["mlp", "graph"])
def test_a_network_is_told_averages_after_one_fit_per_fold(explained, head):
    options = {"head": head, "max_epochs": 2, "hidden": 8}
    made = explained(models=["mean", {"name": "cell", "options": options}])
    assert made.network
    table = made.sources("wealth")
    assert set(table["method"]) == {"average told"} and set(table["name"]) == {"photos", "tiles", "objects"}
    assert np.isfinite(table[["importance", "se"]]).all(axis=None)
    assert (made.curves("wealth") is None) == (head == "graph")  # pictures are no table of cells


def test_a_blanked_source_is_its_average_where_it_was_known(explained):
    made = explained()
    features, _ = made.lineup.inputs.cells(made.choice)
    columns = made.data.cell_features(["photos", "tiles", "objects"]).columns
    given = [beside["features"] for _, beside in blanked(made.lineup, made.choice)(None)]
    assert len(given) == 3
    for name, table in zip(["photos", "tiles", "objects"], given):
        own = columns.str.startswith(f"{name}_")
        assert np.array_equal(table[:, ~own], features[:, ~own], equal_nan=True)
        assert np.array_equal(np.isnan(table), np.isnan(features))
        assert (np.nanmax(table[:, own], axis=0) == np.nanmin(table[:, own], axis=0)).all()


def test_an_estimator_answers_for_every_variant():
    class Sum:
        def __init__(self):
            pass

        def get_params(self, deep=True):
            return {}

        def fit(self, X, y):
            return self

        def predict(self, X, *, plus=0):
            return X.sum(axis=1) + plus

    variants = lambda X: iter([(X * 2, {}), (X, {"plus": 5})])  # noqa: E731
    answer = WithAverages(Sum(), variants=variants).fit(None, None).predict(np.array([[1, 2], [3, 4]]))
    assert answer.tolist() == [[3, 6, 8], [7, 14, 12]]


# -- other projects -----------------------------------------------------------------------------------


def test_brightness_has_a_name_where_no_objects_are_counted(explained):
    made = explained(**{"images": [{**_source(explained, 0)}, {**_source(explained, 1)}]})
    assert named_sources(made.data, ["photos", "tiles"]) == ["tiles"]
    assert list(named_columns(made.data, ["tiles"]))[:2] == ["mean of band 1", "sd of band 1"]
    assert made.objects("wealth").empty
    assert "of band" in made.tree("wealth").leaves["rule"][0]
    curves = made.curves("wealth")
    assert list(curves["feature"].unique()) == ["tiles: mean of band 1"]
    assert "as they are at places of this value" in explained_sections(made)[0].figures[-2].caption


def test_what_follows_a_feature_is_as_it_is_at_such_places():
    knots = pd.DataFrame({"light": [0.0, 10.0], "spread": [1.0, 3.0]}, index=[0.0, 10.0])
    path = Followed("light", "light", knots)
    table = pd.DataFrame({"light": [5.0, np.nan, 20.0], "spread": [9.0, 9.0, 9.0], "other": [1.0, 2.0, 3.0]})
    led = path.led(table)
    assert led["spread"].tolist()[::2] == [2.0, 3.0] and np.isnan(led["spread"][1])
    assert led[["light", "other"]].equals(table[["light", "other"]])
    assert path.grid(3) == [0, 5, 10]


def _source(explained, at):
    return explained().lineup.project.images[at].model_dump(exclude_none=True)


def test_a_map_of_coordinates_has_nothing_to_explain(explained):
    made = explained(map_model="mean")
    assert made.stages() == [] and made.importance.empty
    (section,) = explained_sections(made)
    assert "'mean', looks at no picture" in section.text[0]


def test_who_does_not_want_it_gets_nothing(explained):
    made = explained(explanations=False)
    assert made.stages() == [] and explained_sections(made) == [] and made.importance.empty


def test_without_shap_the_chapter_says_what_to_install(explained, monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    boosting = {"name": "boosting", "options": {"max_iter": 11}}  # of which nothing is kept
    made = explained(models=["mean", boosting, "cell"])
    (section,) = explained_sections(made)
    assert any("pip install 'geolivelihood[explain]'" in said for said in section.text)
    assert not any("moves the predictions" in figure.title for figure in section.figures)


def test_one_source_cannot_be_left_out(explained):
    made = explained(models=["mean", {"name": "ridge", "sources": ["objects"]}], map_model="ridge")
    assert made.sources("wealth").empty
    (section,) = explained_sections(made)
    assert any("one source, 'objects'" in said for said in section.text)


def test_a_wrong_word_names_its_line(tmp_path, run):
    text = run[1].read_text() + "explanations: perhaps\n"
    (tmp_path / "project.yaml").write_text(text)
    line = text.count("\n")
    with pytest.raises(ProjectError, match=rf"line {line}, explanations: .*perhaps"):
        open_project(tmp_path / "project.yaml")
