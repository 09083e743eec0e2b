"""Pictures of the report: what they draw, not only that bytes come back."""

import io
import xml.etree.ElementTree as ElementTree

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from geolivelihood import layers
from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.layers import drawing
from geolivelihood.validation import Record, Variogram, fit_variogram, score_table

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawn(monkeypatch):
    """The axes of every chart that is drawn, in their order."""
    seen = []
    as_svg = drawing.as_svg
    monkeypatch.setattr(drawing, "as_svg", lambda canvas: (seen.append(canvas.axes[0]), as_svg(canvas))[1])
    return seen


def texts(figure):
    return [text.text for text in ElementTree.fromstring(figure.image).iter(f"{SVG}text")]


def legend(axes):
    return [text.get_text() for text in axes.figure.legends[0].get_texts()]


def line(axes, label):
    return next(item for item in axes.lines if item.get_label() == label)


# predictions ------------------------------------------------------------------------------------


def test_predictions_with_intervals_groups_and_the_diagonal(drawn):
    y, p = np.array([1.0, 2.0, 3.0, 4.0, np.nan]), np.array([1.5, 2.0, 5.0, 3.5, 1.0])
    bands = (p - 1, p + 1, np.zeros(5, dtype=bool))  # as conformal intervals come: with a third part
    groups = ["urban", "rural", "urban", None, "rural"]
    figure = layers.predicted_observed_figure(y, p, interval=bands, groups=groups, label="Wealth")
    (axes,) = drawn
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((0.84, 5.16))
    assert axes.get_xlabel() == "Observed in the survey: Wealth"
    assert legend(axes) == ["interval holds it", "interval misses it", "rural", "unknown", "urban"]
    hits, misses = (len(bars.get_segments()) for bars in axes.collections)
    assert (hits, misses) == (3, 1)
    (miss,) = axes.collections[1].get_segments()
    assert miss.tolist() == [[3, 4], [3, 6]]  # at its observed value, from lower to upper
    assert line(axes, "urban").get_xydata().tolist() == [[1, 1.5], [3, 5]]
    diagonal = axes.lines[-1].get_xydata()
    assert np.array_equal(diagonal[:, 0], diagonal[:, 1])
    assert "4 places" in figure.alt and "75\N{NO-BREAK SPACE}% of the intervals" in figure.alt
    assert f"R² {1 - (0.25 + 0 + 4 + 0.25) / 5:.2f}" in figure.alt


def test_many_predictions_become_a_picture_inside_and_bars_are_thinned(drawn, rng):
    y = rng.normal(size=3000)
    p = y + 0.1 * rng.normal(size=3000)
    figure = layers.predicted_observed_figure(y, p, interval=(p - np.inf, p + np.inf))
    (axes,) = drawn
    assert sum(len(bars.get_segments()) for bars in axes.collections) == 150
    assert all(np.isfinite(bar).all() for bars in axes.collections for bar in bars.get_segments())
    assert len(list(ElementTree.fromstring(figure.image).iter(f"{SVG}image"))) == 1
    assert len(figure.image) < 300_000


def test_predictions_without_intervals_say_nothing_of_them(drawn):
    figure = layers.predicted_observed_figure([2.0], [2.0])
    assert not drawn[0].collections and not drawn[0].figure.legends
    assert "interval" not in figure.alt + figure.caption


@pytest.mark.parametrize(
    ("y", "p", "more"),
    [
        ([1.0, 2.0], [1.0], {}),
        ([np.nan], [1.0], {}),
        ([], [], {}),
        ([1.0, 2.0], [1.0, 2.0], {"groups": ["a"]}),
        ([1.0, 2.0], [1.0, 2.0], {"interval": ([1.0], [2.0])}),
    ],
)
def test_predictions_that_do_not_fit(y, p, more):
    with pytest.raises(InputError, match="Give one of each per row"):
        layers.predicted_observed_figure(y, p, **more)


def test_coverage_against_its_promise(drawn):
    frame = pd.DataFrame(
        {"nominal": [0.5, 0.9], "measured": [0.47, 0.92], "lower": [0.4, 0.88], "upper": [0.5, 0.96]}
    )
    figure = layers.coverage_figure(frame)
    (axes,) = drawn
    assert axes.lines[0].get_xydata().tolist() == [[0.5, 0.47], [0.9, 0.92]]
    assert [bar.tolist() for bar in axes.collections[0].get_segments()] == [
        [[0.5, 0.4], [0.5, 0.5]],
        [[0.9, 0.88], [0.9, 0.96]],
    ]
    assert axes.get_xlim()[0] < 0.4 and axes.get_xlim()[1] > 1
    assert "90\N{NO-BREAK SPACE}% promised, 92\N{NO-BREAK SPACE}% measured" in figure.alt
    assert "90 %" in texts(figure)
    both = pd.concat([frame.assign(group="urban"), frame.assign(group="rural")])
    layers.coverage_figure(both[["nominal", "measured", "group"]])
    assert legend(drawn[1]) == ["urban", "rural", "promise kept"]


