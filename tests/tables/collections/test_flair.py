from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError, TableError, TooManyRejectedError
from geolivelihood.tables.collections.flair import flair_image_path, flair_mask_path, read_flair

from .layouts import flair, flair_metadata, geotiff


def test_the_picture_of_a_mask_and_back() -> None:
    mask = "flair_1_labels_test/D004_2021/Z1_NN/msk/MSK_000001.tif"
    image = "flair_1_aerial_test/D004_2021/Z1_NN/img/IMG_000001.tif"
    assert flair_image_path(mask) == image and flair_mask_path(image) == mask


def test_folders_above_the_data_set_stay() -> None:
    mask = "/data/labels/msk/MSK/flair_labels_train/D004_2021/Z1_NN/msk/MSK_000001.tif"
    image = "/data/labels/msk/MSK/flair_aerial_train/D004_2021/Z1_NN/img/IMG_000001.tif"
    assert flair_image_path(mask) == image and flair_mask_path(image) == mask


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["data", "labels", "aerial", "img", "msk"]), max_size=3).map("/".join),
    st.sampled_from(["flair_{}_train", "flair_1_{}_test", "{}"]),
    st.integers(1, 99).map("D{:03d}_2021".format),
    st.integers(1, 30).map("Z{}_NN".format),
    st.integers(0, 999_999),
)
def test_paths_go_round(above: str, split: str, domain: str, zone: str, number: int) -> None:
    mask = f"{above}/{split.format('labels')}/{domain}/{zone}/msk/MSK_{number:06d}.tif"
    image = f"{above}/{split.format('aerial')}/{domain}/{zone}/img/IMG_{number:06d}.tif"
    assert flair_image_path(mask) == image and flair_mask_path(image) == mask


def test_the_table(tmp_path: Path) -> None:
    table = read_flair(flair(tmp_path))
    assert table["image_id"].tolist() == [
        "D004_2021/Z1_NN/IMG_000001",
        "D004_2021/Z1_NN/IMG_000002",
        "D012_2019/Z3_UF/IMG_000003",
    ]
    assert table["place_id"].tolist() == table["image_id"].tolist()
    assert table["domain"].tolist() == table["region"].tolist() == ["D004_2021"] * 2 + ["D012_2019"]
    assert table["zone"].tolist() == ["D004_2021/Z1_NN"] * 2 + ["D012_2019/Z3_UF"]
    assert set(table["split"]) == {"train"} and set(table["kind"]) == {"overhead"}
    assert all(Path(path).is_file() for path in [*table["path"], *table["mask"]])
    assert [Path(path).name for path in table["mask"]] == [f"MSK_00000{k}.tif" for k in (1, 2, 3)]
    assert set(table["bands"]) == {"1,2,3,4,5"} and "captured_at" not in table
    bounds = table.to_crs("EPSG:2154").geometry.iloc[0].bounds
    np.testing.assert_allclose(bounds, [702_000, 6_599_992, 702_008, 6_600_000], atol=0.01)
    colours = read_flair(tmp_path / "flair_aerial_train" / "D012_2019", bands=[1, 2, 3])
    assert colours["bands"].tolist() == ["1,2,3"]
    assert colours["image_id"].tolist() == ["D012_2019/Z3_UF/IMG_000003"]


def test_without_masks(tmp_path: Path) -> None:
    flair(tmp_path)
    for path in tmp_path.rglob("MSK_*.tif"):
        path.unlink()
    assert "mask" not in read_flair(tmp_path)


