"""View wedges: vectors of the specification of georeferenced explanations, section 3."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geolivelihood.errors import InputError
from geolivelihood.explanation import horizontal_bearing, view_wedges


def photos(lon, lat, **columns):
    data = {"image_id": ["a"], "kind": "street", **{key: [value] for key, value in columns.items()}}
    return gpd.GeoDataFrame(data, geometry=gpd.points_from_xy([lon], [lat]), crs=4326)


def area(geometry):
    from pyproj import Geod

    return abs(Geod(ellps="WGS84").geometry_area_perimeter(geometry)[0])


@pytest.mark.parametrize(
    ("panorama", "expected"),
    [
        (False, [317.5, 324.461403, 332.331495, 350, 7.668505, 22.5]),
        (True, [170, 215, 260, 350, 80, 170]),
    ],
)
def test_bearing_of_columns(panorama, expected):
    got = horizontal_bearing(
        [0, 128, 256, 512, 768, 1024], width=1024, heading=350, fov=65, panorama=panorama
    )
    assert np.allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("lon", "lat", "heading", "fov", "range_m", "segments", "square_metres"),
    [(32.5825, 0.3476, 47, 65, 50, 9, 1399.145), (13.195, 55.698, 350, 70, 100, 14, 6014.116)],
)
def test_wedge_area(lon, lat, heading, fov, range_m, segments, square_metres):
    wedge = view_wedges(photos(lon, lat, heading=heading, fov=fov), range_m=range_m).geometry.iloc[0]
    # the published areas are of rings of four segments; ours keep the chord within 0.1 m of the arc
    angle = np.radians(fov)
    finer = segments * np.sin(angle / segments) / (4 * np.sin(angle / 4))
    assert area(wedge) == pytest.approx(square_metres * finer, rel=1e-5)
    assert wedge.is_valid and wedge.exterior.is_ccw


def test_corners_are_the_published_ones():
    wedge = view_wedges(photos(32.5825, 0.3476, heading=47, fov=65)).geometry.iloc[0]
    ring = shapely.get_coordinates(wedge)
    assert np.allclose(ring[0], [32.5825, 0.3476])
    assert np.allclose(ring[1], [32.5829416, 0.3476824], atol=1e-7)
    assert np.allclose(ring[-2], [32.5826125, 0.3480378], atol=1e-7)
    assert len(ring) == 1 + 10 + 1  # camera, nine segments, closed


def test_antimeridian_gives_two_parts():
    wedge = view_wedges(photos(179.9998, -16.8, heading=90, fov=60)).geometry.iloc[0]
    assert wedge.geom_type == "MultiPolygon" and len(wedge.geoms) == 2
    assert area(wedge) == pytest.approx(1294.095, rel=0.02)
    assert abs(shapely.get_coordinates(wedge)[:, 0]).max() <= 180.0


def test_no_heading_is_a_flagged_disc_and_a_panorama_wraps():
    disc = view_wedges(photos(10, 50, heading=np.nan, fov=65)).iloc[0]
    panorama = view_wedges(photos(10, 50, heading=30, fov=360)).iloc[0]
    assert disc["flag"] == "no_heading" and panorama["flag"] == ""
    for view in (disc, panorama):
        assert area(view.geometry) == pytest.approx(np.pi * 50**2, rel=0.01)


def test_missing_fov_is_flagged():
    view = view_wedges(photos(10, 50, heading=30)).iloc[0]
    assert (view["fov"], view["fov_source"]) == (65.0, "default")


def test_range_out_of_bounds():
    with pytest.raises(InputError, match="at most 100"):
        view_wedges(photos(10, 50, heading=1), range_m=500)


def test_empty_and_overhead_only():
    table = photos(10, 50, heading=1).assign(kind="overhead")
    assert view_wedges(table).empty