def test_reliability_of_probabilities(drawn):
    curve = pd.DataFrame(
        {"predicted": [0.1, 0.8], "observed": [0.2, 0.75], "lower": [np.nan, 0.7], "upper": [np.nan, 0.8]}
    )
    figure = layers.reliability_figure(curve)
    assert drawn[0].lines[0].get_xydata().tolist() == [[0.1, 0.2], [0.8, 0.75]]
    assert "2 bins" in figure.alt and "10\N{NO-BREAK SPACE}%" in figure.alt
    with pytest.raises(MissingColumnError, match="'observed'"):
        layers.reliability_figure(curve.drop(columns="observed"))


# models -----------------------------------------------------------------------------------------


@pytest.fixture
def scores(rng):
    y, block = rng.normal(size=90), np.arange(90) // 5
    made = [
        Record(
            model=model,
            split=split,
            indicator=indicator,
            y=y,
            p=y + noise * rng.normal(size=90),
            blocks=block,
        )
        for indicator in ("wealth", "bmi")
        for model, noise in (("mean", 1.5), ("knn", 0.5), ("cell", 0.4))
        for split in ("random", "blocked")
    ]
    return score_table(made, n=50)


def test_scores_of_models_side_by_side(drawn, scores):
    figure = layers.score_figure(
        scores,
        baselines=["mean", "knn"],
        splits={"blocked": "new districts", "random": "random"},
        ceiling=0.9,
    )
    (axes,) = drawn
    assert legend(axes) == ["new districts", "random", "noise ceiling"]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "mean\n(baseline)",
        "knn\n(baseline)",
        "cell",
    ]
    assert len(axes.patches) == 2  # the grey ground of the baselines
    wanted = scores.query("indicator == 'wealth' and metric == 'r2' and split == 'blocked'")
    marks = line(axes, "new districts")
    assert marks.get_xdata()[1:] == pytest.approx(wanted["value"].to_numpy()[1:])
    ends = np.array([bar[:, 0] for bar in axes.collections[0].get_segments()])[1:]
    assert ends == pytest.approx(wanted[["lower", "upper"]].to_numpy()[1:])
    assert line(axes, "noise ceiling").get_xdata()[0] == 0.9
    assert axes.get_ylim() == (2.5, -0.5)
    assert f"best cell {wanted['value'].max():.2f}" in figure.alt


def test_a_useless_model_does_not_stretch_the_axis(drawn, scores):
    bad = scores.query("metric == 'r2'").copy()
    bad.loc[bad["model"].eq("mean"), ["value", "lower", "upper"]] = [-40.0, -60.0, -30.0]
    figure = layers.score_figure(bad)
    assert drawn[0].get_xlim()[0] > -0.7
    assert "◂ −40.00" in texts(figure)


def test_other_scores_and_what_is_not_there(drawn, scores):
    figure = layers.score_figure(scores, metric="mae", indicator="bmi")
    assert "blocked: best cell" in figure.alt  # the smallest error
    assert drawn[0].get_xlabel() == "mean absolute error, out of fold"
    with pytest.raises(InputError, match="no 'auc' of wealth"):
        layers.score_figure(scores, metric="auc")
    with pytest.raises(InputError, match="under the splits region; it has random, blocked"):
        layers.score_figure(scores, splits={"region": "new countries"})
    with pytest.raises(MissingColumnError, match="'value'"):
        layers.score_figure(scores.drop(columns="value"))


def test_importances_from_the_top_with_intervals(drawn):
    frame = pd.DataFrame({"name": [f"US$ {n} of R$" for n in range(25)], "value": np.arange(25.0)})
    frame = frame.assign(lower=frame.value - 1, upper=frame.value + 1)
    frame.loc[3, "value"] = np.nan
    figure = layers.importance_figure(frame, label="Loss of R²")
    (axes,) = drawn
    assert [bar.get_width() for bar in axes.patches] == list(range(24, 4, -1))
    assert axes.get_yticklabels()[0].get_text() == "US$ 24 of R$"
    assert axes.collections[0].get_segments()[0].tolist() == [[23, 0], [25, 0]]
    assert "4 less important ones" in figure.caption
    assert "US$ 24 of R$" in texts(figure)  # no formula
    assert figure.alt.startswith("Bars of importance of 20 inputs, from the top: US$ 24 of R$ 24")


