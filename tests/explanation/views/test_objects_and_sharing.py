"""Objects on the ground, and views that may be shared."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import Geod

from geolivelihood.cells import cell_names, lonlat_cells
from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.views import object_places, view_cells, view_sectors, without_clusters


def photos(count=1, lon=10.0, **columns):
    table = {"image_id": [f"p{k}" for k in range(count)], "kind": "street", "heading": 350.0, "fov": 65.0}
    table |= {"width": 1024, "height": 768}
    points = gpd.points_from_xy(np.broadcast_to(lon, count), np.full(count, 50.0))
    return gpd.GeoDataFrame(table | columns, geometry=points, crs=4326)


def boxes(**columns):
    table = {"image_id": ["p0"], "class": ["Car"], "left": [500.0], "right": [524.0], "bottom": [500.0]}
    return pd.DataFrame(table | columns)


def test_objects_stand_where_the_bottom_of_their_box_is():
    objects = pd.concat([boxes()] * 5, ignore_index=True)
    objects["image_id"], objects["bottom"] = ["p0", "p0", "none", "p1", "p2"], [500.0, 390, 500, 500, 576]
    table = photos(3, heading=[350.0, np.nan, 350.0], fov=[65.0, 65.0, 360.0])
    found = object_places(table, objects.assign(score=0.5))
    assert found.index.tolist() == [0, 1, 4] and found["score"].eq(0.5).all()
    np.testing.assert_allclose(found["bearing"], 350)
    np.testing.assert_allclose(found["distance_m"], [13.8565, 50, 2.0], atol=1e-4)
    assert found["clipped"].tolist() == [False, True, False]
    azimuth, _, metres = Geod(ellps="WGS84").inv(10, 50, found.geometry.x[0], found.geometry.y[0])
    assert azimuth % 360 == pytest.approx(350) and metres == pytest.approx(13.8565, abs=1e-4)


def test_objects_of_cameras_that_look_down():
    found = object_places(photos(2), boxes(image_id=["p1"]), camera_height_m=[9, 2], pitch=[9, 2])
    assert found["distance_m"].tolist() == pytest.approx([11.1009], abs=1e-4)


def test_objects_need_their_columns():
    with pytest.raises(MissingColumnError, match="missing: bottom"):
        object_places(photos(), boxes().drop(columns="bottom"))
    with pytest.raises(MissingColumnError, match="missing: height"):
        object_places(photos().drop(columns="height"), boxes())
    with pytest.raises(InputError, match="at most 100"):
        object_places(photos(), boxes(), range_m=0)


def test_views_are_shared_without_clusters():
    views = view_sectors(photos(2)).assign(cluster_id="c")
    assert "cluster_id" not in without_clusters(views) and "cluster_id" in views
    assert list(without_clusters(view_sectors(photos()))) == list(view_sectors(photos()))


def test_cells_of_three_photos_in_place_of_wedges():
    views = view_sectors(photos(5, lon=[10.0, 10.0, 10.0, 11.0, 11.0]), range_m=20)
    views["score"] = np.where(views["sector"] < 0, np.repeat(np.arange(5), 6), np.nan)
    found = view_cells(views, resolution=8)
    assert found["photos"].tolist() == [3] and found["score"].tolist() == [1.0]
    assert found["cell"].tolist() == cell_names(lonlat_cells([10.0], [50.0], resolution=8)).tolist()
    assert len(view_cells(views, resolution=8, least=2)) == 2
    assert not {"image_id", "path", "heading"} & set(found)


def test_cells_by_the_column_where_there_is_one():
    names = cell_names(lonlat_cells(np.full(3, 20.0), np.full(3, 50.0), resolution=10))
    found = view_cells(view_sectors(photos(3, cell=names)), resolution=9)
    assert found.geometry.iloc[0].centroid.x == pytest.approx(20, abs=0.01)


def test_a_single_photo_is_no_cell():
    with pytest.raises(InputError, match="Give 2 or more"):
        view_cells(view_sectors(photos()), least=1)
    assert view_cells(view_sectors(photos())).empty
