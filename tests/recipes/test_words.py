"""What the report says in words: promises, verdicts, tables that need no knowledge of the code."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from geolivelihood.layers.report_tables import Table, table_grid
from geolivelihood.recipes.report_frames import checks_frame, coverage_frame, regions_frame, scores_frame
from geolivelihood.recipes.words import (
    _apart,
    _compared,
    _explained,
    _fit,
    _held,
    groups_sentence,
    relabelled,
)
from geolivelihood.validation import Interval

LABELS = {"wealth": "Wealth index"}


def interval(value, lower, upper):
    return Interval(value, lower, upper, reliable=True, n_blocks=20)


def r2(value, lower=np.nan, upper=np.nan, reliable=True):
    return pd.Series({"value": value, "lower": lower, "upper": upper, "reliable": reliable})


def covered(**changes):
    row = {"indicator": "wealth", "group": "all", "nominal": 0.9, "coverage": 0.97, "lower": 0.94}
    row |= {"upper": 0.99, "block_mean": 0.96, "worst": 0.7, "mean_width": 2.91, "n": 258, "n_blocks": 18}
    return row | changes


def assessed(coverage, *, groups="auto", known=True, settings=True):
    """An assessment as far as sentences about intervals ask for it."""
    given = SimpleNamespace(coverage=0.9, alpha=0.1, groups=groups) if settings else None
    return SimpleNamespace(
        trust=SimpleNamespace(settings=given),
        lineup=SimpleNamespace(indicators=["wealth"]),
        people=SimpleNamespace(known=known),
        coverage=coverage,
    )


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_what_a_blocked_score_means():
    said = plain(_explained("Wealth index", r2(0.57, -0.001, 0.65)))
    assert said == (
        "Wealth index: in districts without a survey it explains 57 % [0 %, 65 %] of the variance between "
        "places."
    )
    assert "no better than the mean of all places (R² 0.00 [-0.20, 0.10])" in _explained(
        "x", r2(-0.001, -0.2, 0.1)
    )
    assert _explained("x", r2(np.nan)) == "x: all labels are equal; there is nothing to explain."
    assert "unreliable" in _explained("x", r2(0.5, 0.4, 0.6, reliable=False))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (interval(-0.2, -0.3, -0.1), "a baseline wins: knn"),
        (interval(-0.2, -0.3, 0.0), "a baseline wins: knn"),
        (interval(-0.1, -0.3, 0.1), "knn, which knows only the coordinates, is level with or ahead of cell"),
        (interval(0.0, 0.0, 0.1), "nothing shows that pictures add to knowing where a place is"),
        (interval(0.1, -0.1, 0.3), "cell is ahead of the best baseline, knn, by no more than chance"),
        (interval(0.2, 0.1, 0.3), "cell beats the best baseline, knn"),
    ],
)
def test_verdicts(found, said):
    assert said in _compared("cell", "knn", found)


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [(0.94, 0.99, ", wider than they need be"), (0.88, 0.95, ""), (0.7, 0.85, ", too narrow")],
)
def test_intervals_that_miss_their_promise_are_called_so(lower, upper, said):
    assert _fit(pd.Series(covered(lower=lower, upper=upper))) == said


def test_coverage_names_the_promise_and_how_it_was_measured():
    said = plain(" ".join(_held(assessed(pd.DataFrame([covered()])), LABELS)))
    assert said == (
        "The 90 % intervals of Wealth index held the survey's value in 97 % [94 %, 99 %] of the surveyed "
        "places, when calibrated on the other blocks; their mean width is 2.91 (unit of Wealth index), wider "
        "than they need be."
    )
    off = _held(assessed(pd.DataFrame(), settings=False), LABELS)
    assert off == ["Intervals were switched off in the project (uncertainty: none)."]
    assert "no intervals" in _held(assessed(pd.DataFrame()), LABELS)[0]


def test_groups_with_quantiles_of_their_own():
    both = pd.DataFrame([covered(), covered(group="dense", n_blocks=14), covered(group="sparse", n_blocks=9)])
    assert "apart for dense and sparse places" in groups_sentence(assessed(both), "wealth")
    few = both.assign(n_blocks=[18, 14, 8])
    assert "apart for dense places" in groups_sentence(assessed(few), "wealth")
    none = pd.DataFrame([covered()])
    assert "too few blocks" in groups_sentence(assessed(none), "wealth")
    assert "no raster of population" in groups_sentence(assessed(none, known=False), "wealth")
    assert "the project wants none" in groups_sentence(assessed(none, groups="none"), "wealth")


def test_remarks_go_by_the_readers_names():
    found = relabelled(["wealth: no intervals.", "Moran's I: is missing."], LABELS)
    assert found == ["Wealth index: no intervals.", "Moran's I: is missing."]


def test_tables_have_headings_for_readers():
    coverage = coverage_frame(pd.DataFrame([covered(lower=np.nan)]), LABELS)
    assert plain(coverage["measured"].iloc[0]) == "97 %" and coverage.index[0] == "Wealth index"
    checks = pd.DataFrame(
        {
            "indicator": ["wealth"],
            "split": ["region"],
            "folds": [5],
            "dropped": [0.213],
            "moran_i": [0.19],
            "ceiling": [np.nan],
        }
    )
    shown = checks_frame(checks, LABELS)
    assert list(shown.columns) == ["split", "folds", "kept out of training", "Moran's I"]
    assert plain(shown["kept out of training"].iloc[0]) == "21 %"


def test_regions_show_shares_flags_and_two_digits_of_the_errors():
    regions = pd.DataFrame(
        {
            "name": ["Avenor", "Belisse"],
            "wealth": [0.12345, -0.001],
            "wealth_parameter_sd": [0.021, 0.034],
            "uncovered": [6.8e-07, 0.3],
            "share_applicable": [1.0, np.nan],
            "flagged": [False, True],
        }
    )
    frame, digits = regions_frame(regions, "wealth")
    grid = table_grid(Table(title="Regions", frame=frame, digits=digits))
    cells = [[plain(text) for text in texts] for _, texts in grid.rows]
    assert cells == [["0.123", "0.021", "0 %", "100 %", "no"], ["−0.001", "0.034", "30 %", "–", "yes"]]
    assert [heading.text for heading in grid.head[0]] == [
        "model",
        "model part",
        "off the map",
        "applicable",
        "flagged",
    ]


def test_scores_that_do_not_exist_are_a_dash():
    rows = pd.DataFrame(
        {
            "model": ["mean", "knn"],
            "split": "region",
            "indicator": "wealth",
            "metric": "r2",
            "value": [np.nan, -0.001],
            "lower": [np.nan, -0.2],
            "upper": [np.nan, 0.1],
            "reliable": True,
        }
    )
    assert scores_frame(rows, "r2")["region left out"].tolist() == ["–", "0.00 [-0.20, 0.10]"]


def test_the_page_speaks_to_readers(result):
    page = result.report.read_text(encoding="utf-8")
    shown = page[: page.index('id="sources"')]
    text = plain(re.sub(r"\s+", " ", re.sub(r"<[^>]+>|&#39;", " ", shown[shown.index("<body>") :])))
    for code in ("moran_i", "parameter_sd", "block_mean", "wasserstein_km", "-0.00", "auto m"):
        assert code not in text
    assert not re.search(r"\bnan\b", text)
    for said in (
        "The model ( cell ) is trained on the average over where each displaced place may lie.",
        "Inside the 90 % intervals",
        "of the people in the map s cells",
        "windows of overhead pictures may overlap",
        "no population prior",
        "km wide)",
        "off the map",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("buffer_m", "window_m", "may"),
    [(0, 500, True), (400, 500, True), (500, 500, False), (1, 0, False), (0, 0, True)],
)
def test_windows_wider_than_the_buffer_may_overlap(buffer_m, window_m, may):
    source = SimpleNamespace(chips=object(), kind="overhead")
    data = SimpleNamespace(seen_by=lambda model: ["lights"], source=lambda name: source)
    project = SimpleNamespace(models=["cell"])
    lineup = SimpleNamespace(project=project, data=data, splits=SimpleNamespace(window_m=window_m))
    assert ("may overlap" in _apart(lineup, buffer_m)) == may
