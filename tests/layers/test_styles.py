"""Default styles: which there are, that they are well-formed, and that names cannot break them."""

import re
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geolivelihood.layers import default_styles, indicator_columns, read_styles, write_geopackage
from geolivelihood.layers.tips import human_label, map_tip


def polygons(**columns):
    count = len(next(iter(columns.values())))
    shapes = shapely.box(np.arange(count), 0, np.arange(count) + 1, 1)
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


def points(**columns):
    count = len(next(iter(columns.values())))
    return gpd.GeoDataFrame(columns, geometry=shapely.points(np.arange(count), 0), crs="EPSG:4326")


def parsed(style):
    return ElementTree.fromstring(style.qml)


def test_cells_have_a_style_per_indicator_and_their_errors():
    cells = polygons(
        wealth=[0.0, 0.5, 1.0],
        bmi=[20.0, 25.0, 30.0],
        wealth_lower=[-0.1, 0.3, 0.9],
        wealth_upper=[0.2, 0.6, 1.4],
        applicable=[True, False, True],
    )
    styles = default_styles("cells", cells, indicators=["wealth", "bmi", "absent"])
    names = [style.name for style in styles]
    assert names == [
        *("wealth", "bmi", "uncertainty", "value and uncertainty"),
        *("wealth everywhere", "bmi everywhere"),
    ]
    assert [style.default for style in styles] == [True, *[False] * 5]
    renderer = parsed(styles[4]).find("renderer-v2")
    assert (renderer.get("type"), renderer.get("attr")) == ("graduatedSymbol", "wealth")
    assert len(renderer.findall("ranges/range")) == len(renderer.findall("symbols/symbol"))


def test_what_must_not_be_trusted_is_hatched_by_default():
    cells = polygons(wealth=[0.0, 0.5, 1.0], wealth_lower=[0.0] * 3, wealth_upper=[1.0, 2.0, 3.0])
    plain, width, _ = default_styles("cells", cells, indicators=["wealth"])
    assert parsed(plain).find("renderer-v2").get("attr") == "wealth"
    assert parsed(width).find("renderer-v2").get("attr") == '"wealth_upper" - "wealth_lower"'
    cells["applicable"] = pd.array([True, None, False], dtype="boolean")
    value, width, *_ = default_styles("cells", cells, indicators=["wealth"])
    for style, expression in ((value, '"wealth"'), (width, '"wealth_upper" - "wealth_lower"')):
        renderer = parsed(style).find("renderer-v2")
        told = f'CASE WHEN "applicable" THEN {expression} WHEN ({expression}) IS NOT NULL THEN -1e300 END'
        assert renderer.get("attr") == told
        *classes, hatched = renderer.findall("ranges/range")
        assert min(float(one.get("lower")) for one in classes) > -10
        assert float(hatched.get("lower")) == float(hatched.get("upper")) == -1e300
        assert hatched.get("label") == "Not applicable"
        symbol = renderer.find(f"symbols/symbol[@name='{hatched.get('symbol')}']")
        assert [o.get("value") for o in symbol.iter("Option") if o.get("name") == "style"] == [
            "solid",
            "b_diagonal",
        ]


def test_points_beyond_the_area_are_grey_and_dissimilarity_has_a_style():
    clusters = points(wealth=[0.0, 1.0], applicable=[True, False], dissimilarity=[0.1, 0.9])
    value, everywhere, unlike = default_styles("clusters", clusters, indicators=["wealth"])
    assert {symbol.get("type") for symbol in parsed(value).iter("symbol")} == {"marker"}
    assert (everywhere.name, unlike.name) == ("wealth everywhere", "dissimilarity")
    assert parsed(unlike).find("renderer-v2").get("attr") == "dissimilarity"


def test_classes_of_a_masked_style_leave_no_value_out_and_take_none_twice():
    cells = polygons(wealth=[0.0, 0.25, 0.5, 1.0], applicable=[True] * 4)
    style = default_styles("cells", cells, indicators=["wealth"])[0]
    *classes, _ = parsed(style).iter("range")
    bounds = [
        (one.get("lower"), one.get("upper")) for one in classes
    ]  # a value on a bound is the lower class's
    assert [low for low, _ in bounds][1:] == [high for _, high in bounds][:-1]
    assert float(bounds[0][0]) <= 0 and float(bounds[-1][1]) >= 1


