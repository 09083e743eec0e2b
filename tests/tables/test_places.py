import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.sphere import arc_m, unit_vectors
from geolivelihood.tables import cut_at_antimeridian
from geolivelihood.tables.places import places_by_distance

DEGREE_M = 111_195.0


def images(lon, lat, **columns) -> gpd.GeoDataFrame:
    ids = [f"i{k:03d}" for k in range(len(lon))]
    return gpd.GeoDataFrame(
        {"image_id": ids, **columns}, geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326"
    )


def count(table: gpd.GeoDataFrame, *, metres: float) -> int:
    return len(set(places_by_distance(table, metres=metres)["place_id"]))


def test_near_pictures_show_one_place() -> None:
    step = 20 / DEGREE_M
    table = places_by_distance(images([0, step, 2 * step, 1], [1, 1, 1, 1]), metres=21)
    assert table["place_id"].tolist() == ["at:i000", "at:i000", "at:i000", "at:i003"]
    assert count(table.drop(columns="place_id"), metres=19) == 4


def test_across_the_antimeridian_as_the_spec_measures_it() -> None:
    table = images([179.9, -179.9], [0, 0])  # 22.239016 km apart
    assert count(table, metres=22_239.1) == 1
    assert count(table, metres=22_238.9) == 2


def test_at_the_pole() -> None:
    assert count(images([0, 90, 180, -90], [89.9999] * 4), metres=25) == 1


def test_footprints_that_are_cut_have_their_centre_on_the_cut() -> None:
    boxes = shapely.box([179.99, 179.991, 0.0], -0.01, [180.01, 180.011, 0.02], 0.01)
    cut = gpd.GeoDataFrame(
        {"image_id": ["a", "b", "c"]}, geometry=cut_at_antimeridian(boxes), crs="EPSG:4326"
    )
    assert places_by_distance(cut, metres=120)["place_id"].tolist() == ["at:a", "at:a", "at:c"]
    assert count(cut, metres=100) == 3


def test_any_crs() -> None:
    table = images([30.0, 30.0001], [-2.0, -2.0]).to_crs("EPSG:32735")
    found = places_by_distance(table, metres=12)
    assert found.crs == table.crs and len(set(found["place_id"])) == 1


def test_places_that_are_known_stay() -> None:
    table = images([0, 0, 0, 0], [0.5] * 4, place_id=["x", None, "", "y"]).set_index(pd.Index([7, 7, 8, 9]))
    found = places_by_distance(table, metres=10)
    assert found["place_id"].tolist() == ["x", "at:i001", "at:i001", "y"]
    assert found.index.tolist() == [7, 7, 8, 9]
    assert table["place_id"].tolist()[0] == "x" and pd.isna(table["place_id"].tolist()[1])


def test_without_a_geometry_the_place_stays_unknown() -> None:
    table = images([0, 0], [1, 1])
    table.loc[1, "geometry"] = None
    assert places_by_distance(table, metres=1)["place_id"].isna().tolist() == [False, True]
    nowhere = gpd.GeoDataFrame({"image_id": ["a"]}, geometry=[None], crs="EPSG:4326")
    assert places_by_distance(nowhere, metres=1)["place_id"].isna().all()
    assert len(places_by_distance(nowhere.iloc[:0], metres=1)) == 0


def test_many_pictures_of_one_spot_are_cheap() -> None:
    table = images(np.zeros(20_000), np.ones(20_000))  # 2e8 pairs, were each of them a link
    assert count(table, metres=100) == 1


def test_bad_input() -> None:
    table = images([0], [1])
    for metres in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="is no distance"):
            places_by_distance(table, metres=metres)
    with pytest.raises(MissingColumnError, match="'image_id'"):
        places_by_distance(table.drop(columns="image_id"), metres=1)
    with pytest.raises(MissingCRSError, match="set_crs"):
        places_by_distance(table.set_crs(None, allow_override=True), metres=1)


points = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@settings(max_examples=50, deadline=None)
@given(st.lists(points, min_size=1, max_size=12), st.floats(0, 5e6), st.randoms())
def test_components_whatever_the_order(lonlat, metres, random) -> None:
    table = images(*zip(*lonlat))
    found = places_by_distance(table, metres=metres).set_index("image_id")["place_id"]
    vectors = unit_vectors(lonlat)
    apart = arc_m(np.linalg.norm(vectors[:, None] - vectors[None], axis=-1))
    same = found.to_numpy()[:, None] == found.to_numpy()[None]
    assert same[apart < metres * (1 - 1e-9) - 1e-3].all()
    for place in set(found):  # from each picture of a place but one there is a link into it
        inside = np.flatnonzero(found.to_numpy() == place)
        if len(inside) > 1:
            near = apart[np.ix_(inside, inside)] + np.diag(np.full(len(inside), np.inf))
            assert (near.min(axis=1) <= metres * (1 + 1e-9) + 1e-3).all()
    order = list(range(len(table)))
    random.shuffle(order)
    again = places_by_distance(table.iloc[order], metres=metres).set_index("image_id")["place_id"]
    assert again[found.index].tolist() == found.tolist()
