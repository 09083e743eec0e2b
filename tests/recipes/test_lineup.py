"""Models meet the survey's weights and errors, several indicators at once, and never a picture twice."""

import numpy as np
import pytest
from sklearn.base import clone

from geolivelihood.recipes import livelihood, open_project

pytestmark = pytest.mark.xdist_group("recipes")

TWO = {"dhs": {"gps": "survey/QZGE71FL.shp", "recode": "survey/QZHR71FL.DTA"}}
TWO["dhs"]["indicators"] = {"wealth": "hv271", "light": {"column": "hv206", "equals": 1}}


def test_weights_and_label_errors_reach_the_models_that_take_them(opened):
    _, lineup = opened()
    for model in lineup.project.models:
        taken = set(lineup.job(model, "wealth").per_row)
        assert taken == ({"sample_weight"} if model.name in ("mean", "knn") else {"sample_weight", "se"})
    weight, clusters = lineup.sample.weight, lineup.sample.clusters
    assert np.allclose(weight, clusters["weight"] / clusters["weight"].mean())
    se = lineup.job(lineup.project.models[-1], "wealth").per_row["se"]
    assert np.array_equal(se, clusters["wealth_se"])


def test_a_fold_is_fitted_with_its_own_weights_and_errors(opened):
    _, lineup = opened()
    model = next(m for m in lineup.project.models if m.name == "ridge")
    job, (train, test) = lineup.job(model, "wealth"), lineup.splits.of("blocked")[0]
    cut = {name: values[train] for name, values in job.per_row.items()}
    by_hand = clone(job.estimator).fit(job.X[train], job.labels.y[train], **cut).predict(job.X[test])
    table = lineup.out_of_fold(model, "blocked", "wealth")
    assert np.allclose(table["predicted"].to_numpy()[test], by_hand)
    assert (table["fold"].to_numpy()[test] == 0).all()


def test_blocked_validation_never_embeds_again(opened, monkeypatch):
    calls = []
    monkeypatch.setattr(livelihood, "embed", lambda *args, **kwargs: calls.append(args))
    _, lineup = opened(**{"seed": 0, "validation.folds": 4})  # folds that no run has scored
    model = next(m for m in lineup.project.models if m.name == "ridge")
    fitted = lineup.out_of_fold(model, "blocked", "wealth")
    assert fitted["fold"].nunique() == 4 and not calls


def test_an_unseen_encoder_would_be_called(opened, monkeypatch):
    calls = []
    monkeypatch.setattr(livelihood, "embed", lambda images, *args, **kwargs: calls.append(len(images)))
    data, _ = opened(**{"images.1.encoder.name": "summary"})
    with pytest.raises((OSError, ValueError)):  # nothing was embedded, so there is nothing to read
        data.features("tiles")
    assert len(calls) == 1


def test_joint_models_learn_all_indicators_in_one_fit(opened):
    joint = [{"name": name, "joint": True} for name in ("ridge", "cell")]
    _, lineup = opened(**{"clusters": TWO, "models": ["mean", *joint]})
    for model in lineup.project.models[1:]:
        stages = {lineup.score_stage(model, "random", name).key for name in lineup.indicators}
        assert len(stages) == 1
        job = lineup.job(model, "light")
        assert job.labels.y.shape == job.labels.se.shape == (len(lineup.sample.rows), 2)
        table = lineup.out_of_fold(model, "random", "light")
        assert table["predicted"].notna().all() and np.allclose(table["observed"], job.labels.y[:, 1])
        assert np.corrcoef(table["observed"], table["predicted"])[0, 1] > 0.3
    assert lineup.cell_predictions("light").between(-1, 2).mean() > 0.9


def test_an_indicator_that_nobody_answered_is_named(geographic):
    def silent(table):
        return table.assign(wealth=np.nan)

    with pytest.raises(ValueError, match="wealth"):
        _, lineup = open_project(geographic(silent))
        lineup.scores()


def test_gaps_of_one_indicator_do_not_move_the_folds(geographic):
    def gaps(table):
        return table.assign(other=table["wealth"].where(np.arange(len(table)) % 3 > 0))

    clusters = {"path": "clusters.csv", "indicators": ["wealth", "other"], "crs": "EPSG:4326"}
    _, lineup = open_project(geographic(gaps, clusters=clusters))
    knn = lineup.map_choice
    first, second = (lineup.out_of_fold(knn, "blocked", name) for name in ("wealth", "other"))
    assert first["fold"].equals(second["fold"])
    assert (
        second["observed"].isna().mean() == pytest.approx(1 / 3, abs=0.02)
        and second["predicted"].notna().all()
    )
    n = (
        lineup.scores()
        .query("metric == 'r2' and split == 'blocked' and model == 'knn'")
        .set_index("indicator")["n"]
    )
    assert n["other"] < n["wealth"]
