import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError, TableError
from geolivelihood.tables.dhs import Answer, read_dhs

SIZES = {1: 6, 2: 5, 3: 4, 5: 6, 7: 3}  # cluster 4 has no answers, 7 no position


@pytest.fixture
def gps(tmp_path):
    """Six clusters as a DHS geographic file; the fifth was never located."""
    lon = [36.8, 36.9, 37.0, 37.1, 0.0, 37.3]
    lat = [-1.2, -1.3, -1.4, -1.5, 0.0, -1.7]
    number = [1, 2, 3, 4, 5, 6]
    frame = gpd.GeoDataFrame(
        {
            "DHSID": [f"KE2014{n:08d}" for n in number],
            "DHSCC": "KE",
            "DHSYEAR": 2014.0,
            "DHSCLUST": [float(n) for n in number],
            "URBAN_RURA": ["U", "R", "U", "R", "U", "R"],
            "LATNUM": lat,
            "LONGNUM": lon,
            "SOURCE": ["GPS", "GPS", "CEN", "GPS", "MIS", "GPS"],
        },
        geometry=gpd.points_from_xy(lon, lat),
        crs="EPSG:4326",
    )
    path = tmp_path / "KEGE71FL.shp"
    frame.to_file(path)
    return path


@pytest.fixture
def hr(rng, tmp_path):
    """A household recode in the DHS layout."""
    cluster = np.repeat(list(SIZES), list(SIZES.values()))
    n = len(cluster)
    frame = pd.DataFrame(
        {
            "hhid": [f"{c:04d}" for c in cluster],
            "hv000": "KE6",
            "hv001": cluster,
            "hv002": np.concatenate([np.arange(1, k + 1) for k in SIZES.values()]),
            "hv005": rng.integers(500_000, 2_000_000, n),
            "hv012": rng.integers(1, 7, n),
            "hv021": cluster,
            "hv023": np.where(cluster < 3, 1, 2),
            "hv025": np.where(cluster % 2, 1, 2),
            "hv206": np.tile([0, 1, 1, 9], n)[:n],
            "hv271": rng.integers(-150_000, 250_000, n),
            "hv204": np.where(np.arange(n) % 5 == 0, 998, np.arange(n) % 30),
        }
    )
    path = tmp_path / "KEHR71FL.dta"
    frame.to_stata(path, write_index=False, value_labels={"hv206": {0: "no", 1: "yes", 9: "missing"}})
    return path, frame


def test_wealth_is_the_weighted_mean_in_its_unit(gps, hr):
    path, frame = hr
    table, _ = read_dhs(gps, recode=path, indicators={"wealth": "hv271"}, stratum="hv023")
    assert table["cluster_id"].tolist() == [f"KE2014{n:08d}" for n in (1, 2, 3)]
    expected = [
        np.average(frame.loc[frame["hv001"] == n, "hv271"], weights=frame.loc[frame["hv001"] == n, "hv005"])
        / 1e5
        for n in (1, 2, 3)
    ]
    np.testing.assert_allclose(table["wealth"], expected)
    assert table["households"].tolist() == [6, 5, 4]
    np.testing.assert_allclose(table["weight"], frame.groupby("hv001")["hv005"].sum().loc[[1, 2, 3]] / 1e6)
    assert (table["wealth_se"] > 0).all()
    assert table["urban"].tolist() == [True, False, True]
    assert table["year"].tolist() == [2014] * 3
    assert table["country"].tolist() == ["KE"] * 3
    assert table["stratum"].tolist() == [1, 1, 2]
    assert table["psu"].tolist() == [1, 2, 3]
    assert table.crs == "EPSG:4326"


def test_clusters_without_place_or_answers_are_set_aside(gps, hr):
    _, rejected = read_dhs(gps, recode=hr[0], indicators={"wealth": "hv271"})
    reasons = dict(zip(rejected["row"].str[-1], rejected["reason"], strict=True))
    assert "not in the geographic file" in reasons["7"]
    assert "no position was taken" in reasons["5"]
    assert "no usable answer" in reasons["4"]
    assert "no usable answer" in reasons["6"]


def test_labelled_codes_are_missing_and_people_count(gps, hr):
    path, frame = hr
    answer = Answer(column="hv206", people=True)
    table, _ = read_dhs(gps, recode=path, indicators={"light": answer})
    one = frame[(frame["hv001"] == 1) & (frame["hv206"] != 9)]
    assert table["light"].iloc[0] == pytest.approx(
        np.average(one["hv206"], weights=one["hv005"] * one["hv012"])
    )
    assert table["light_dropped"].iloc[0] == 1
    assert table["light"].between(0, 1).all()


def test_an_unlabelled_code_must_be_named(gps, hr):
    with pytest.raises(InputError, match="998"):
        read_dhs(gps, recode=hr[0], indicators={"water": {"column": "hv204", "missing": None}})
    table, _ = read_dhs(gps, recode=hr[0], indicators={"water": {"column": "hv204", "missing": [998]}})
    assert table["water"].max() < 30