def test_fill_and_outline_of_cells_are_one_colour_and_pixels_wide():
    style = default_styles("cells", polygons(a=[1.0, 2.0]), indicators=["a"])[0]
    layers = parsed(style).find(".//symbol").findall("layer")
    inside, line = (
        {option.get("name"): option.get("value") for option in layer.iter("Option")} for layer in layers
    )
    assert inside["color"] == inside["outline_color"] == line["line_color"]
    assert (inside["outline_width"], inside["outline_width_unit"]) == ("1", "Pixel")
    assert (line["line_width"], line["line_width_unit"]) == ("1", "Pixel")


def test_clusters_show_observed_predicted_and_residual_with_shared_classes():
    clusters = points(wealth=[0.0, 1.0], wealth_predicted=[0.2, 1.9])
    observed, predicted, residual = default_styles("clusters", clusters, indicators=["wealth"])
    assert (predicted.name, residual.name) == ("wealth predicted", "wealth residual")
    ranges = [
        [(r.get("lower"), r.get("upper")) for r in parsed(style).iter("range")]
        for style in (observed, predicted)
    ]
    assert ranges[0] == ranges[1]
    assert float(ranges[0][-1][1]) >= 1.9
    bounds = [float(r.get("lower")) for r in parsed(residual).iter("range")]
    assert min(bounds) < 0 <= max(bounds)


def test_photos_turn_with_their_heading():
    (style,) = default_styles(
        "images", points(image_id=["a", "b"], heading=[90.0, np.nan], path=["a.jpg", "b.jpg"])
    )
    assert 'name="angle"' in style.qml
    assert "<img src=" in parsed(style).find("mapTip").text
    (plain,) = default_styles("images", points(image_id=["a"]))
    assert "angle" not in plain.qml


def test_footprints_edges_views_and_the_rest():
    (footprint,) = default_styles("images", polygons(image_id=["a"]))
    assert 'value="no"' in footprint.qml
    lines = gpd.GeoDataFrame(
        {"weight": [0.1, 0.9], "importance": [1.0, 2.0]},
        geometry=shapely.linestrings([[(0, 0), (1, 1)], [(0, 0), (2, 1)]]),
        crs="EPSG:4326",
    )
    weight, importance = default_styles("edges", lines)
    assert 'scale_linear("weight", 0.1, 0.9' in parsed(weight).find(".//*[@name='expression']").get("value")
    assert importance.name == "importance"
    views = polygons(image_id=["a"], score=[0.4])
    assert default_styles("explanations_views", views)[0].name == "score"
    assert default_styles("explanations_rasters", views)[0].name == "footprints"
    assert default_styles("explanations_shap", polygons(value=[-1.0, 2.0]))[0].name == "value"
    for frame in (polygons(a=[1.0]), points(a=[1.0]), lines):
        assert parsed(default_styles("anything", frame)[0]).find("renderer-v2").get("type") == "singleSymbol"
    assert default_styles("rejected", pd.DataFrame({"row": ["1"]})) == []


def test_hostile_names_are_escaped_everywhere():
    name = 'income "R$" <b>&é\'\x01'
    cells = polygons(**{name: [1.0, 2.0], f"{name}_lower": [0.0, 1.0], f"{name}_upper": [2.0, 3.0]})
    cells["applicable"] = True
    styles = default_styles("cells", cells, indicators=[name], labels={name: "A < B & C\x02"})
    for style in styles:
        root = parsed(style)  # raises where the XML is broken
        assert "A &lt; B" in root.find("mapTip").text
    value, width, _, everywhere = styles
    assert parsed(everywhere).find("renderer-v2").get("attr") == name.replace("\x01", "")
    quoted = '"income ""R$"" <b>&é\''
    assert f'THEN {quoted}" WHEN' in parsed(value).find("renderer-v2").get("attr")
    assert f'{quoted}_upper" - {quoted}_lower"' in parsed(width).find("renderer-v2").get("attr")


