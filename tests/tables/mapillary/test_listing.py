"""What Mapillary has of an area, asked of a server that speaks its API."""

import json
import logging

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import EnvironmentMissingError, InputError, OutputError
from geolivelihood.tables import check_images, list_images

HERE = (36.80, -1.32, 36.83, -1.29)
BOXES = 20  # five columns and four lines of the grid of 0.009 degrees


@pytest.fixture
def village(server, make_photo, rng):
    """Sixty photos in a box."""
    server.photos = [
        make_photo(n, *place) for n, place in enumerate(rng.uniform(*np.split(np.array(HERE), 2), (60, 2)))
    ]
    return server


def test_the_columns(village, quick):
    found = list_images(HERE, **quick)
    assert len(found) == 60 and found.crs == "EPSG:4326"
    one = found.set_index("image_id").loc["7"]
    asked = village.photos[7]
    assert (one.geometry.x, one.geometry.y) == tuple(asked["computed_geometry"]["coordinates"])
    assert [one["gps_longitude"], one["gps_latitude"]] == asked["geometry"]["coordinates"]
    assert one["captured_at"] == pd.Timestamp("2018-01-01T00:00:00.007Z")
    assert one["heading"] == 10.25 and one["compass_angle"] == 350.5 and one["sequence_id"] == "s0"
    assert one["license"] == "CC BY-SA 4.0" and one["creator"] == "user1" and one["kind"] == "street"
    assert one["attribution"] == "user1 / Mapillary, CC BY-SA 4.0"
    assert one["source_url"] == "https://www.mapillary.com/app/?pKey=7"
    assert len(check_images(found).table) == 60


def test_records_that_lack_things(server, make_photo, quick):
    bare = make_photo(1, 36.81, -1.3, computed_geometry=None, creator=None)  # its computed angle is of no use
    lost = make_photo(2, 36.81, -1.3, computed_geometry={"type": "Point", "coordinates": []})
    del bare["sequence"], lost["compass_angle"], lost["captured_at"]
    lost["captured_at"] = 0
    server.photos = [bare, lost]
    found = list_images(HERE, **quick).set_index("image_id")
    assert found.loc["1", "heading"] == 350.5 and found.geometry["1"].x == 36.81
    assert pd.isna(found.loc["1", "creator"]) and pd.isna(found.loc["1", "sequence_id"])
    assert found.loc["1", "attribution"] == "a contributor / Mapillary, CC BY-SA 4.0"
    assert found.geometry["2"].x == 36.81 and found.loc["2", "compass_angle"] is not None


ODD = (
    {"creator": "someone"},
    {"creator": ["someone"]},
    {"creator": {"username": {"name": 1}}},
    {"creator": {"username": "half \ud83d"}},
    {"captured_at": 1e20},
    {"captured_at": float("inf")},
    {"captured_at": 10**400},
    {"captured_at": {}},
    {"geometry": {"type": "Point", "coordinates": ["here", None]}},
    {"computed_geometry": {"coordinates": [[36.81, -1.3], 2]}},
    {"computed_geometry": {"coordinates": [36.81, 1e300]}},
    {"geometry": "POINT (36.81 -1.3)", "computed_geometry": 7},
    {"compass_angle": "north", "computed_compass_angle": [], "sequence": {}, "is_pano": "no"},
    {"id": None},
    {"id": ["7"]},
)


def test_an_odd_record_costs_no_other(server, make_photo, quick, tmp_path):
    """Nor the journal that has it: the listing goes on from there."""
    answered = [make_photo(n, 36.8123, -1.3) | odd for n, odd in enumerate(ODD)] + ["none", None]

    def images(handler, query):
        west, south, east, north = map(float, query["bbox"].split(","))
        here = west <= 36.8123 <= east and south <= -1.3 <= north
        handler.send(200, {"data": answered if here else []})

    server.images = images
    journal = tmp_path / "listing.jsonl"
    found = list_images(HERE, journal=journal, **quick)
    assert set(found["image_id"]) == {str(n) for n in range(len(ODD) - 2)} - {"11"}
    one = found.set_index("image_id")
    assert one.loc[["0", "1", "2"], "creator"].isna().all() and one.loc["3", "creator"] == "half ?"
    assert one.loc[["4", "5", "6", "7"], "captured_at"].isna().all() and one["captured_at"].notna().sum() == 8
    assert one.geometry["8"].x == 36.8123 + 1e-5 and one.geometry["9"].x == one.geometry["10"].x == 36.8123
    assert pd.isna(one.loc["12", "heading"]) and not one.loc["12", "is_pano"]
    server.seen.clear()
    pd.testing.assert_frame_equal(list_images(HERE, journal=journal, **quick), found)
    assert not server.seen


