import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.tables.collections.spacenet import read_spacenet, read_spacenet_labels

PIXEL = 2.7e-6
WEST, NORTH = -115.3, 36.2


def square(column, row, side=3):
    """A building in degrees, by the pixels of the first picture."""
    west, north = WEST + column * PIXEL, NORTH - row * PIXEL
    east, south = west + side * PIXEL, north - side * PIXEL
    return [[west, north], [east, north], [east, south], [west, south], [west, north]]


def write_buildings(path: Path, rings) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"OBJECTID": 1},
            "geometry": {"type": "Polygon", "coordinates": [[[*p, 0.0] for p in ring]]} if ring else None,
        }
        for ring in rings
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def summary(root: Path, rows) -> None:
    (root / "summaryData").mkdir(parents=True, exist_ok=True)
    columns = ["ImageId", "BuildingId", "PolygonWKT_Pix", "PolygonWKT_Geo"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(root / "summaryData" / "AOI_2_Vegas_Train_Building_Solutions.csv", index=False)


def pictures(root: Path, *, imagery="RGB-PanSharpen", bands=3, count=3) -> Path:
    folder = root / imagery
    folder.mkdir(parents=True, exist_ok=True)
    shape = {"height": 12, "width": 12, "count": bands, "dtype": "uint16"}
    for k in range(1, count + 1):
        grid = from_origin(WEST + (k - 1) * 0.01, NORTH, PIXEL, PIXEL)
        name = folder / f"{imagery}_AOI_2_Vegas_img{k}.tif"
        with rasterio.open(name, "w", driver="GTiff", crs="EPSG:4326", transform=grid, **shape) as target:
            target.write(np.full((bands, 12, 12), 300 * k, dtype="uint16"))
    return root


def vegas(root: Path) -> Path:
    """Three pictures; the second has no building, nobody looked at the third."""
    pictures(root)
    labels = root / "geojson" / "buildings"
    write_buildings(labels / "buildings_AOI_2_Vegas_img1.geojson", [square(2, 4), None])
    write_buildings(labels / "buildings_AOI_2_Vegas_img2.geojson", [])
    return root


def test_pictures_that_somebody_looked_at(tmp_path):
    told = []
    table = read_spacenet(vegas(tmp_path), on_rejected=told.append)
    assert table["image_id"].tolist() == ["AOI_2_Vegas_img1", "AOI_2_Vegas_img2"]
    assert set(table["sensor"]) == {"RGB-PanSharpen"} and set(table["region"]) == {"AOI_2_Vegas"}
    assert told[0]["row"].tolist() == ["AOI_2_Vegas_img3"] and "no labels" in told[0]["reason"].iloc[0]
    assert len(read_spacenet(tmp_path, labelled=False)) == 3


def test_eight_bands_of_16_bits(tmp_path):
    pictures(vegas(tmp_path), imagery="MUL-PanSharpen", bands=8)
    table = read_spacenet(tmp_path, imagery="MUL-PanSharpen")
    assert table["bands"].iloc[0] == "1,2,3,4,5,6,7,8"
    with pytest.raises(InputError, match=r"imagery='PAN'.*MUL-PanSharpen, RGB-PanSharpen, geojson"):
        read_spacenet(tmp_path, imagery="PAN")


def test_buildings_of_the_files(tmp_path):
    labels = read_spacenet_labels(vegas(tmp_path), read_spacenet(tmp_path))
    assert labels["image_id"].tolist() == ["AOI_2_Vegas_img1"] and labels["class"].tolist() == ["building"]
    np.testing.assert_allclose(
        labels.total_bounds, [WEST + 2 * PIXEL, NORTH - 7 * PIXEL, WEST + 5 * PIXEL, NORTH - 4 * PIXEL]
    )
    assert not labels.has_z.any()


def test_buildings_of_the_summary_in_degrees_or_pixels(tmp_path):
    pictures(tmp_path)
    ring = ", ".join(f"{x} {y} 0" for x, y in square(2, 4))
    summary(
        tmp_path,
        [
            ["AOI_2_Vegas_img1", 1, "POLYGON ((0 0 0, 1 0 0, 1 1 0, 0 0 0))", f"POLYGON (({ring}))"],
            ["AOI_2_Vegas_img1", 2, "POLYGON ((8 9 0, 11 9 0, 11 11 0, 8 11 0, 8 9 0))", ""],
            ["AOI_2_Vegas_img2", -1, "POLYGON EMPTY", "POLYGON EMPTY"],
            ["AOI_2_Vegas_img77", 1, "POLYGON EMPTY", f"POLYGON (({ring}))"],
        ],
    )
    told = []
    images = read_spacenet(tmp_path)
    assert images["image_id"].tolist() == ["AOI_2_Vegas_img1", "AOI_2_Vegas_img2"]
    labels = read_spacenet_labels(tmp_path, images, on_rejected=told.append)
    assert labels["image_id"].tolist() == ["AOI_2_Vegas_img1"] * 2
    in_pixels = (labels.bounds.to_numpy() - [WEST, NORTH, WEST, NORTH]) / PIXEL
    np.testing.assert_allclose(in_pixels, [[2, -7, 5, -4], [8, -11, 11, -9]], atol=1e-3)
    assert told[0]["row"].tolist() == ["AOI_2_Vegas_img77"]


def test_an_outline_that_crosses_itself_is_mended(tmp_path):
    bow = [
        [WEST, NORTH],
        [WEST + 4 * PIXEL, NORTH - 4 * PIXEL],
        [WEST + 4 * PIXEL, NORTH],
        [WEST, NORTH - 4 * PIXEL],
    ]
    line = [[WEST, NORTH], [WEST + PIXEL, NORTH], [WEST, NORTH]]
    vegas(tmp_path)
    path = tmp_path / "geojson" / "buildings" / "buildings_AOI_2_Vegas_img1.geojson"
    write_buildings(path, [[*bow, bow[0]], [*line, line[0]]])
    told = []
    labels = read_spacenet_labels(tmp_path, read_spacenet(tmp_path), on_rejected=told.append)
    assert len(labels) == 1 and labels.geometry.is_valid.all()
    assert labels.geometry.iloc[0].area / PIXEL**2 == pytest.approx(8)
    assert "no area" in told[0]["reason"].iloc[0]


def test_labels_that_are_damaged_or_missing(tmp_path):
    pictures(tmp_path)
    images = gpd.GeoDataFrame(
        {"image_id": ["AOI_2_Vegas_img1"], "path": ["x.tif"]}, geometry=gpd.points_from_xy([0], [0])
    )
    with pytest.raises(InputError, match="neither GeoJSON files nor a CSV"):
        read_spacenet_labels(tmp_path, images)
    summary(tmp_path, [["AOI_2_Vegas_img1", 1, "", "POLYGON ((0 0"]])
    with pytest.raises(InputError, match="PolygonWKT_Geo holds something that is no WKT"):
        read_spacenet_labels(tmp_path, images)
    (tmp_path / "summaryData" / "AOI_2_Vegas_Train_Building_Solutions.csv").write_text("ImageId,Other\na,b\n")
    with pytest.raises(MissingColumnError, match="PolygonWKT_Pix"):
        read_spacenet_labels(tmp_path, images, source="summary")
    broken = tmp_path / "geojson" / "buildings_AOI_2_Vegas_img1.geojson"
    broken.parent.mkdir()
    broken.write_text('{"features": 3}')
    with pytest.raises(InputError, match="is no GeoJSON of buildings"):
        read_spacenet_labels(tmp_path, images)
    with pytest.raises(InputError, match="source='csv'"):
        read_spacenet_labels(tmp_path, images, source="csv")


def test_only_empty_polygons(tmp_path):
    pictures(tmp_path)
    summary(tmp_path, [["AOI_2_Vegas_img1", -1, "POLYGON EMPTY", "POLYGON EMPTY"]])
    with pytest.raises(InputError, match="Not one label of SpaceNet"):
        read_spacenet_labels(tmp_path, read_spacenet(tmp_path))
