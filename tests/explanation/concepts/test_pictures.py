"""Activations of picture files, and a whole chain on real tiles."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.explanation.concepts import (
    concepts_by_shares,
    layer_activations,
    picture_activations,
    polygon_shares,
)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.fixture
def table(tmp_path, rng):
    for name in "abc":
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    (tmp_path / "d.png").write_bytes(b"nothing")
    rows = pd.DataFrame({"image_id": list("abcda"), "concept": ["x", "x", "y", "y", "y"]})
    return rows.assign(path=[str(tmp_path / f"{name}.png") for name in rows["image_id"]])


def test_each_picture_is_read_once_and_the_unreadable_set_aside(network, table, tmp_path):
    kept = tmp_path / "cache"
    found = picture_activations(network, table, layer="3", size=16, max_rejected=0.3, cache=kept)
    assert found.table.index.tolist() == list("abc") and found.table.shape == (3, 4)
    assert found.rejected["row"].tolist() == ["d"] and list(found.rejected) == ["row", "column", "reason"]
    pixels = torch.from_numpy(np.array(Image.open(tmp_path / "b.png"))).permute(2, 0, 1)[None]
    assert np.allclose(
        found.table.loc["b"], layer_activations(network, pixels / 255, layer="3")[0], atol=1e-6
    )
    again = picture_activations(network, table, layer="3", size=16, max_rejected=0.3, cache=kept)
    assert again.table.equals(found.table) and len(list(kept.iterdir())) == 1


def test_the_pictures_are_prepared_as_the_model_wants_them(network, table):
    seen = []

    def prepare(pixels):
        seen.append((pixels.dtype, tuple(pixels.shape)))
        return pixels.float() * 0

    found = picture_activations(network, table[:3], layer="0", size=8, prepare=prepare)
    assert seen == [(torch.uint8, (3, 3, 8, 8))]
    assert np.allclose(found.table, network[0].bias.detach().numpy(), atol=1e-6)


def test_tables_that_cannot_be_used(network, table):
    with pytest.raises(TooManyRejectedError, match="1 of 4 pictures cannot be read; the first, d"):
        picture_activations(network, table, layer="3", size=16)
    with pytest.raises(MissingColumnError, match="no column path"):
        picture_activations(network, table.drop(columns="path"), layer="3", size=16)
    with pytest.raises(InputError, match="no picture in the table"):
        picture_activations(network, table[:0], layer="3", size=16)
    with pytest.raises(InputError, match="no layer 'fc'"):
        picture_activations(network, table[:3], layer="fc", size=16)


def test_real_tiles_by_the_buildings_on_them(shared_data):
    from geolivelihood.tables import read_tiles

    folder = shared_data / "tiles_kampala"
    tiles = read_tiles(folder, scheme="x-y-z").table
    buildings = gpd.read_file(folder / "labels.geojson").assign(kind="building")
    shares = polygon_shares(tiles, buildings, column="kind")["building"]
    assert shares.between(0, 1).all() and 0.2 < shares.mean() < 0.4
    # the same by area in the tiles' own projection, one tile alone
    tile = tiles.to_crs(32636).geometry.iloc[5]
    inside = buildings.to_crs(32636).make_valid().union_all().intersection(tile)
    assert shares.iloc[5] == pytest.approx(inside.area / tile.area, abs=1e-4)
    rules = pd.DataFrame({"concept": ["dense"], "classes": ["building"], "at_least": [0.5], "at_most": [1.0]})
    dense = concepts_by_shares(shares.to_frame(), rules)
    assert set(dense["image_id"]) == set(shares.index[shares >= 0.5])