def test_boxes_are_small_and_asked_for_once(village, quick):
    list_images(HERE, **quick)
    asked = [query["bbox"] for path, query, *_ in village.seen if path == "/images"]
    assert len(asked) == len(set(asked)) == BOXES
    edges = np.array([box.split(",") for box in asked], dtype=float)
    assert (edges[:, 2:] - edges[:, :2] < 0.01).all()


def test_full_answers_are_quartered(village, quick):
    village.limit = 2000
    expected = list_images(HERE, **quick)
    village.seen.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("geolivelihood.tables.mapillary.listing._LIMIT", 3)
        found = list_images(HERE, **quick)
    pd.testing.assert_frame_equal(found, expected)
    assert len(village.seen) > BOXES and all(query["limit"] == "3" for _, query, *_ in village.seen)


def test_too_many_at_one_place_warn(server, make_photo, quick, monkeypatch):
    monkeypatch.setattr("geolivelihood.tables.mapillary.listing._LIMIT", 3)
    server.photos = [make_photo(n, 36.8123, -1.3045) for n in range(5)]
    with pytest.warns(UserWarning, match="1 boxes of 8 m"):
        found = list_images((36.81, -1.306, 36.815, -1.303), **quick)
    assert len(found) == 3
    assert len(server.seen) < 50


def test_an_answer_that_would_be_too_large_is_quartered(village, quick, trouble):
    said = {"error": {"code": 1, "message": "Please reduce the amount of data you're asking for, then retry"}}
    village.troubles = {"/images": [trouble.status(500, said)]}
    assert len(list_images(HERE, **quick)) == 60
    assert len(village.seen) == BOXES + 4


def test_clusters_share_their_boxes(village, quick):
    def clusters(*lonlat):
        points = gpd.points_from_xy(*np.array(lonlat).T)
        return gpd.GeoDataFrame(geometry=points, crs=4326).to_crs(3857)

    one = list_images(clusters((36.815, -1.305)), window_deg=0.02, **quick)
    alone = len(village.seen)
    village.seen.clear()
    both = list_images(clusters((36.815, -1.305), (36.816, -1.305)), window_deg=0.02, **quick)
    assert len(one) == len(both) == 60 and both["image_id"].is_unique
    assert len(village.seen) <= alone + 6
    village.seen.clear()
    assert len(list_images(clusters((36.815, -1.305)), radius_m=300, **quick)) < 60
    assert len(village.seen) <= 4


def test_across_the_antimeridian(server, make_photo, quick):
    server.photos = [
        make_photo(1, 179.999, 0.001),
        make_photo(2, -179.999, 0.001),
        make_photo(3, 0.001, 0.001),
    ]
    assert set(list_images((179.99, 0, -179.99, 0.005), **quick)["image_id"]) == {"1", "2"}


def test_times_and_panoramas(server, make_photo, quick):
    day = 86_400_000
    server.photos = [make_photo(n, 36.81, -1.3, captured_at=1514764800000 + n * day) for n in range(4)]
    server.photos += [make_photo(9, 36.81, -1.3, is_pano=True)]
    for by in ({}, {"by": "tiles", "tiles_url": server.url}):
        assert set(list_images(HERE, **by, **quick)["image_id"]) == set("0123")
        assert set(list_images(HERE, panoramas=True, **by, **quick)["image_id"]) == set("01239")
        some = list_images(HERE, start="2018-01-02", end="2018-01-04T02:00:00+02:00", **by, **quick)
        assert set(some["image_id"]) == set("12")
    with pytest.raises(InputError, match=r"start='noon'.*ISO 8601"):
        list_images(HERE, start="noon", **quick)


