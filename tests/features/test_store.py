"""The feature store on its own."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from geolivelihood.errors import InputError
from geolivelihood.features import FeatureStore, embed, encoder


def test_no_store(tmp_path, photos):
    with pytest.raises(InputError, match="no feature store"):
        FeatureStore(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        embed(photos(1), encoder("summary"), store=tmp_path / "file")


def test_layout_on_disk(tmp_path, photos):
    store = embed(photos(3), encoder("rcf", n_features=10), store=tmp_path / "s")
    names = {path.name for path in store.path.iterdir()}
    expected = {"features.parquet", "manifest.json", "rejected.csv", "stamps.parquet", "encoder.safetensors"}
    assert names == expected
    schema = pq.read_schema(store.path / "features.parquet")
    assert schema.names == ["image_id", "features"]
    assert str(schema.field("features").type).startswith("fixed_size_list<") and (
        schema.field("features").type.list_size == 10
    )
    manifest = store.manifest
    assert manifest["encoder"]["name"] == "rcf" and len(manifest["fingerprint"]) == 64
    assert manifest["complete"] and manifest["dim"] == 10 and manifest["precision"] == "float32"