def test_importances_without_intervals_and_without_any(drawn):
    layers.importance_figure(
        pd.DataFrame({"name": ["a very long name of a feature that goes on"], "value": [1.0]})
    )
    assert drawn[0].get_yticklabels()[0].get_text().endswith("…")
    with pytest.raises(InputError, match="nothing to draw"):
        layers.importance_figure(pd.DataFrame({"name": ["a"], "value": [np.nan]}))


def test_curves_of_features_share_their_vertical_scale(drawn):
    curves = pd.DataFrame(
        {
            "feature": ["lamps"] * 3 + ["roads"] * 2 + ["US$ of R$"] * 2,
            "value": [2.0, 0.0, 1.0, 0.0, 1.0, 3.0, 4.0],
            "mean": [4.0, 1.0, 2.0, 3.0, 3.0, -1.0, 9.0],
            "lower": [3.0, 0.0, 1.0, *[np.nan] * 4],
            "upper": [5.0, 2.0, 3.0, *[np.nan] * 4],
            "share": [0.2, 0.5, 0.3, 0.9, 0.1, 1.0, 0.0],
        }
    )
    figure = layers.dependence_figure(curves, label="Wealth")
    panels = drawn[0].figure.axes
    assert len(panels) == 4 and [axes.get_visible() for axes in panels] == [True, True, True, False]
    assert panels[0].lines[0].get_xydata().tolist() == [[0, 1], [1, 2], [2, 4]]
    assert [axes.get_xlabel() for axes in panels[:3]] == ["lamps", "roads", "US$ of R$"]
    assert len({axes.get_ylim() for axes in panels}) == 1
    bars = next(item for item in panels[0].collections if item.get_label() == "_bars")
    assert [part[1][1] for part in bars.get_segments()] == pytest.approx([0.25, 0.15, 0.1])
    assert {"Wealth", "US$ of R$"} <= set(texts(figure))
    assert "lamps from 0 to 2.00: 1.00 to 4.00" in figure.alt


def test_one_curve_without_band_and_share(drawn):
    curve = pd.DataFrame({"feature": ["lamps"] * 2, "value": [0.0, 1.0], "mean": [1.0, 2.0]})
    layers.dependence_figure(curve)
    assert len(drawn[0].figure.axes) == 1
    with pytest.raises(MissingColumnError, match="'mean'"):
        layers.dependence_figure(curve.drop(columns="mean"))


# places -----------------------------------------------------------------------------------------


def test_applicability_counts_cells_and_people(drawn):
    index = np.array([0.1, 0.2, 0.3, 0.9, np.nan])
    figure = layers.applicability_figure(index, 0.3, population=[10, 10, 60, 10, 10])
    (axes,) = drawn
    said = "60\N{NO-BREAK SPACE}% of cells, 80\N{NO-BREAK SPACE}% of people"
    assert legend(axes) == [f"applicable: {said}", "not applicable", "threshold 0.30"]
    assert line(axes, "threshold 0.30").get_xdata()[0] == 0.3
    heights = [bar.get_height() for bar in axes.patches]
    assert sum(heights) == pytest.approx(80)  # per cent of all cells; one has no index
    assert sum(bar.get_height() for bar in axes.patches if bar.get_hatch()) == pytest.approx(20)
    assert said in figure.alt and "1 cells lack a feature" in figure.caption
    with pytest.raises(InputError, match="0 of 2 cells"):
        layers.applicability_figure([np.nan, np.nan], 0.3)
    with pytest.raises(InputError, match="3 a population"):
        layers.applicability_figure([0.1], 0.3, population=[1, 2, 3])


def places(count=3):
    return gpd.GeoDataFrame(
        geometry=shapely.points(30 + np.arange(count) / 10, np.zeros(count)), crs="EPSG:4326"
    )


def test_residuals_over_outlines_with_symmetric_colours(drawn):
    regions = gpd.GeoDataFrame(geometry=[shapely.box(29, -1, 32, 1)], crs="EPSG:4326").to_crs("EPSG:32636")
    figure = layers.residual_map_figure(places(4), [1.0, -2.0, 0.5, np.nan], regions=regions, label="Wealth")
    (axes,) = drawn
    dots = axes.collections[-1]
    assert len(dots.get_offsets()) == 3
    low, high = dots.get_clim()
    assert low == -high and 1.9 < high <= 2
    assert dots.get_array().tolist() == [0.5, 1.0, -2.0]  # the largest on top
    assert len(axes.collections) == 3  # outlines, their casing, dots
    assert "Observed minus predicted: Wealth" in texts(figure)
    assert "3 places" in figure.alt