def test_tiles_agree_with_boxes(village, quick):
    boxes = list_images(HERE, **quick).set_index("image_id")
    tiles = list_images(HERE, by="tiles", tiles_url=village.url, **quick).set_index("image_id")
    assert len(tiles) == 60 and len(village.count("/maps/")) == 9
    both = tiles.index
    boxes = boxes.loc[both]
    assert np.allclose(tiles["gps_longitude"], boxes["gps_longitude"], atol=1e-5)
    assert np.allclose(tiles["gps_latitude"], boxes["gps_latitude"], atol=1e-5)
    for name in ("captured_at", "compass_angle", "sequence_id", "is_pano", "license", "source_url"):
        pd.testing.assert_series_equal(tiles[name], boxes[name])
    assert tiles["creator"].isna().all() and (tiles["heading"] == 350.5).all()


def test_tiles_without_pictures(server, quick, trouble):
    server.troubles = {"/maps/": [trouble.status(404)]}
    found = list_images(HERE, by="tiles", tiles_url=server.url, **quick)
    assert found.empty and "attribution" in found and found.crs == "EPSG:4326"
    server.troubles = {"/maps/": [trouble.status(200, b"no tile at all")]}
    with pytest.raises(EnvironmentMissingError, match=r"no list of 14/\d+/\d+"):
        list_images(HERE, by="tiles", tiles_url=server.url, **quick)


def test_ground_that_cannot_be_listed_stops_the_listing(village, quick, trouble):
    village.troubles = {"/images": [trouble.status(500)] * 200}
    with pytest.raises(EnvironmentMissingError, match=r"no list of 36\.(79|80)"):
        list_images(HERE, **quick)
    village.troubles = {"/images": [trouble.status(400, {"error": {"message": "bbox?"}})]}
    with pytest.raises(InputError, match=r"refuses to list .*bbox\?"):
        list_images(HERE, **quick)
    village.troubles = {"/images": [trouble.status(200, {"items": []})]}
    with pytest.raises(EnvironmentMissingError, match="no list 'data'"):
        list_images(HERE, **quick)


def test_a_wrong_token(village, quick):
    with pytest.raises(InputError, match="does not accept the token") as caught:
        list_images(HERE, token="MLY|wrong|0123456789abcdef", **quick)
    assert "0123456789abcdef" not in str(caught.value)


def test_a_listing_goes_on_where_it_stopped(village, quick, tmp_path, token, caplog):
    caplog.set_level(logging.DEBUG)
    journal = tmp_path / "listing.jsonl"
    answer, served = village.images, []

    def some(handler, query):
        served.append(query["bbox"])
        answer(handler, query) if len(served) <= 10 else handler.send(503, b"")

    village.images = some
    with pytest.raises(EnvironmentMissingError, match="goes on from here"):
        list_images(HERE, journal=journal, concurrency=1, **quick | {"retries": 0})
    done = sum(1 for _ in journal.open()) - 1
    assert 5 <= done <= 10
    with journal.open("ab") as stream:
        stream.write(b'["36.8,')  # a kill in the middle of a line
    village.images = answer
    village.seen.clear()
    found = list_images(HERE, journal=journal, **quick)
    assert len(village.seen) == BOXES - done and len(found) == 60
    village.seen.clear()
    pd.testing.assert_frame_equal(list_images(HERE, journal=journal, **quick), found)
    assert not village.seen
    with pytest.raises(InputError, match="is of"):
        list_images(HERE, journal=journal, panoramas=True, **quick)
    secret = token.rsplit("|", 1)[1]
    assert secret not in journal.read_text() and secret not in caplog.text
    assert json.loads(journal.read_text().splitlines()[0])[0] == "of"


def test_nothing_there(server, quick):
    found = list_images(HERE, **quick)
    assert found.empty and {"image_id", "captured_at", "creator", "license"} <= set(found)
    assert str(found["captured_at"].dtype).endswith("UTC]")


def test_options_that_make_no_sense(server, quick, tmp_path):
    for wrong, error, told in (
        ({"by": "lists"}, InputError, "tiles"),
        ({"base_url": "http://example.org"}, InputError, "https"),
        ({"journal": tmp_path}, OutputError, "Cannot write"),
    ):
        with pytest.raises(error, match=told):
            list_images(HERE, **quick | wrong)
    with pytest.raises(InputError, match="window_deg"):
        list_images(gpd.GeoDataFrame(geometry=gpd.points_from_xy([1], [1]), crs=4326), window_deg=0, **quick)
