"""Published features, as they are and as their files break."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.tables.published_features import feature_slices, read_published_features


@pytest.fixture
def features(tmp_path):
    values = np.random.default_rng(0).random((50, 512, 1, 1), dtype=np.float32)
    with h5py.File(tmp_path / "features.hdf5", "w") as file:
        file["features"] = values
    return tmp_path / "features.hdf5", values[:, :, 0, 0]


def test_features_by_row(features):
    path, values = features
    np.testing.assert_array_equal(read_published_features(path, table_rows=50), values)
    some = [40, 3, 3, 49, 0]
    np.testing.assert_array_equal(read_published_features(path, some, table_rows=50), values[some])
    assert read_published_features(path, [], table_rows=50).shape == (0, 512)
    starts = [start for start, _ in feature_slices(path, table_rows=50, size=20)]
    assert starts == [0, 20, 40]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"table_rows": 60}, "shorter than the table: 50 rows of features for 60 photos"),
        ({"table_rows": 40}, "longer than the table"),
        ({"table_rows": 50, "width": 2048}, "another backbone"),
        ({"table_rows": 50, "rows": [50]}, "the table has 50 rows"),
    ],
)
def test_features_of_something_else(features, options, said):
    with pytest.raises(InputError, match=said):
        read_published_features(features[0], **options)


def test_files_that_are_no_features(tmp_path):
    path = tmp_path / "features.hdf5"
    with pytest.raises(InputError, match="no readable HDF5"):
        read_published_features(path, table_rows=3)
    with h5py.File(path, "w") as file:
        file["other"] = np.zeros(3)
    with pytest.raises(InputError, match="it has other"):
        read_published_features(path, table_rows=3)
    with h5py.File(path, "w") as file:
        file["features"] = np.zeros((3, 512, 7, 7), np.float32)
    with pytest.raises(InputError, match="expected"):
        read_published_features(path, table_rows=3)


def test_features_are_read_to_their_place(features):
    path, values = features
    whole = np.zeros((3, 600), np.float32)
    found = read_published_features(path, [7, 2, 7], table_rows=50, out=whole[:, 88:])
    assert np.shares_memory(found, whole)
    np.testing.assert_array_equal(whole[:, 88:], values[[7, 2, 7]])
    assert not whole[:, :88].any()
    for out in (np.zeros((2, 512), np.float32), np.zeros((3, 512))):
        with pytest.raises(InputError, match=r"give float32 of shape \(3, 512\)"):
            read_published_features(path, [7, 2, 7], table_rows=50, out=out)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_features_that_are_not_finite(tmp_path, bad):
    values = np.zeros((20, 512, 1, 1))
    values[[3, 11], 5] = bad
    with h5py.File(tmp_path / "features.hdf5", "w") as file:
        file["features"] = values
    with pytest.raises(InputError, match="NaN or infinite features in rows 3, 11"):
        read_published_features(tmp_path / "features.hdf5", table_rows=20)
    with pytest.raises(InputError, match="rows 11"):
        read_published_features(tmp_path / "features.hdf5", [12, 11], table_rows=20)
    assert read_published_features(tmp_path / "features.hdf5", [12, 10], table_rows=20).shape == (2, 512)


def test_a_damaged_chunk(tmp_path):
    path = tmp_path / "features.hdf5"
    values = np.random.default_rng(0).random((20, 512, 1, 1), dtype=np.float32)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("features", data=values, chunks=(5, 512, 1, 1), compression="gzip")
        chunk = data.id.get_chunk_info(2)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + 8 : chunk.byte_offset + 200] = bytes(192)
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        read_published_features(path, table_rows=20)


@pytest.mark.parametrize("link", [h5py.SoftLink("/nowhere"), h5py.ExternalLink("other.hdf5", "features")])
def test_links_are_not_followed(tmp_path, link):
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["features"] = np.zeros((3, 512), np.float32)
    with h5py.File(tmp_path / "features.hdf5", "w") as file:
        file["features"] = link
    with pytest.raises(InputError, match="is a link to elsewhere"):
        read_published_features(tmp_path / "features.hdf5", table_rows=3)


@pytest.mark.parametrize("values", [np.full((3, 512), b"x"), np.zeros((3, 512), [("a", "f4")])])
def test_features_that_are_no_numbers(tmp_path, values):
    with h5py.File(tmp_path / "features.hdf5", "w") as file:
        file["features"] = values
    with pytest.raises(InputError, match="give numbers"):
        read_published_features(tmp_path / "features.hdf5", table_rows=3)
