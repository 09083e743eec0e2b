import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from geolivelihood.errors import InputError
from geolivelihood.tables import decimal_degrees, read_photos

GPS, BASE = ExifTags.GPS, ExifTags.Base
NAIROBI = {
    GPS.GPSLatitudeRef: "S",
    GPS.GPSLatitude: (1.0, 17.0, 31.2),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (36.0, 49.0, 12.0),
}


def save(path: Path, gps: dict, camera: dict | None = None, size: tuple[int, int] = (8, 6), **more) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    exif.get_ifd(ExifTags.IFD.Exif).update(camera or {})
    exif.update(more.pop("base", {}))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "green").save(path, exif=exif, **more)


def test_position_time_and_direction(tmp_path: Path) -> None:
    when = {GPS.GPSDateStamp: "2019:03:02", GPS.GPSTimeStamp: (9.0, 5.0, 7.25)}
    facing = {GPS.GPSImgDirection: IFDRational(7225, 20), GPS.GPSImgDirectionRef: "T"}
    save(tmp_path / "a" / "one.jpg", NAIROBI | when | facing, {BASE.FocalLengthIn35mmFilm: 28})
    table, rejected = read_photos(tmp_path)
    assert rejected.empty
    row = table.iloc[0]
    assert row["image_id"] == "a/one"
    assert row["kind"] == "street"
    np.testing.assert_allclose([row.geometry.x, row.geometry.y], [36.82, -1.292], atol=1e-9)
    assert row["captured_at"].isoformat() == "2019-03-02T09:05:07.250000+00:00"
    assert row["heading"] == pytest.approx(1.25)  # 361.25
    assert row["fov"] == pytest.approx(2 * np.degrees(np.arctan(0.8 * 21.6333 / 28)), abs=1e-4)


@pytest.mark.parametrize(
    ("camera", "timezone", "expected"),
    [
        ({BASE.OffsetTimeOriginal: "+03:00"}, None, "2019-03-02T09:05:07+00:00"),
        (
            {BASE.OffsetTimeOriginal: "+03:00", BASE.SubsecTimeOriginal: "50"},
            None,
            "2019-03-02T09:05:07.500000+00:00",
        ),
        ({}, "Africa/Nairobi", "2019-03-02T09:05:07+00:00"),
        ({}, None, None),
    ],
)
def test_camera_time_needs_an_offset(tmp_path: Path, camera, timezone, expected) -> None:
    save(tmp_path / "a.jpg", NAIROBI, {BASE.DateTimeOriginal: "2019:03:02 12:05:07"} | camera)
    found = read_photos(tmp_path, timezone=timezone).table["captured_at"].iloc[0]
    assert (None if expected is None else found.isoformat()) == expected
    assert (found is not None and found == found) == (expected is not None)


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", NAIROBI, {BASE.DateTimeOriginal: "2019:03:02 12:05:07"})
    with pytest.raises(InputError, match="IANA name"):
        read_photos(tmp_path, timezone="Mars/Olympus")


def test_magnetic_headings_wait_for_the_declination(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "a.jpg", NAIROBI | {GPS.GPSImgDirection: 359.0, GPS.GPSImgDirectionRef: "M"})
    with caplog.at_level(logging.WARNING):
        unknown = read_photos(tmp_path).table.iloc[0]
    assert "1 of 1 photos recorded a magnetic heading" in caplog.text
    assert np.isnan(unknown["heading"])
    assert unknown["heading_magnetic"] == 359
    assert read_photos(tmp_path, declination=2.5).table["heading"].iloc[0] == pytest.approx(1.5)


def test_turned_photos_and_panoramas(tmp_path: Path) -> None:
    focal = {BASE.FocalLengthIn35mmFilm: 28}
    save(tmp_path / "upright.jpg", NAIROBI, focal, base={BASE.Orientation: 6})
    packet = b'<x:xmpmeta GPano:ProjectionType="equirectangular"/>'
    save(tmp_path / "sphere.jpg", NAIROBI, xmp=packet)
    fov = read_photos(tmp_path).table.set_index("image_id")["fov"]
    assert fov["sphere"] == 360
    assert fov["upright"] == pytest.approx(2 * np.degrees(np.arctan(0.6 * 21.6333 / 28)), abs=1e-4)


