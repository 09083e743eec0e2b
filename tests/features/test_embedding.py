"""Embedding: the same result however it is run, and nothing bad stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from shapely import Point

from geolivelihood.errors import (
    Cancelled,
    InputError,
    MissingColumnError,
    StoreMismatchError,
    TooManyRejectedError,
)
from geolivelihood.features import BandSummary, FeatureStore, embed, encoder, read_picture
from geolivelihood.features import embedding as module
from geolivelihood.progress import listening


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def counted(monkeypatch):
    """Number of pictures that the summary encoder was given."""
    seen = []
    original = BandSummary.encode

    def encode(self, batch, **options):
        seen.append(len(batch))
        return original(self, batch, **options)

    monkeypatch.setattr(BandSummary, "encode", encode)
    return seen


def test_features_are_those_of_the_encoder(tmp_path, photos):
    images = photos(5)
    store = embed(images, encoder("summary"), store=tmp_path / "s")
    features = store.read()
    assert features.index.tolist() == images["image_id"].tolist() and features.index.name == "image_id"
    assert features.dtypes.eq(np.float32).all() and features.columns[0] == "f0000"
    pixels = np.stack([read_picture(path).pixels for path in images["path"]])
    np.testing.assert_allclose(features["f0000"], pixels[:, 0].mean(axis=(1, 2)), rtol=1e-6)
    assert store.manifest["feature_names"][0] == "band1_mean"
    assert store.manifest["versions"].keys() >= {"geolivelihood", "torch"}
    assert len(store) == 5 and store.rejected().empty and "5 pictures, summary" in repr(store)


@pytest.mark.parametrize("name", ["resnet18", "rcf", "summary"])
def test_batches_and_workers_do_not_matter(tmp_path, photos, name):
    images = photos(11)
    options = {"size": 32} | ({"n_features": 20} if name == "rcf" else {})
    runs = [
        embed(images, encoder(name, **options), store=tmp_path / f"s{k}", batch_size=b, workers=w)
        for k, (b, w) in enumerate([(4, 1), (4, 3), (11, 2)])
    ]
    assert contents(runs[0].path) == contents(runs[1].path)
    pd.testing.assert_frame_equal(runs[0].read(), runs[2].read(), rtol=1e-4, atol=1e-5)


def test_tables_are_left_alone_and_may_have_geometry(tmp_path, photos):
    images = gpd.GeoDataFrame(photos(3), geometry=[Point(1, 2)] * 3, crs="EPSG:4326")
    images.index = [7, 7, 9]
    before = images.copy()
    assert len(embed(images, encoder("summary"), store=tmp_path / "s")) == 3
    pd.testing.assert_frame_equal(images, before)


def test_relative_paths(tmp_path, photos, monkeypatch):
    images = photos(3)
    images["path"] = ["photos/" + Path(path).name for path in images["path"]]
    monkeypatch.chdir("/")
    assert embed(images, encoder("summary"), store=tmp_path / "s", root=tmp_path).rejected().empty


def test_bad_pictures_are_set_aside(tmp_path, photos, write_tiff):
    images = photos(4, size=64)
    whole = Path(images["path"][0]).read_bytes()
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "corrupt.jpg").write_bytes(whole[:20] + b"\x00" * 300 + whole[40:60])
    (bad / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (bad / "zero.jpg").write_bytes(b"")
    (bad / "text.png").write_text("<html>404</html>")
    tiff = write_tiff("bad/truncated.tif", np.random.default_rng(0).random((3, 200, 200), dtype=np.float32))
    tiff.write_bytes(tiff.read_bytes()[:200_000])
    write_tiff("bad/bands.tif", np.ones((12, 9, 9), dtype=np.uint16))
    write_tiff("bad/gap.tif", np.zeros((3, 9, 9), dtype=np.uint8), nodata=0)
    names = ["corrupt.jpg", "truncated.jpg", "zero.jpg", "text.png", "truncated.tif", "bands.tif", "gap.tif"]
    extra = pd.DataFrame(
        {"image_id": [*names, "missing"], "path": [*(str(bad / n) for n in names), "no.jpg"]}
    )
    images = pd.concat([extra, images], ignore_index=True)
    store = embed(images, encoder("summary"), store=tmp_path / "s", max_rejected=0.9)
    assert store.read().index.tolist() == ["p000", "p001", "p002", "p003"]
    reasons = store.rejected().set_index("row")["reason"]
    assert set(reasons.index) == {*names, "missing"}
    assert reasons["zero.jpg"] == "the file is empty"
    assert reasons["missing"] == "the file does not exist"
    assert "truncated" in reasons["truncated.jpg"]
    assert "12 bands; the others have 3" in reasons["bands.tif"]
    assert "no valid pixel" in reasons["gap.tif"]
    assert not reasons.str.contains(str(tmp_path)).any()
    again = embed(images, encoder("summary"), store=tmp_path / "t", max_rejected=0.9)
    assert contents(store.path) == contents(again.path)


def test_all_kinds_of_good_pictures(tmp_path, rng):
    folder = tmp_path
    noise = rng.integers(0, 256, (20, 20, 4), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "rgba.png")
    Image.fromarray(noise[..., 0]).save(folder / "one.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 200).save(folder / "sixteen.png")
    Image.fromarray(noise[..., :3]).quantize(16).save(folder / "palette.png")
    Image.fromarray(noise[..., :3]).save(folder / "a.webp")
    names = ["rgba.png", "one.png", "sixteen.png", "palette.png", "a.webp"]
    images = pd.DataFrame({"image_id": names, "path": [str(folder / name) for name in names]})
    for name in ("resnet18", "rcf", "summary"):
        store = embed(images, encoder(name, size=32), store=folder / name)
        assert len(store) == 5 and np.isfinite(store.read().to_numpy()).all()


def test_too_many_rejected_stops_and_the_next_run_goes_on(tmp_path, photos):
    images = photos(6)
    whole = Path(images["path"][1]).read_bytes()
    Path(images["path"][1]).write_bytes(b"")
    with pytest.raises(TooManyRejectedError, match=r"1 of 6 pictures.*max_rejected=0\.1.*the file is empty"):
        embed(images, encoder("summary"), store=tmp_path / "s")
    assert (tmp_path / "s" / "rejected.csv").read_text() == "row,column,reason\np001,path,the file is empty\n"
    with pytest.raises(InputError, match="unfinished"):
        FeatureStore(tmp_path / "s").read()
    Path(images["path"][1]).write_bytes(whole)
    store = embed(images, encoder("summary"), store=tmp_path / "s")
    assert len(store) == 6 and store.rejected().empty


def test_wrong_number_of_bands_says_what_to_do(tmp_path, write_tiff):
    path = write_tiff("a.tif", np.ones((12, 9, 9), dtype=np.uint16))
    images = pd.DataFrame({"image_id": ["a"], "path": [str(path)]})
    with pytest.raises(TooManyRejectedError, match=r"12 bands; resnet18 takes 3.*bands=\(4, 3, 2\)"):
        embed(images, encoder("resnet18", size=32), store=tmp_path / "s")
    with pytest.raises(TooManyRejectedError, match="value_range"):
        embed(images, encoder("resnet18", size=32, bands=(4, 3, 2)), store=tmp_path / "t")
    ready = encoder("resnet18", size=32, bands=(4, 3, 2), value_range=(0, 3000))
    assert len(embed(images, ready, store=tmp_path / "u")) == 1


def test_nothing_readable_to_fit(tmp_path):
    images = pd.DataFrame({"image_id": ["a"], "path": ["absent.jpg"]})
    with pytest.raises(TooManyRejectedError, match="does not exist"):
        embed(images, encoder("rcf"), store=tmp_path / "s")


def test_faults_of_the_table(tmp_path, photos):
    images = photos(2)
    with pytest.raises(InputError, match="empty"):
        embed(images.iloc[:0], encoder("summary"), store=tmp_path / "s")
    with pytest.raises(MissingColumnError, match="lacks path"):
        embed(images[["image_id"]], encoder("summary"), store=tmp_path / "s")
    with pytest.raises(InputError, match="more than once, such as 'p000'"):
        embed(pd.concat([images, images]), encoder("summary"), store=tmp_path / "s")
    with pytest.raises(InputError, match="no path, the first in row 1"):
        embed(images.assign(path=[images["path"][0], None]), encoder("summary"), store=tmp_path / "s")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"workers": 0},
        {"precision": "int4"},
        {"max_rejected": 2},
        {"device": "abacus"},
        {"device": "cuda:99"},
    ],
)
def test_faults_of_the_options(tmp_path, photos, options):
    with pytest.raises(InputError):
        embed(photos(1), encoder("summary"), store=tmp_path / "s", **options)


def test_store_of_another_encoder(tmp_path, photos):
    images = photos(2)
    embed(images, encoder("resnet18", size=32), store=tmp_path / "s")
    with pytest.raises(StoreMismatchError, match=r"made by resnet18 \(random, \w{8}\), not by summary"):
        embed(images, encoder("summary"), store=tmp_path / "s")
    with pytest.raises(StoreMismatchError, match="weights_hash"):
        embed(images, encoder("resnet18", size=32, seed=1), store=tmp_path / "s")
    with pytest.raises(StoreMismatchError, match="transform"):
        embed(images, encoder("resnet18", size=32, fit="crop"), store=tmp_path / "s")
    with pytest.raises(StoreMismatchError, match="made in float32, not in bfloat16"):
        embed(images, encoder("resnet18", size=32), store=tmp_path / "s", precision="bfloat16")


def test_filters_are_kept_and_others_refused(tmp_path, photos):
    images = photos(4)
    bare = encoder("rcf", n_features=10)
    first = embed(images.iloc[:2], bare, store=tmp_path / "s").read()
    both = embed(images, bare, store=tmp_path / "s").read()
    pd.testing.assert_frame_equal(both.iloc[:2], first)
    assert (tmp_path / "s" / "encoder.safetensors").exists()
    other = bare.fit([np.random.default_rng(9).normal(size=(3, 9, 9))])
    with pytest.raises(StoreMismatchError, match="fitted to other pictures"):
        embed(images, other, store=tmp_path / "s")


def test_done_pictures_are_not_read_again(tmp_path, photos, counted):
    images = photos(6)
    store = embed(images.iloc[:4], encoder("summary"), store=tmp_path / "s")
    before = contents(store.path)
    embed(images.iloc[:4], encoder("summary"), store=tmp_path / "s")
    assert sum(counted) == 4 and contents(store.path) == before
    embed(images.iloc[::-1], encoder("summary"), store=tmp_path / "s")
    assert sum(counted) == 6
    assert store.read().index.tolist() == images["image_id"].tolist()[::-1]


def test_changed_pictures_are_noticed(tmp_path, photos, counted):
    images = photos(4)
    store = embed(images, encoder("summary"), store=tmp_path / "s")
    before = store.read()
    Image.new("RGB", (24, 24), (7, 7, 7)).save(images["path"][2])
    after = embed(images, encoder("summary"), store=tmp_path / "s").read()
    assert sum(counted) == 5
    assert after.index.tolist() == before.index.tolist()
    assert after.loc["p002", "f0000"] == pytest.approx(7)
    pd.testing.assert_frame_equal(after.drop("p002"), before.drop("p002"))


def test_a_part_of_the_table_throws_no_work_away(tmp_path, photos, counted):
    images = photos(5)
    store = embed(images, encoder("summary"), store=tmp_path / "s")
    embed(images.iloc[3:], encoder("summary"), store=tmp_path / "s")
    assert sum(counted) == 5
    assert store.read().index.tolist() == ["p003", "p004", "p000", "p001", "p002"]
    assert store.read(["p004", "p000"]).index.tolist() == ["p004", "p000"]
    with pytest.raises(InputError, match=r"1 of 2 pictures are not in the feature store.*p999"):
        store.read(["p000", "p999"])


class _Stop:
    """Cancels after a number of batches."""

    def __init__(self, after: int) -> None:
        self.after, self.texts = after, set()

    def stage(self, name):
        pass

    def step(self, done, total, text):
        self.after -= 1
        self.texts.add(text)

    def cancelled(self):
        return self.after < 0


def test_cancelled_run_goes_on_with_the_same_result(tmp_path, photos, counted, monkeypatch):
    monkeypatch.setattr(module, "_BATCHES_PER_PART", 2)
    images = photos(12)
    encode = {"batch_size": 2, "workers": 2}
    whole = embed(images, encoder("summary"), store=tmp_path / "whole", **encode)
    counted.clear()
    listener = _Stop(after=8)
    with pytest.raises(Cancelled), listening(listener):
        embed(images, encoder("summary"), store=tmp_path / "s", **encode)
    assert "embedding pictures with summary" in listener.texts
    done = len(list((tmp_path / "s" / "parts").glob("*.parquet"))) * 4
    assert 0 < done < 12
    counted.clear()
    store = embed(images, encoder("summary"), store=tmp_path / "s", **encode)
    assert sum(counted) == 12 - done
    assert contents(store.path) == contents(whole.path)


def test_another_table_after_an_interruption_keeps_the_parts(tmp_path, photos, counted, monkeypatch):
    monkeypatch.setattr(module, "_BATCHES_PER_PART", 2)
    images = photos(13)
    with pytest.raises(Cancelled), listening(_Stop(after=8)):
        embed(images.iloc[:12], encoder("summary"), store=tmp_path / "s", batch_size=2)
    kept = len(list((tmp_path / "s" / "parts").glob("*.parquet"))) * 4
    counted.clear()
    store = embed(images, encoder("summary"), store=tmp_path / "s", batch_size=2)
    assert sum(counted) == 13 - kept and 0 < kept < 12
    assert store.read().index.tolist() == images["image_id"].tolist()


KILLED = """
import os, signal, sys
import pandas as pd
from geolivelihood.features import RandomConvolutions, embed, encoder

