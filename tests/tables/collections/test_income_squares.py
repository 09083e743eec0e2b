import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from geolivelihood.errors import InputError, MissingColumnError, TableError, TooManyRejectedError
from geolivelihood.tables.collections.income_squares import (
    Square,
    income_classes,
    parse_square_id,
    read_income_squares,
)

from .layouts import INCOMES, SQUARES, income_splits, income_squares, picture


def test_the_square_of_an_id() -> None:
    square = parse_square_id("CRS3035RES200mN2889600E3760200")
    assert square == Square(east=3760200, north=2889600, size=200)


def test_centre_of_the_spec(tmp_path: Path) -> None:
    table = read_income_squares(income_squares(tmp_path))
    centre = shapely.centroid(table.geometry.iloc[0])
    np.testing.assert_allclose([centre.x, centre.y], [2.345501844, 48.858083548], atol=2e-9)


@settings(deadline=None)
@given(st.integers(0, 10**8), st.integers(0, 10**8), st.integers(1, 10**6))
def test_ids_go_round(east: int, north: int, size: int) -> None:
    assert parse_square_id(Square(east, north, size).name) == (east, north, size)


@settings(deadline=None)
@given(st.text(alphabet="CRS3035RES200mNE -", max_size=40))
def test_what_is_no_id_is_refused_and_said(text: str) -> None:
    try:
        assert parse_square_id(text).name == text
    except InputError as error:
        assert repr(text) in str(error)


def test_quintiles_of_the_spec() -> None:
    assert income_classes(INCOMES).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_bins_are_closed_on_the_right() -> None:
    values = np.arange(1.0, 12.0)  # the percentiles fall on 3, 5, 7, 9
    assert income_classes(values).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("column", ["idINSPIRE", "IdINSPIRE"])