def test_photos_without_a_place_are_set_aside(tmp_path: Path) -> None:
    save(tmp_path / "good.jpg", NAIROBI)
    save(tmp_path / "none.jpg", {})
    save(tmp_path / "no_ref.jpg", {GPS.GPSLatitude: (1.0, 0.0, 0.0), GPS.GPSLongitude: (1.0, 0.0, 0.0)})
    save(tmp_path / "void.jpg", NAIROBI | {GPS.GPSStatus: "V"})
    save(tmp_path / "zero.jpg", NAIROBI | {GPS.GPSLatitude: (0.0,) * 3, GPS.GPSLongitude: (0.0,) * 3})
    save(tmp_path / "broken.jpg", NAIROBI | {GPS.GPSLatitude: (IFDRational(0, 0),) * 3})
    (tmp_path / "corrupt.jpg").write_bytes(b"\xff\xd8 this is no picture")
    (tmp_path / "empty.jpeg").write_bytes(b"")
    table, rejected = read_photos(tmp_path)
    assert table["image_id"].tolist() == ["good"]
    reasons = rejected.set_index("row")["reason"]
    assert set(reasons.index) == {"none", "no_ref", "void", "zero", "broken", "corrupt", "empty"}
    assert "no GPS position" in reasons["none"]
    assert "which hemisphere" in reasons["no_ref"]
    assert "no fix" in reasons["void"]
    assert "(0, 0)" in reasons["zero"]
    assert "cannot be read as a picture" in reasons["corrupt"]


def test_a_truncated_header_is_set_aside(tmp_path: Path) -> None:
    save(tmp_path / "good.jpg", NAIROBI)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "good.jpg").read_bytes()[:60])
    table, rejected = read_photos(tmp_path)
    assert table["image_id"].tolist() == ["good"]
    assert rejected["row"].tolist() == ["cut"]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no JPEGs"):
        read_photos(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        read_photos(tmp_path / "absent")
    save(tmp_path / "none.jpg", {})
    with pytest.raises(InputError, match="None of 1 photos"):
        read_photos(tmp_path)


@given(st.integers(0, 179), st.integers(0, 59), st.floats(0, 59.999), st.booleans())
def test_degrees_minutes_seconds_round_trip(
    degrees: int, minutes: int, seconds: float, negative: bool
) -> None:
    value = decimal_degrees(np.array([[degrees, minutes, seconds]]), np.array([negative]))[0]
    assert (value <= 0) if negative else (value >= 0)
    total = abs(value) * 3600
    assert total == pytest.approx(degrees * 3600 + minutes * 60 + seconds, abs=1e-6)


@given(st.floats(0, 180), st.booleans())
def test_decimal_degrees_stay(degrees: float, negative: bool) -> None:
    assert decimal_degrees([[degrees, 0, 0]], np.array([negative]))[0] == (-degrees if negative else degrees)


def test_impossible_parts_are_nan() -> None:
    parts = np.array([[1, 61, 0], [1, 0, 75], [-1, 0, 0], [np.nan, 0, 0], [1, 60, 60]])
    found = decimal_degrees(parts, np.zeros(5, dtype=bool))
    assert np.isnan(found).tolist() == [True, True, True, True, False]


def test_real_photos_know_where_and_when(shared_data: Path) -> None:
    table, rejected = read_photos(shared_data / "exif")
    assert len(table) == 9
    assert rejected.empty
    berlin = table.set_index("image_id").loc["berlin_01"]
    np.testing.assert_allclose([berlin.geometry.x, berlin.geometry.y], [13.400295, 52.518918], atol=2e-6)
    assert berlin["heading"] == pytest.approx(54.74463)
    assert berlin["captured_at"].isoformat() == "2014-05-26T12:56:02.384000+00:00"
    assert table["sequence_id"].nunique() == 2


def test_real_photos_without_exif_are_refused(shared_data: Path) -> None:
    with pytest.raises(InputError, match="None of 25 photos"):
        read_photos(shared_data / "street" / "photos")
