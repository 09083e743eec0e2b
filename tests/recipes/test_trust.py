"""Intervals, area of applicability, regions and report of a run, and what is said where there are none."""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import yaml
from shapely import box

from geolivelihood import layers
from geolivelihood.cells import blocks
from geolivelihood.errors import EnvironmentMissingError
from geolivelihood.layers import read_provenance
from geolivelihood.recipes import Assessment, open_project, run_project
from geolivelihood.recipes.words import baseline_verdicts

pytestmark = pytest.mark.xdist_group("recipes")


def beside(result, name):
    return result.geopackage.parent / name


# -- a whole run --------------------------------------------------------------------------------------


def test_cells_have_intervals_and_are_applicable_or_not(result):
    cells = gpd.read_file(result.geopackage, layer="cells")
    known = cells[cells["wealth"].notna()]
    assert (known["wealth_lower"] < known["wealth"]).all() and (known["wealth"] < known["wealth_upper"]).all()
    assert np.isfinite(known[["wealth_lower", "wealth_upper"]]).all(axis=None)
    assert 0.5 < cells["applicable"].mean() <= 1
    assert cells.loc[cells["dissimilarity"].isna(), "applicable"].eq(False).all()
    assert result.applicable["cells"] == pytest.approx(cells["applicable"].mean())
    assert 0 < result.applicable["population"] <= 1


def test_coverage_is_measured_on_unseen_blocks(result):
    table = pd.read_csv(beside(result, "coverage.csv")).set_index("group")
    assert set(table.index) >= {"all", "urban", "rural"} and (table["nominal"] == 0.9).all()
    clusters = gpd.read_file(result.geopackage, layer="clusters").dropna(subset=["wealth_predicted_lower"])
    inside = clusters["wealth"].between(
        clusters["wealth_predicted_lower"], clusters["wealth_predicted_upper"]
    )
    assert table.loc["all", "coverage"] == pytest.approx(inside.mean(), abs=1e-5)
    assert table.loc["all", "lower"] <= inside.mean() <= table.loc["all", "upper"]
    assert inside.mean() > 0.8


def test_checks_and_groups(result):
    checks = pd.read_csv(beside(result, "checks.csv")).set_index("split")
    assert list(checks.index) == ["random", "blocked", "region"]
    assert checks["moran_i"].between(-1, 1).all() and checks["ceiling"].between(0.5, 1).all()
    assert checks.loc["blocked", "dropped"] > checks.loc["random", "dropped"] == 0
    groups = pd.read_csv(beside(result, "groups.csv"))
    by_class = groups[groups["kind"].eq("class")]
    assert by_class["n"].sum() == checks.loc["blocked", "tested"] and set(groups["kind"]) == {
        "class",
        "region",
    }


def test_regions_have_both_parts_of_their_error(result):
    regions = gpd.read_file(result.geopackage, layer="regions")
    parts = regions["wealth_parameter_sd"], regions["wealth_residual_sd"]
    assert np.allclose(np.hypot(*parts), regions["wealth_sd"]) and (regions["wealth_sd"] > 0).all()
    assert (regions["wealth_lower"] < regions["wealth"]).all()
    cells = gpd.read_file(result.geopackage, layer="cells")
    width = (regions["wealth_upper"] - regions["wealth_lower"]).mean()
    assert 0 < width < (cells["wealth_upper"] - cells["wealth_lower"]).mean()
    assert regions["uncovered"].between(0, 0.2).all() and regions["share_applicable"].between(0, 1).all()


def test_survey_and_model_are_combined(result):
    regions = gpd.read_file(result.geopackage, layer="regions")
    both = regions["wealth_eblup"].notna() & (regions["wealth_shrinkage"] > 0)
    assert both.sum() >= 8 and regions["wealth_shrinkage"].between(0, 1).all()
    clearer = np.sqrt(regions["wealth_eblup_mse"]) < regions["wealth_survey_se"]
    assert clearer[both].mean() > 0.5