def test_long_and_repeated_names_stay_unique_within_thirty_characters():
    first, second = "a" * 40 + "x", "a" * 40 + "y"
    names = [
        s.name
        for s in default_styles(
            "cells", polygons(**{first: [1.0], second: [2.0]}), indicators=[first, second]
        )
    ]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= 30


def test_columns_without_values_or_with_one_value():
    cells = polygons(none=[np.nan, np.nan], same=[2.0, 2.0])
    none, same = default_styles("cells", cells, indicators=["none", "same"])
    assert parsed(none).find("renderer-v2").get("type") == "singleSymbol"
    assert [r.get("label") for r in parsed(same).iter("range")] == ["2"]


def test_indicator_columns_leave_out_ids_bounds_and_coordinates():
    frame = pd.DataFrame(
        {"cluster_id": ["a"], "wealth": [1.0], "wealth_se": [0.1], "lat": [1.0], "urban": [True], "fold": [1]}
    )
    assert indicator_columns(frame) == ["wealth"]


def test_a_column_that_would_end_the_template_is_left_out_of_the_tip():
    frame = polygons(**{"share %]": [1.0], "fine": [2.0]})
    assert "share" not in map_tip(frame, indicators=["share %]", "fine"])


@pytest.mark.parametrize(("name", "text"), [("wealth_index", "Wealth index"), ("idhm", "HDI")])
def test_human_labels(name, text):
    assert human_label(name, {"idhm": "HDI"}) == text


def test_a_colour_means_the_same_in_every_layer(tmp_path):
    layers = {"cells": polygons(wealth=[0.0, 5.0, 10.0]), "regions": polygons(wealth=[4.0, 5.0, 6.0])}
    path = write_geopackage(tmp_path / "r.gpkg", layers, indicators=["wealth"])
    cells, regions = (re.findall(r'lower="([^"]+)"', read_styles(path, name)[0].qml) for name in layers)
    assert cells == regions and len(cells) > 2


def rules_of(style):
    return {rule.get("label"): rule.get("filter") for rule in parsed(style).iter("rule") if rule.get("label")}


def options_of(style, label):
    """Options of the symbol of a rule."""
    rule = next(rule for rule in parsed(style).iter("rule") if rule.get("label") == label)
    symbol = parsed(style).find(f".//symbols/symbol[@name='{rule.get('symbol')}']")
    return {option.get("name"): option.get("value") for option in symbol.iter("Option")}


def test_peaks_are_sized_by_share_and_coloured_by_sign():
    peaks = points(sign=[1, -1], rank=[1, 1], value=[0.2, -0.1], share=[0.5, 0.25])
    (style,) = default_styles("explanations_peaks", peaks)
    assert rules_of(style) == {"Raised the prediction": '"sign" = 1', "Lowered the prediction": '"sign" = -1'}
    raised, lowered = (options_of(style, label) for label in rules_of(style))
    assert raised["color"] == "178,24,43,255" and lowered["color"] == "33,102,172,255"
    assert raised["expression"] == 'coalesce(scale_exp("share", 0, 0.5, 1.6, 7.0, 0.5), 1.6)'
    (none,) = default_styles("explanations_peaks", peaks.assign(share=np.nan))
    assert "scale_exp" not in none.qml


def test_regions_are_bold_where_half_of_the_evidence_lies():
    regions = polygons(sign=[1, 1, -1], share=[0.5, 0.8, 0.5], held=0.55)
    (style,) = default_styles("explanations_regions", regions)
    assert len(rules_of(style)) == 4
    heart, wider = (options_of(style, f"{share} % of what raised the prediction") for share in (50, 80))
    assert (heart["outline_style"], wider["outline_style"], heart["style"]) == ("solid", "dash", "no")
    assert float(heart["outline_width"]) > float(wider["outline_width"])