def test_residuals_of_one_place_of_many_and_of_none(drawn, rng):
    layers.residual_map_figure(places(1), [0.0])
    assert np.ptp(drawn[0].get_xlim()) > 0
    many = gpd.GeoSeries(shapely.points(rng.uniform(30, 31, (2000, 2))), crs="EPSG:4326")
    figure = layers.residual_map_figure(many, rng.normal(size=2000))
    assert len(list(ElementTree.fromstring(figure.image).iter(f"{SVG}image"))) >= 1
    with pytest.raises(InputError, match="Give one each"):
        layers.residual_map_figure(places(2), [1.0])
    with pytest.raises(InputError, match="0 of 2"):
        layers.residual_map_figure(places(2), [np.nan, np.nan])
    with pytest.raises(MissingCRSError):
        layers.residual_map_figure(places(2).set_crs(None, allow_override=True), [1.0, 2.0])


def test_the_variogram_its_model_and_its_range(drawn):
    lag = np.linspace(1e4, 3e5, 15)
    found = fit_variogram(lag, 0.2 + 0.8 * -np.expm1(-lag / 4e4), np.arange(1, 16) * 10)
    figure = layers.variogram_figure(found)
    (axes,) = drawn
    assert np.asarray(axes.collections[0].get_offsets())[:, 0] == pytest.approx(lag / 1000)
    model = line(axes, "fitted model").get_xydata()
    assert model[0] == pytest.approx([0, 0.2], abs=1e-3)
    assert line(axes, "range 120 km").get_xdata()[0] == pytest.approx(120, rel=1e-3)
    assert "range is 120 km" in figure.alt
    trend = layers.variogram_figure(found._replace(scale_m=2e6))
    assert "there is a trend" in trend.caption and not any("range" in label for label in legend(drawn[1]))
    flat = layers.variogram_figure(found._replace(partial_sill=0.0, scale_m=0.0))
    assert "no structure" in flat.alt
    with pytest.raises(InputError, match="no bins"):
        layers.variogram_figure(Variogram(np.empty(0), np.empty(0), np.empty(0, dtype=int), 0.0, 0.0, 0.0))


def test_regions_by_survey_model_and_both(drawn):
    frame = pd.DataFrame(
        {"model": [0.2, 0.9, 0.5], "eblup": [0.3, 0.8, np.nan]}, index=["low", "high", "middle"]
    )
    frame = frame.assign(model_lower=frame.model - 0.1, model_upper=frame.model + 0.1, direct=np.nan)
    figure = layers.region_figure(frame, label="Wealth")
    (axes,) = drawn
    assert legend(axes) == ["model alone", "both (EBLUP)"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["high", "middle", "low"]
    assert line(axes, "model alone").get_xdata().tolist() == [0.9, 0.5, 0.2]
    assert np.array(axes.collections[0].get_segments())[0][:, 0] == pytest.approx([0.8, 1.0])
    assert "from high down to low" in figure.alt
    with pytest.raises(MissingColumnError, match="direct, model, eblup"):
        layers.region_figure(pd.DataFrame({"wealth": [1.0]}))


def test_of_many_regions_the_ends_are_shown(drawn):
    frame = pd.DataFrame({"model": np.arange(60.0)}, index=["same"] * 60)
    frame.iloc[0] = np.nan
    figure = layers.region_figure(frame)
    shown = line(drawn[0], "model alone").get_xdata()
    assert shown.tolist() == [*range(59, 39, -1), *range(20, 0, -1)]
    assert "19 regions in the middle are not shown" in figure.caption


def test_a_map_is_made_small(tmp_path):
    path = tmp_path / "map.png"
    Image.effect_noise((2000, 1000), 40).convert("RGB").save(path)
    figure = layers.map_figure(path, title="Wealth", caption="In 2020.")
    with Image.open(io.BytesIO(figure.image)) as image:
        assert image.size == (1400, 700)
    assert figure.wide and figure.alt == "Map: Wealth. In 2020."
    assert len(figure.image) < path.stat().st_size / 2
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        layers.map_figure(path)
    with pytest.raises(InputError, match="cannot be read as a picture"):
        layers.map_figure(tmp_path / "absent.png")


# all of them ------------------------------------------------------------------------------------


def test_the_same_numbers_give_the_same_bytes_without_a_date():
    first, second = (layers.predicted_observed_figure([1.0, 2.0], [1.0, 3.0]) for _ in range(2))
    assert first == second
    assert b"<dc:date>" not in first.image


def test_text_stays_text_in_the_typeface_of_the_reader():
    figure = layers.predicted_observed_figure([1.0, 2.0], [1.0, 3.0], label="a < b & \x01c")
    assert b"DejaVu Sans', sans-serif" in figure.image and b"system-ui" in figure.image
    assert "Observed in the survey: a < b & c" in texts(figure)  # raises where the XML is broken


def test_no_global_state_is_left_behind():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    layers.predicted_observed_figure([1.0, 2.0], [1.0, 3.0])
    assert dict(mpl.rcParams) == before