def test_report_says_what_was_found(result):
    page = beside(result, "report.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for said in (
        "must not be used to judge a household",
        "cell beats the best baseline",
        "Moran&#39;s I" if "Moran&#39;s I" in text else "Moran's I",
        "survey alone" if "survey alone" in text else "survey, model",
        "moved its points by up to 2 km in towns",
        "CC0",
    ):
        assert said in text
    assert "http-equiv" in page and result.report == beside(result, "report.html")


def test_provenance_holds_the_checks(result):
    said = read_provenance(result.geopackage)
    assert said["coverage"][0]["group"] == "all" and said["applicable"]["cells"] > 0
    assert {row["split"] for row in said["checks"]} == {"random", "blocked", "region"}


# -- what cannot be said ------------------------------------------------------------------------------


def test_too_few_blocks_give_no_interval_and_the_reason(geographic):
    done = run_project(geographic(validation={"folds": 2, "block_resolution": 4, "bootstrap": 200}))
    cells = gpd.read_file(done.geopackage, layer="cells")
    assert cells["wealth"].notna().all() and cells[["wealth_lower", "wealth_upper"]].isna().all(axis=None)
    assert any("no intervals" in said and "from 9 blocks on" in said for said in done.remarks)
    assert not beside(done, "coverage.csv").exists() and "no intervals" in done.report.read_text()


def test_uncertainty_none(geographic):
    done = run_project(geographic(uncertainty="none", applicability=False))
    cells = gpd.read_file(done.geopackage, layer="cells")
    assert not {"wealth_lower", "applicable", "dissimilarity"} & set(cells.columns)
    assert done.applicable == {} and not len(done.coverage)
    assert "wealth_sd" not in gpd.read_file(done.geopackage, layer="regions")


def test_all_labels_equal(geographic):
    done = run_project(geographic(lambda table: table.assign(wealth=2.5)))
    cells = gpd.read_file(done.geopackage, layer="cells")
    ends = cells[["wealth", "wealth_lower", "wealth_upper"]]
    assert np.allclose(ends, 2.5)
    assert done.table.query("metric == 'r2'")["value"].isna().all()
    page = done.report.read_text(encoding="utf-8")
    assert "all labels are equal" in page
    said = re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf)\b", said, flags=re.IGNORECASE), said


def test_a_region_without_cells(geographic):
    project = geographic()
    path = project.parent / "districts.geojson"
    districts = gpd.read_file(path)
    far = districts.iloc[:1].assign(region_id="far", name="Far away").translate(20, 0)
    districts.loc[len(districts)] = {**districts.iloc[0], "region_id": "far", "name": "Far away"}
    districts.loc[len(districts) - 1, "geometry"] = far.iloc[0]
    districts.to_file(path, driver="GeoJSON")
    content = yaml.safe_load(project.read_text())
    project.write_text(yaml.safe_dump(content | {"cells": {"resolution": 6, "extent": "data"}}))
    done = run_project(project)
    regions = gpd.read_file(done.geopackage, layer="regions").set_index("name")
    empty = regions.loc["Far away"]
    wanted = ["wealth", "wealth_lower", "wealth_upper", "wealth_sd", "wealth_survey"]
    assert empty[wanted].isna().all() and empty["flagged"]
    assert regions.drop("Far away")["wealth"].notna().all()


def test_a_cluster_without_photos_is_left_out_with_its_reason(result):
    rejected = pd.read_csv(beside(result, "rejected.csv"))
    clusters = gpd.read_file(result.geopackage, layer="clusters").set_index("cluster_id")
    for name in rejected.loc[rejected["stage"].eq("models"), "row"]:
        assert np.isnan(clusters.loc[name, "wealth_predicted"])


