import json

import numpy as np
import pytest

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.validation import Record, records, regression_scores, score_table, wide


@pytest.fixture
def results(rng):
    y = rng.normal(size=120)
    block = np.arange(120) // 8
    return [
        Record(
            model=model, split=split, indicator=name, y=y, p=y + noise * rng.normal(size=120), blocks=block
        )
        for name in ("idhm", "pmpob")
        for split in ("random", "blocked")
        for model, noise in (("knn", 1.0), ("cell", 0.5))
    ]


def test_table_is_tidy_and_agrees_with_the_scores(results):
    table = score_table(results, n=200)
    assert len(table) == 2 * 2 * 2 * 5
    assert table.columns.tolist() == [
        "model",
        "split",
        "indicator",
        "metric",
        "value",
        "lower",
        "upper",
        "n",
        "n_blocks",
        "reliable",
    ]
    first = table[:5].set_index("metric")["value"].to_dict()
    assert first == pytest.approx(regression_scores(results[0].y, results[0].p))
    assert (table["lower"] <= table["value"]).mean() > 0.95
    assert table["n"].eq(120).all()
    assert table["n_blocks"].eq(15).all()
    assert table["reliable"].all()


def test_rows_never_tested_do_not_count(results):
    some = results[0]
    p = some.p.copy()
    p[:20] = np.nan
    table = score_table(
        [Record(model="m", split="s", indicator="i", y=some.y, p=p, blocks=some.blocks)], n=50
    )
    assert table["n"].eq(100).all()


def test_classes_have_their_own_scores(rng):
    y = rng.integers(0, 2, 60)
    proba = np.clip(y + rng.normal(size=60), 0, 1)
    record = Record(
        model="m",
        split="s",
        indicator="rich",
        y=y,
        p=(proba > 0.5) * 1,
        blocks=np.arange(60) // 5,
        proba=proba,
    )
    table = score_table([record], n=100)
    assert table["metric"].tolist() == ["accuracy", "macro_f1", "auc"]
    named = Record(
        model="m", split="s", indicator="i", y=["a", "b"], p=["a", "a"], blocks=[0, 1], classes=True
    )
    values = score_table([named], n=10).set_index("metric")["value"]
    assert values["accuracy"] == 0.5
    assert np.isnan(values["auc"])


def test_table_for_people(results):
    table = score_table(results, n=50, metrics=["r2", "mae"])
    shown = wide(table)
    assert shown.index.tolist() == ["knn", "cell"]
    expected = [(i, s) for i in ("idhm", "pmpob") for s in ("random", "blocked")]
    assert shown.columns.tolist() == expected
    value = table.loc[0]
    assert shown.iloc[0, 0] == f"{value['value']:.2f} [{value['lower']:.2f}, {value['upper']:.2f}]"
    few = score_table([Record(model="m", split="s", indicator="i", y=[1, 2], p=[1, 3], blocks=[0, 1])], n=9)
    assert wide(few, metric="mae", digits=1).iloc[0, 0].endswith("*")
    with pytest.raises(MissingColumnError, match="it has r2, mae"):
        wide(table, metric="auc")


def test_records_go_to_json(results):
    table = score_table(results[:1], n=20).assign(lower=np.nan)
    plain = json.loads(json.dumps(records(table), allow_nan=False))
    assert plain[0]["lower"] is None
    assert plain[0]["n"] == 120
    assert plain[0]["reliable"] is True


def test_nothing_to_score():
    with pytest.raises(InputError, match="nothing to score"):
        score_table([])