def test_equals_makes_a_share(gps, hr):
    table, _ = read_dhs(gps, recode=hr[0], indicators={"none": {"column": "hv206", "equals": 0}})
    assert table["none"].between(0, 1).all()
    assert (table["none_se"] > 0).all()


def test_bmi_leaves_out_codes_and_pregnant_women(gps, tmp_path):
    frame = pd.DataFrame(
        {
            "v000": "KE6",
            "v001": [1, 1, 1, 1, 2, 2],
            "v002": [1, 2, 3, 4, 1, 2],
            "v005": 1_000_000,
            "v213": [0, 1, 0, 0, 0, 0],
            "v445": [2000, 3000, 9998, 2400, 2100, 2500],
        }
    )
    path = tmp_path / "KEIR71FL.dta"
    frame.to_stata(path, write_index=False)
    table, _ = read_dhs(gps, recode=path, recode_type="IR", indicators={"bmi": "v445"})
    assert table["bmi"].tolist() == [22.0, 23.0]
    assert table["bmi_dropped"].tolist() == [2, 0]
    assert table["households"].tolist() == [2, 2]


HEIGHT = {
    9996: "Height out of plausible limits",
    9997: "Age in days out of plausible limits",
    9998: "Flagged cases",
}
BLOOD = {994: "Not present", 995: "Refused", 996: "Other", 997: "Inconsistent", 999: "Missing"}


def _with(hr, tmp_path, labels=None, **columns):
    """The recode with more variables, each list repeated down the rows, and their value labels."""
    frame = hr[1].assign(**{name: np.resize(values, len(hr[1])) for name, values in columns.items()})
    path = tmp_path / "KEHR72FL.dta"
    frame.to_stata(path, write_index=False, value_labels=labels)
    return path


def _expected(hr, values, codes, scale):
    """Weighted means of clusters 1, 2, 3 without the codes, from the definition."""
    frame = hr[1].assign(y=np.resize(values, len(hr[1])))
    kept = frame[~frame["y"].isin(codes)]
    return [
        np.average(g["y"], weights=g["hv005"]) * scale for n, g in kept.groupby("hv001") if n in (1, 2, 3)
    ]


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(
    ("column", "values", "labels", "scale"),
    [
        ("hc70", [-210, -135, 9996, -80, 9997, 40, -310, 9998], HEIGHT, 0.01),
        ("hc53", [98, 994, 113, 995, 107, 996, 121, 90], BLOOD, 0.1),
        ("ha53", [118, 994, 113, 995, 107, 996, 121, 130], BLOOD, 0.1),
    ],
)
def test_heights_and_blood_are_known_with_their_decimals_and_codes(
    gps, hr, tmp_path, column, values, labels, scale, labelled
):
    path = _with(hr, tmp_path, {column: labels} if labelled else None, **{column: values})
    table, _ = read_dhs(gps, recode=path, indicators={"y": column})
    np.testing.assert_allclose(table["y"], _expected(hr, values, list(labels), scale))
    assert (table["y_dropped"] > 0).all()


def test_bmi_of_women_in_the_roster_leaves_out_the_pregnant(gps, hr, tmp_path):
    path = _with(hr, tmp_path, ha40=[2000, 2600, 9998, 2400], ha54=[0, 1, 0, 0])
    table, _ = read_dhs(gps, recode=path, indicators={"bmi": "ha40"})
    np.testing.assert_allclose(table["bmi"], _expected(hr, [2000, -1, -1, 2400], [-1], 0.01))


@pytest.mark.parametrize("labels", [HEIGHT, BLOOD])
def test_labels_alone_make_numbers_of_other_variables_missing(gps, hr, tmp_path, labels):
    values = [60, 75, *labels, 81, 64, 90, 58, 77, 69]
    path = _with(hr, tmp_path, {"sh99": labels}, sh99=values)
    table, _ = read_dhs(gps, recode=path, indicators={"y": "sh99"})
    np.testing.assert_allclose(table["y"], _expected(hr, values, list(labels), 1.0))


@pytest.mark.parametrize("far", [[20, 35, 50], [20, 600, 900, 1200]])
def test_a_labelled_value_that_nobody_explains_is_refused(gps, hr, tmp_path, far):
    path = _with(hr, tmp_path, {"sh99": {996: "On premises", 998: "Don't know"}}, sh99=[10, 996, 998, *far])
    with pytest.raises(InputError, match=r"'y': sh99 holds 996 \(On premises: \d rows\).* missing=\[996\]"):
        read_dhs(gps, recode=path, indicators={"y": "sh99"})
    with pytest.raises(InputError, match=r"missing=\[50, 996\]"):
        read_dhs(gps, recode=path, indicators={"y": {"column": "sh99", "missing": [50]}})
    table, _ = read_dhs(gps, recode=path, indicators={"y": {"column": "sh99", "missing": [996]}})
    np.testing.assert_allclose(table["y"], _expected(hr, [10, 996, 998, *far], [996, 998], 1.0))
    table, _ = read_dhs(gps, recode=path, indicators={"y": {"column": "sh99", "missing": []}})
    np.testing.assert_allclose(table["y"], _expected(hr, [10, 996, 998, *far], [998], 1.0))