def test_a_model_that_looks_at_nothing_has_no_area(geographic):
    _, lineup = open_project(geographic(map_model="mean"))
    assessment = Assessment(lineup)
    assert assessment.applicable.at_cells is None
    assert "no table of features" in assessment.remarks[0]


def test_without_the_extra_there_is_no_report_and_it_is_said(geographic, monkeypatch):
    def missing(*_, **__):
        msg = "jinja2 is not installed."
        raise EnvironmentMissingError(msg)

    monkeypatch.setattr(layers, "write_report", missing)
    with pytest.warns(UserWarning, match="No report: jinja2 is not installed"):
        done = run_project(geographic())
    assert done.report is None and done.map.exists()


# -- choices ------------------------------------------------------------------------------------------


def test_normalised_intervals_are_wider_where_refits_disagree(opened):
    _, lineup = opened(**{"uncertainty.score": "normalised", "uncertainty.groups": "none"})
    trust = Assessment(lineup).trust
    ends = trust.at_cells("wealth", lineup.cell_predictions("wealth"))
    width = (ends["upper"] - ends["lower"]).dropna()
    spread = trust.draws("wealth").std(ddof=1).reindex(width.index)
    assert width.std() > 0 and np.corrcoef(width, spread)[0, 1] > 0.999


def test_intervals_stay_within_the_range_of_the_indicator(opened):
    _, lineup = opened(**{"uncertainty.range": {"wealth": [-0.5, None]}})
    assessment = Assessment(lineup)
    prediction = lineup.cell_predictions("wealth")
    ends = assessment.trust.at_cells("wealth", prediction)
    assert ends["lower"].min() == -0.5 and ends["upper"].max() > 0.5
    assert assessment.areas.table("wealth", prediction)["wealth_lower"].min() >= -0.5


def test_a_baseline_that_is_ahead_is_said_to_be(opened):
    blunt = {"name": "ridge", "options": {"alphas": [1e9]}}
    _, lineup = opened(**{"models": ["mean", "knn", blunt], "map_model": "ridge"})
    said = baseline_verdicts(lineup, lineup.scores())
    random = next(verdict for verdict in said if verdict.split == "random")
    assert not random.won and "knn, which knows only the coordinates, is level with or ahead" in random.text


# -- the edges ----------------------------------------------------------------------------------------


def in_largest_blocks(count):
    """Keep the clusters of so many blocks of resolution 5."""

    def change(table):
        block = blocks(table[["lon", "lat"]].to_numpy(), resolution=5)
        return table[np.isin(block, pd.Series(block).value_counts().index[:count])]

    return change


def test_the_least_number_of_blocks_gives_intervals_that_nothing_is_left_to_check(geographic):
    _, lineup = open_project(geographic(in_largest_blocks(9), validation={"folds": 3, "block_resolution": 5}))
    assessment = Assessment(lineup)
    ends = assessment.trust.at_cells("wealth", lineup.cell_predictions("wealth"))
    assert np.isfinite(ends).all(axis=None) and assessment.trust.at_clusters("wealth").isna().all(axis=None)
    assert assessment.coverage.empty
    assert any("9 blocks leave none to check them on" in said for said in assessment.remarks)


def test_one_block_more_is_checked_also_within_bounds(geographic):
    _, lineup = open_project(
        geographic(
            in_largest_blocks(10),
            validation={"folds": 3, "block_resolution": 5},
            uncertainty={"draws": 0, "range": {"wealth": [-9, 9]}},
        )
    )
    assessment = Assessment(lineup)
    assert assessment.coverage["n_blocks"].max() == 10
    curve = assessment.trust.coverage_curve("wealth")
    assert curve["nominal"].max() == 0.9  # 95 % takes 20 blocks; bounds are no interval


def test_refits_that_agree_give_one_width_and_it_is_said(geographic):
    project = geographic(
        lambda table: table.assign(wealth=2.5), uncertainty={"draws": 2, "score": "normalised"}
    )
    _, lineup = open_project(project)
    assessment = Assessment(lineup)
    ends = assessment.trust.at_cells("wealth", lineup.cell_predictions("wealth"))
    assert np.allclose(ends, 2.5) and any("as wide everywhere" in said for said in assessment.remarks)


