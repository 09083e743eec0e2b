"""Photos of Mapillary and KartaView on the ground."""

import numpy as np
import pytest
import shapely

from geolivelihood.explanation.views import headings, view_sectors, view_wedges
from geolivelihood.tables import read_images, read_photos


@pytest.fixture(scope="module")
def photos(shared_data):
    return read_images(
        shared_data / "street" / "points.csv", columns="global_streetscapes", kind="street"
    ).table


def test_every_photo_has_a_view_that_its_sectors_fill(photos):
    found = view_sectors(photos)
    assert found.is_valid.all() and set(found["image_id"]) == set(photos["image_id"])
    area = (
        found.assign(area=shapely.area(found.geometry.to_numpy())).groupby(found["sector"] < 0)["area"].sum()
    )
    assert area[False] == pytest.approx(area[True], rel=0.01)
    assert found[found["fov"].eq(360)].groupby("image_id").size().eq(1 + 24).all()
    assert shapely.equals_exact(
        view_wedges(photos).geometry.to_numpy(), found.geometry[found["sector"] < 0].to_numpy()
    ).all()


def test_cameras_look_where_they_go(photos):
    recorded = headings(photos)["heading"]
    travelled = headings(photos.assign(heading=np.nan), tracks=True)
    off = (travelled["heading"] - recorded + 180) % 360 - 180
    assert travelled["heading_source"].eq("track").mean() > 0.9 and off.abs().median() < 5


def test_headings_of_files(shared_data):
    found = headings(read_photos(shared_data / "exif").table)
    assert found["heading"].notna().any() and found.loc[found["heading"].notna(), "flag"].eq("").all()