def test_a_top_code_near_the_others_is_an_answer(gps, hr, tmp_path):
    ages = [3, 60, 97, 31, 98, 88, 45]
    path = _with(hr, tmp_path, {"hv105": {97: "97+", 98: "Don't know"}}, hv105=ages)
    table, _ = read_dhs(gps, recode=path, indicators={"age": "hv105"})
    np.testing.assert_allclose(table["age"], _expected(hr, ages, [98], 1.0))


def test_other_is_a_category_in_a_share_and_no_number_in_a_mean(gps, hr, tmp_path):
    kinds = {1: "piped", 2: "well", 3: "spring", 96: "Other", 99: "Missing"}
    values = [1, 96, 2, 99, 3]
    path = _with(hr, tmp_path, {"hv201": kinds}, hv201=values)
    table, _ = read_dhs(gps, recode=path, indicators={"piped": {"column": "hv201", "equals": 1}})
    frame = hr[1].assign(y=np.resize(values, len(hr[1])))
    one = frame[(frame["hv001"] == 1) & (frame["y"] != 99)]
    assert table["piped"].iloc[0] == pytest.approx(np.average(one["y"] == 1, weights=one["hv005"]))
    assert table["piped_dropped"].iloc[0] == 1
    with pytest.raises(InputError, match=r"96 \(Other"):
        read_dhs(gps, recode=path, indicators={"y": "hv201"})


def test_a_value_asked_for_is_an_answer_whatever_its_label(gps, hr, tmp_path):
    path = _with(hr, tmp_path, {"hc13": {0: "Measured", 3: "Not present", 9: "Missing"}}, hc13=[0, 3, 9, 0])
    table, _ = read_dhs(gps, recode=path, indicators={"absent": {"column": "hc13", "equals": 3}})
    assert (table["absent"] > 0).all()
    assert (table["absent"] < 1).all()


def test_nines_without_a_label(gps, hr, tmp_path):
    path = _with(hr, tmp_path, {"hv206": {0: "no", 1: "yes"}}, hv206=[0, 1, 1, 9])
    with pytest.warns(
        UserWarning, match=r"'light': hv206 holds 9 \(no label: 6 rows\).*missing=\[9\]"
    ) as said:
        table, _ = read_dhs(gps, recode=path, indicators={"light": {"column": "hv206", "equals": 1}})
    assert said[0].filename == __file__
    assert table["light_dropped"].tolist() == [0, 0, 0]
    with pytest.raises(InputError, match=r"hv206 holds 9 \(no label: 6 rows\)"):
        read_dhs(gps, recode=path, indicators={"light": "hv206"})
    for missing, dropped in (([9], [1, 1, 1]), ([], [0, 0, 0])):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = {"column": "hv206", "equals": 1, "missing": missing}
            table, _ = read_dhs(gps, recode=path, indicators={"light": answer})
        assert table["light_dropped"].tolist() == dropped


def test_wrong_variables_types_and_files(gps, hr, tmp_path):
    path, frame = hr
    with pytest.raises(MissingColumnError, match="hv271"):
        read_dhs(gps, recode=path, indicators={"wealth": "hv217"})
    with pytest.raises(MissingColumnError, match="v001"):
        read_dhs(gps, recode=path, recode_type="IR", indicators={"bmi": "v445"})
    with pytest.raises(InputError, match="HR, PR"):
        read_dhs(gps, recode=path, recode_type="XX", indicators={"wealth": "hv271"})
    with pytest.raises(InputError, match="is no answer"):
        read_dhs(gps, recode=path, indicators={"wealth": {"colum": "hv271"}})
    broken = tmp_path / "broken.dta"
    broken.write_bytes(b"no stata file")
    with pytest.raises(InputError, match="Stata"):
        read_dhs(gps, recode=broken, indicators={"wealth": "hv271"})
    with pytest.raises(InputError, match="Stata"):
        read_dhs(gps, recode=tmp_path / "no.dta", indicators={"wealth": "hv271"})
    with pytest.raises(MissingColumnError, match="DHSCLUST"):
        other = tmp_path / "other.gpkg"
        gpd.read_file(gps).drop(columns="DHSCLUST").to_file(other)
        read_dhs(other, recode=path, indicators={"wealth": "hv271"})
    foreign = tmp_path / "IAHR.dta"
    frame.assign(hv000="IA7").to_stata(foreign, write_index=False)
    with pytest.raises(InputError, match="IA, the geographic file of KE"):
        read_dhs(gps, recode=foreign, indicators={"wealth": "hv271"})


def test_no_crs_and_nothing_left(gps, hr):
    path, _ = hr
    gps.with_suffix(".prj").unlink()
    with pytest.raises(MissingCRSError, match="crs="):
        read_dhs(gps, recode=path, indicators={"wealth": "hv271"})
    table, _ = read_dhs(gps, recode=path, indicators={"wealth": "hv271"}, crs="EPSG:4326")
    assert len(table) == 3
    lost = gpd.read_file(gps).set_crs("EPSG:4326").assign(SOURCE="MIS")
    lost.to_file(gps)
    with pytest.raises(TableError, match="no position was taken"):
        read_dhs(gps, recode=path, indicators={"wealth": "hv271"})