original, seen = RandomConvolutions.encode, []
def encode(self, batch, **options):
    seen.append(len(batch))
    if len(seen) == 40:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, batch, **options)
RandomConvolutions.encode = encode
embed(pd.read_csv(sys.argv[1]), encoder("rcf", n_features=16), store=sys.argv[2], batch_size=1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_run_goes_on_with_the_same_result(tmp_path, photos):
    images = photos(70)
    Path(images["path"][5]).write_bytes(b"")
    images.to_csv(tmp_path / "images.csv", index=False)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "images.csv", tmp_path / "s"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(list((tmp_path / "s" / "parts").iterdir())) == 1
    killed = embed(images, encoder("rcf", n_features=16), store=tmp_path / "s", batch_size=1)
    whole = embed(images, encoder("rcf", n_features=16), store=tmp_path / "whole", batch_size=1)
    assert contents(killed.path) == contents(whole.path)
    assert killed.rejected()["row"].tolist() == ["p005"]


def test_half_written_files_do_no_harm(tmp_path, photos):
    store = tmp_path / "s"
    (store / "parts").mkdir(parents=True)
    (store / "parts" / "0123456789abcdef-000000.part.parquet").write_bytes(b"PAR1 half")
    (store / "manifest.part.json").write_text("{")
    assert len(embed(photos(2), encoder("summary"), store=store)) == 2


def windows(path, corners, size, **more):
    names = [f"c{k}" for k in range(len(corners))]
    frame = pd.DataFrame({"image_id": names, "path": str(path)} | more)
    frame[["col_off", "row_off"]] = corners
    return frame.assign(width=size, height=size)


def test_windows_of_rasters(tmp_path, write_tiff, rng):
    data = rng.integers(0, 4000, (4, 60, 50), dtype=np.uint16)
    path = write_tiff("a.tif", data)
    corners = [(40, 50), (0, 0), (45, 3), (10, 20), (-3, 5)]
    images = windows(path, corners, 8, bands="2,4")
    store = embed(images, encoder("summary"), store=tmp_path / "s", batch_size=2, workers=2)
    features = store.read()
    assert features.index.tolist() == images["image_id"].tolist()
    means = [
        data[1, max(row, 0) : row + 8, max(col, 0) : col + 8].mean(dtype=np.float64) for col, row in corners
    ]
    np.testing.assert_allclose(features["f0000"], means, rtol=1e-6)
    assert len(store.manifest["feature_names"]) == 20


def test_windows_take_bands_of_the_encoder_and_know_eight_bits(tmp_path, write_tiff, rng):
    data = rng.integers(0, 256, (4, 30, 30), dtype=np.uint8)
    images = windows(write_tiff("a.tif", data), [(0, 0), (9, 9)], 9)
    store = embed(images, encoder("resnet18", size=32, bands=(3, 2, 1)), store=tmp_path / "s")
    assert len(store) == 2
    with pytest.raises(TooManyRejectedError, match=r"bands=\(9,\)"):
        embed(images, encoder("summary", bands=(9,)), store=tmp_path / "t")


def test_windows_of_a_damaged_raster(tmp_path, write_tiff, rng):
    data = rng.random((1, 600, 100), dtype=np.float32)
    path = write_tiff("a.tif", data)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    images = windows(path, [(5, row) for row in range(0, 590, 50)], 8)
    images = pd.concat([images, windows("absent.tif", [(0, 0)], 8).assign(image_id="x")], ignore_index=True)
    store = embed(images, encoder("summary"), store=tmp_path / "s", max_rejected=0.9)
    rejected = store.rejected()["row"].tolist()
    assert "x" in rejected and "c11" in rejected and "c0" not in rejected
    assert len(store) + len(rejected) == len(images)


def test_photos_and_windows_in_one_table(tmp_path, photos, write_tiff):
    chips = windows(write_tiff("a.tif", np.full((3, 20, 20), 9, dtype=np.uint8)), [(0, 0)], 5)
    images = pd.concat([chips, photos(2)], ignore_index=True)
    features = embed(images, encoder("summary"), store=tmp_path / "s").read()
    assert features.index.tolist() == ["c0", "p000", "p001"]
    assert features.loc["c0", "f0000"] == 9


def test_real_pictures(tmp_path, shared_data):
    paths = sorted((shared_data / "street" / "photos").glob("*.jpeg"))[:4]
    paths += sorted((shared_data / "tiles_kampala").glob("*.png"))[:4]
    images = pd.DataFrame({"image_id": [path.stem for path in paths], "path": [str(path) for path in paths]})
    store = embed(images, encoder("rcf", n_features=32, size=64), store=tmp_path / "s")
    assert len(store) == 8 and store.rejected().empty
    scene = shared_data / "geotiff" / "sentinel2_patch_445.tif"
    images = windows(scene, [(0, 0), (100, 100), (200, 50)], 32)
    features = embed(images, encoder("rcf", n_features=32), store=tmp_path / "t").read()
    assert features.shape == (3, 32) and features.std().gt(0).any()