def test_zones_diverge_about_zero_and_runs_have_styles_of_their_own():
    zones = polygons(cell=["a", "b"], target="wealth", sum=[-1.0, 3.0], density=[-0.1, 0.2])
    total, density = default_styles("explanations_zonal", zones)
    assert (total.name, density.name) == ("sum", "density")
    ranges = parsed(total).findall(".//range")
    assert float(ranges[0].get("lower")) == -float(ranges[-1].get("upper")) == -3
    symbols = {symbol.get("name"): symbol for symbol in parsed(total).iter("symbol")}
    fills = [symbols[item.get("symbol")].find(".//Option[@name='color']").get("value") for item in ranges]
    assert fills[0] == "5,48,97,255" and fills[-1] == "103,0,31,255"  # blue lowered, red raised
    both = pd.concat([zones, zones.assign(target="bmi's", sum=[200.0, -300.0])])
    names = {style.name: style for style in default_styles("explanations_zonal", both)}
    assert list(names) == ["sum wealth", "sum bmi's", "density wealth", "density bmi's"]
    renderer = parsed(names["sum bmi's"]).find("renderer-v2")
    assert renderer.get("attr") == "CASE WHEN coalesce(\"target\", '') = 'bmi''s' THEN \"sum\" END"
    assert float(renderer.find(".//range").get("lower")) == -300
    assert float(parsed(names["sum wealth"]).find(".//range").get("lower")) == -3


def test_zones_of_several_kinds_do_not_cover_each_other():
    zones = polygons(cell=["a", "b", None], region_id=[None, None, 7], sum=[-1.0, 3.0, 900.0])
    styles = {style.name: parsed(style) for style in default_styles("explanations_zonal", zones)}
    assert list(styles) == ["sum cell", "sum region"]
    assert styles["sum region"].find("renderer-v2").get("attr") == (
        'CASE WHEN "region_id" IS NOT NULL AND "cell" IS NULL THEN "sum" END'
    )
    assert float(styles["sum cell"].find(".//range").get("lower")) == -3


def test_sectors_diverge_and_whole_views_are_outlines():
    views = polygons(
        image_id=list("aaab"),
        sector=[-1, 0, 1, -1],
        score=[0.2, 0.5, -0.3, 0.9],
        flag=["", "", "", "no_heading"],
    )
    (style,) = default_styles("explanations_views", views)
    rules = rules_of(style)
    assert all('"sector" >= 0 AND "score"' in text for text in list(rules.values())[:-2])
    assert options_of(style, "Whole view")["outline_style"] == "solid"
    lost = options_of(style, "Heading unknown")
    assert (lost["outline_style"], lost["style"]) == ("dash", "no")
    bounds = [float(text.split()[-1]) for text in list(rules.values())[:-2]]
    assert max(bounds) == 0.5  # of the sectors, not of the disc
    (signed,) = default_styles("explanations_views", views.drop(columns=["sector", "flag"]))
    assert float(parsed(signed).find(".//range").get("lower")) < -0.3
    (none,) = default_styles("explanations_views", views.assign(score=np.nan))
    assert list(rules_of(none)) == ["Whole view", "Heading unknown"]


def test_footprints_of_rasters_tell_of_the_map_and_show_no_picture():
    rasters = polygons(image_id=["a"], path=["a_signed_cam_wealth.tif"], total=[1.5], residual=[0.0])
    (style,) = default_styles("explanations_rasters", rasters)
    tip = parsed(style).find("mapTip").text
    assert "Path: " in tip and "Total: " in tip and "Residual: " in tip and "<img" not in tip


def test_kinds_have_colours_of_their_own_and_outliers_are_grey():
    kinds = points(image_id=list("abcd"), cluster=[0, 0, 1, -1], distance=[0.1, 0.2, 0.1, np.nan])
    (style,) = default_styles("explanations_feature_clusters", kinds)
    found = parsed(style).findall(".//category")
    assert [(item.get("value"), item.get("label")) for item in found] == [
        ("0", "Kind 0 (2 pictures)"),
        ("1", "Kind 1 (1 picture)"),
        ("-1", "Of no kind (1 picture)"),
    ]
    colours = [option.get("value") for option in parsed(style).findall(".//symbol//Option[@name='color']")]
    assert len(set(colours)) == 3 and colours[-1] == "189,189,189,255"
    assert "symbol" in default_styles("explanations_feature_clusters", points(image_id=["a"]))[0].qml