def test_a_region_that_nobody_surveyed_gets_what_the_others_make_of_its_map(geographic):
    project = geographic()
    path, table = project.parent / "districts.geojson", pd.read_csv(project.parent / "clusters.csv")
    districts = gpd.read_file(path)
    west, south, east, north = districts.geometry[0].bounds
    half = box(west, south, (west + east) / 2, north)
    cut = districts.iloc[[0]].assign(region_id="new", name="New", geometry=districts.geometry[0] & half)
    districts.loc[0, "geometry"] = districts.geometry[0] - half
    pd.concat([districts, cut]).to_file(path, driver="GeoJSON")
    points = gpd.points_from_xy(table["lon"], table["lat"])
    table[~points.within(cut.geometry.iloc[0])].to_csv(project.parent / "clusters.csv", index=False)
    _, lineup = open_project(project)
    assessment = Assessment(lineup)
    regions = assessment.areas.table("wealth", lineup.cell_predictions("wealth"))
    row = regions.loc[lineup.data.regions.set_index("name").loc["New", "region_id"]]
    assert np.isnan(row["wealth_survey"]) and row["wealth_shrinkage"] == 0
    assert np.isfinite(row["wealth_eblup"]) and row["wealth_eblup_mse"] > 0
    assert assessment.areas.factors["wealth"].kind == "held_out"


def test_few_regions_have_the_normal_factor_and_it_is_said(geographic):
    project = geographic(uncertainty={"coverage": 0.97, "draws": 2})
    _, lineup = open_project(project)
    areas = Assessment(lineup).areas
    areas.table("wealth", lineup.cell_predictions("wealth"))
    assert areas.factors["wealth"].kind == "normal"
    assert areas.factors["wealth"].value == pytest.approx(2.170090)
    assert any("are not checked on regions" in said for said in areas.remarks)


def test_shares_have_intervals_between_0_and_1(geographic):
    def share(table):
        return table.assign(wealth=(table["wealth"] > table["wealth"].quantile(0.1)).astype(float))

    _, lineup = open_project(geographic(share))
    direct = Assessment(lineup).areas.direct("wealth").dropna()
    assert direct["wealth_survey_lower"].min() >= 0 and direct["wealth_survey_upper"].max() <= 1
    assert direct["wealth_survey_upper"].gt(direct["wealth_survey_lower"]).all()


def test_an_error_known_of_one_indicator_stays_known(geographic):
    def two(table):
        return table.assign(wealth_se=0.3, other=table["wealth"] + 1)

    clusters = {"path": "clusters.csv", "indicators": ["wealth", "other"], "crs": "EPSG:4326"}
    _, lineup = open_project(geographic(two, clusters=clusters))
    se = lineup.sample.labels(["wealth", "other"]).se
    assert (se[:, 0] == 0.3).all() and np.isnan(se[:, 1]).all()
    assert lineup.sample.labels(["other"]).se is None


def test_intervals_of_the_region_split_resample_regions(result):
    regions = pd.read_csv(beside(result, "groups.csv")).query("split == 'region' and kind == 'region'")
    counts = result.table.groupby("split")["n_blocks"].max()
    assert counts["region"] == len(regions) != counts["blocked"]
    checks = pd.read_csv(beside(result, "checks.csv"))
    assert (checks["wasserstein_km"] > 0).all() and regions["n"].sum() == checks["tested"].iloc[-1]


def test_trees_weigh_by_what_they_lose_on_unseen_blocks(opened):
    _, lineup = opened(**{"models": ["mean", "boosting"], "map_model": "boosting"})
    found = Assessment(lineup).applicable.at_cells
    assert found["applicable"].any() and found["dissimilarity"].max() > 0