def test_splits_by_folder_domain_and_zone(tmp_path: Path) -> None:
    root = flair(tmp_path)
    geotiff(root / "flair_1_aerial_test/D099_2020/Z1_AA/img/IMG_000009.tif", crs="EPSG:2154", bands=5)
    assert read_flair(root, split="test")["domain"].tolist() == ["D099_2020"]
    chosen = read_flair(root, splits={"val": ["D012_2019"]})
    assert chosen.groupby("split")["domain"].unique().map(list).to_dict() == {
        "train": ["D004_2021"],
        "val": ["D012_2019"],
        "test": ["D099_2020"],
    }
    inner = read_flair(root, splits={"val": ["D004_2021"], "test": ["D004_2021/Z1_NN"]})
    assert set(inner.loc[inner["domain"] == "D004_2021", "split"]) == {"test"}
    with pytest.raises(
        InputError, match=r"D05, which is no domain or zone there.*D004_2021.*zones D099_2020/Z1_AA"
    ):
        read_flair(root, splits={"val": ["D05"]})
    assert set(read_flair(root, splits={"val": ["D012_2019", "D012_2019"]})["split"]) == {
        "train",
        "val",
        "test",
    }
    with pytest.raises(InputError, match="D012_2019 belongs to two of them"):
        read_flair(root, splits={"val": ["D012_2019"], "test": ["D012_2019"]})
    with pytest.raises(InputError, match="it has test, train"):
        read_flair(root, split="val")
    plain = flair(tmp_path / "plain", aerial="aerial", labels="labels")
    assert "split" not in read_flair(plain)


def test_times_and_cameras(tmp_path: Path) -> None:
    metadata = flair_metadata(
        tmp_path / "meta.json", IMG_000002={"date": "in June", "time": "10h30"}, IMG_000003=None
    )
    told: list[pd.DataFrame] = []
    table = read_flair(flair(tmp_path), metadata=metadata, max_rejected=0.5, on_rejected=told.append)
    assert table["captured_at"].iloc[0] == pd.Timestamp("2021-06-01T10:30Z")
    assert table["sensor"].iloc[0] == "UCE-M3"
    assert table["captured_at"].isna().tolist() == [False, True]
    assert told[0]["row"].tolist() == ["D004_2021/Z1_NN/IMG_000002"]
    assert "cannot be read" in told[0]["reason"].iloc[0]


def test_metadata_that_are_none(tmp_path: Path) -> None:
    root = flair(tmp_path)
    for text, message in (
        ("{", "cannot be read as JSON"),
        ("[]", "holds no object of patches"),
        ('{"IMG_7": {}}', "knows none of the patches"),
    ):
        (tmp_path / "meta.json").write_text(text)
        with pytest.raises(InputError, match=message):
            read_flair(root, metadata=tmp_path / "meta.json")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_flair(root, metadata=tmp_path / "absent.json")


def test_bad_files_are_set_aside(tmp_path: Path) -> None:
    root = flair(tmp_path)
    first = next(root.rglob("IMG_000001.tif"))
    first.write_bytes(first.read_bytes()[:200])
    geotiff(root / "loose" / "IMG_000007.tif", crs="EPSG:2154")
    told: list[pd.DataFrame] = []
    table = read_flair(root, max_rejected=0.5, on_rejected=told.append)
    assert len(table) == 2
    reasons = {Path(row).name: reason for row, reason in zip(told[0]["row"], told[0]["reason"])}
    assert reasons["IMG_000007.tif"] == "lies in no <domain>/<zone>/img"
    assert "cannot be read as a raster" in reasons["IMG_000001.tif"]
    with pytest.raises(TooManyRejectedError, match="2 of 4"):
        read_flair(root)


def test_another_layout_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_flair(tmp_path / "absent")
    with pytest.raises(InputError, match=r"There is no IMG_\*\.tif"):
        read_flair(tmp_path)
    geotiff(tmp_path / "IMG_000001.tif")
    with pytest.raises(InputError, match="lies in <domain>/<zone>/img"):
        read_flair(tmp_path)
    for split in ("train", "test"):  # one patch in two splits is no place of its own
        flair(tmp_path / "twice", aerial=f"flair_aerial_{split}")
    with pytest.raises(TableError, match="used more than once"):
        read_flair(tmp_path / "twice")