def linked(**columns):
    lines = shapely.linestrings([[(k, 0), (k + 1, 1)] for k in range(len(columns["sign"]))])
    return gpd.GeoDataFrame(columns, geometry=lines, crs="EPSG:4326")


def test_links_are_as_wide_as_they_are_important_and_coloured_by_sign():
    (style,) = default_styles("explanations_edges", linked(sign=[1, -1, 0], importance=[0.5, 0.25, 0.0]))
    rules = rules_of(style)
    assert rules["Raised the prediction"] == '"sign" = 1' and len(rules) == 3
    colours = [options_of(style, label)["line_color"] for label in rules]
    assert colours == ["189,189,189,255", "178,24,43,255", "33,102,172,255"]
    width = options_of(style, "Lowered the prediction")["expression"]
    assert width == 'coalesce(scale_exp("importance", 0, 0.5, 0.1, 2.2, 1.0), 0.1)'
    (none,) = default_styles("explanations_edges", linked(sign=[0], importance=[0.0]))
    assert "scale_exp" not in none.qml


def test_each_way_of_scoring_links_has_its_own_scale():
    ways = ["links_occlusion", "links_gnn_explainer"]
    scored = linked(sign=[1, 0], importance=[3.0, 0.5], method=ways, start=["a", "b"])
    first, second = default_styles("explanations_edges", scored)
    assert first.name == "edges occlusion" and "0, 3.0, 0.1" in first.qml and "0, 0.5," in second.qml
    assert "coalesce(\"method\", '') = 'links_occlusion' AND \"sign\" = 1" in rules_of(first).values()


def test_nodes_of_links_grow_with_their_importance():
    nodes = points(node=["a", "b"], sign=[1, -1], importance=[2.0, 1.0])
    (style,) = default_styles("explanations_nodes", nodes)
    raised = options_of(style, "Raised the prediction")
    assert raised["color"] == "178,24,43,255"
    assert 'scale_exp("importance", 0, 2.0, 1.6, 7.0, 0.5)' in raised["expression"]


def test_each_concept_has_a_style_and_those_of_chance_are_hatched():
    concepts = polygons(
        name=["water's", "water's", "dense", "dense"],
        value=[0.1, -0.2, -1.0, 4.0],
        significant=[False, False, True, True],
        q=[0.6, 0.6, 0.01, 0.01],
        cell=list("abab"),
    )
    styles = default_styles("explanations_concepts", concepts)
    assert [(style.name, style.default) for style in styles] == [("dense", True), ("water's", False)]
    for style in styles:  # one scale for all
        rules = rules_of(style)
        assert '"value" >= -4.0 ' in next(iter(rules.values()))
        assert list(rules.values())[-2].endswith('"value" <= 4.0')
        assert options_of(style, "Not significant")["style"] == "b_diagonal"
    assert all(text.startswith("\"name\" = 'water''s' AND ") for text in rules.values())
    assert rules["Not significant"].endswith('AND NOT coalesce("significant", false)')
    colours = [
        option.get("value") for option in parsed(styles[0]).findall(".//symbol//Option[@name='color']")
    ]
    assert colours[0] == "5,48,97,255"  # blue lowered


def test_concepts_of_several_targets_have_styles_of_their_own_and_points_turn_grey():
    one = points(name=["dense"], value=[1.0], significant=[False], q=[0.2], target=["wealth"])
    both = pd.concat([one, one.assign(target="bmi", value=30.0, q=0.1)])
    styles = default_styles("explanations_concepts_clusters", both)
    assert [style.name for style in styles] == ["dense bmi", "dense wealth"]
    assert all("coalesce(\"target\", '') = 'bmi'" in text for text in rules_of(styles[0]).values())
    assert options_of(styles[0], "Not significant")["color"] == "189,189,189,255"
    assert list(rules_of(styles[1]).values())[-2].endswith('"value" <= 1.0')