def test_the_table(tmp_path: Path, column: str) -> None:
    table = read_income_squares(income_squares(tmp_path, column=column))
    assert table["image_id"].tolist() == SQUARES == table["place_id"].tolist()
    assert table["income"].tolist() == INCOMES
    assert table["income_class"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert set(table["kind"]) == {"overhead"} and table.crs.to_epsg() == 4326
    assert all(Path(path).is_file() for path in table["path"])
    metric = table.to_crs("EPSG:3035")
    np.testing.assert_allclose(metric.area, 200**2, rtol=1e-5)
    np.testing.assert_allclose(
        metric.geometry.iloc[0].bounds, [3760200, 2889600, 3760400, 2889800], atol=0.01
    )


def test_income_by_the_sums_of_insee(tmp_path: Path) -> None:
    root = income_squares(tmp_path)
    sums = pd.DataFrame({"IdINSPIRE": SQUARES, "Ind": [2.5] * 10, "Ind_snv": 2.5 * np.array(INCOMES)})
    sums.loc[0, "Ind"] = 0
    sums.to_csv(root / "squares_to_ses_2019.csv", index=False)
    told: list[pd.DataFrame] = []
    table = read_income_squares(root, on_rejected=told.append)
    np.testing.assert_allclose(table["income"], INCOMES[1:])
    assert told[0].iloc[0].tolist() == [SQUARES[0], "income", "the income is no finite number"]


def test_splits_and_regions(tmp_path: Path) -> None:
    root = income_splits(income_squares(tmp_path))
    pd.DataFrame({"idINSPIRE": SQUARES[:9], "FUA_NAME": "Paris"}).to_csv(root / "city_assoc.csv", index=False)
    table = read_income_squares(root)
    assert table["split"].tolist() == ["train"] * 6 + ["val"] * 2 + ["test"] * 2
    assert table["region"].iloc[:9].eq("Paris").all() and table["region"].isna().iloc[9]
    assert read_income_squares(root, split="val")["image_id"].tolist() == SQUARES[6:8]
    with pytest.raises(InputError, match=r"split='dev'.*it has train, val, test"):
        read_income_squares(root, split="dev")
    (root / "squares_to_ses_2019.csv").unlink()
    alone = read_income_squares(root)
    assert alone["income"].tolist() == INCOMES and alone["split"].tolist() == table["split"].tolist()
    assert not [name for name in alone if str(name).startswith("Unnamed")]


def test_a_square_of_a_split_that_the_table_lacks_is_kept(tmp_path: Path) -> None:
    root = income_splits(income_squares(tmp_path))
    whole = pd.read_csv(root / "squares_to_ses_2019.csv")
    whole.iloc[:-1].to_csv(root / "squares_to_ses_2019.csv", index=False)
    table = read_income_squares(root)
    assert sorted(table["image_id"]) == sorted(SQUARES)
    assert table.set_index("image_id").loc[SQUARES[-1], "income"] == 60


def test_a_square_in_two_splits_is_refused(tmp_path: Path) -> None:
    root = income_splits(income_squares(tmp_path))
    (root / "test.csv").write_text((root / "train.csv").read_text())
    with pytest.raises(InputError, match=r"6 squares stand twice in the splits.*" + SQUARES[0]):
        read_income_squares(root)


def test_squares_without_income_are_left_out_and_said(tmp_path: Path) -> None:
    root = income_squares(tmp_path, incomes=[*INCOMES[:6], "", "", "", ""])
    told: list[pd.DataFrame] = []
    table = read_income_squares(root, on_rejected=told.append)
    assert len(table) == 6
    assert told[0]["row"].tolist() == SQUARES[6:] and set(told[0]["reason"]) == {"has no income"}


def test_bad_rows_are_set_aside(tmp_path: Path) -> None:
    root = income_squares(tmp_path, incomes=[*INCOMES[:8], "much", "inf"])
    text = (root / "squares_to_ses_2019.csv").read_text().replace(SQUARES[0], "CRS3035RES200mN1.5E2")
    (root / "squares_to_ses_2019.csv").write_text(text)
    (root / f"FR_URBANATLAS_200m_{SQUARES[1]}.png").unlink()
    told: list[pd.DataFrame] = []
    table = read_income_squares(root, max_rejected=0.5, on_rejected=told.append)
    assert table["image_id"].tolist() == SQUARES[2:8]
    reasons = dict(zip(told[0]["row"], told[0]["reason"]))
    assert reasons["CRS3035RES200mN1.5E2"] == "is no square of the European grid"
    assert reasons[SQUARES[8]] == reasons[SQUARES[9]] == "the income is no finite number"
    assert reasons[SQUARES[1]].startswith("there is no such file")
    with pytest.raises(TooManyRejectedError, match=r"4 of 10 pictures .* more than 10%"):
        read_income_squares(root)


def test_what_is_set_aside_is_logged_when_nobody_listens(tmp_path: Path, caplog) -> None:
    root = income_squares(tmp_path, incomes=[*INCOMES[:9], ""])
    with caplog.at_level(logging.WARNING):
        read_income_squares(root)
    assert f"1 has no income (such as {SQUARES[9]})" in caplog.text


def test_empty_pictures_are_dropped_when_asked(tmp_path: Path) -> None:
    root = income_squares(tmp_path)
    paths = [root / f"FR_URBANATLAS_200m_{name}.png" for name in SQUARES]
    picture(paths[0], zeros=1)  # 1 of 100 pixels: not more than 1 %
    picture(paths[1], zeros=2)
    clear = np.full((10, 10, 4), 90, dtype=np.uint8)
    clear[:5, :, 3] = 0
    Image.fromarray(clear).save(paths[2])
    paths[3].write_bytes(b"no picture")
    assert len(read_income_squares(root)) == 10
    told: list[pd.DataFrame] = []
    table = read_income_squares(root, max_zero_share=0.01, max_rejected=0.2, on_rejected=told.append)
    assert table["image_id"].tolist() == [SQUARES[0], *SQUARES[4:]]
    reasons = dict(zip(told[0]["row"], told[0]["reason"]))
    assert reasons[SQUARES[1]] == "too many zero values: 2.0%, more than 1.0%"
    assert "50.0%" in reasons[SQUARES[2]] and "cannot be read" in reasons[SQUARES[3]]
    with pytest.raises(InputError, match=r"max_zero_share=1.5: give a share"):
        read_income_squares(root, max_zero_share=1.5)


def test_another_layout_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist\. Give the root folder of the published layout"):
        read_income_squares(tmp_path / "absent")
    with pytest.raises(InputError, match=r"neither squares_to_ses_2019\.csv nor train\.csv"):
        read_income_squares(tmp_path)
    root = income_squares(tmp_path)
    with pytest.raises(InputError, match=r"must hold \{id\} once"):
        read_income_squares(root, pictures="a.png")
    for text, kind, message in (
        ("idINSPIRE,revenue\nx,1\n", MissingColumnError, "no column 'income'"),
        ("square,income\nx,1\n", MissingColumnError, "no column 'idINSPIRE'"),
        ("", InputError, "empty file"),
        ("idINSPIRE,income\n", InputError, "it has none"),
        (f"idINSPIRE,income\n{SQUARES[0]},1\n{SQUARES[0]},2\n", TableError, "used more than once"),
        ("idINSPIRE,income\nCRS3035RES1000mN2889000E3760000,1\n", InputError, "1000 m wide"),
    ):
        (root / "squares_to_ses_2019.csv").write_text(text)
        with pytest.raises(kind, match=message):
            read_income_squares(root)
