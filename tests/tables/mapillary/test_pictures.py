"""Pictures are fetched whole or not at all, once, and the token is nowhere."""

import errno
import io
import logging
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from geolivelihood.errors import (
    Cancelled,
    EnvironmentMissingError,
    InputError,
    MissingColumnError,
    OutputError,
    TooManyRejectedError,
)
from geolivelihood.progress import listening
from geolivelihood.tables import download_images, list_images

HERE = (36.80, -1.32, 36.803, -1.317)


@pytest.fixture
def few(server, make_photo, quick):
    """A table of six photos that the server has."""
    server.photos = [make_photo(n, 36.801 + n / 1e4, -1.319) for n in range(6)]
    found = list_images(HERE, **quick)
    server.seen.clear()
    return found


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_pictures_come_whole(server, few, quick, tmp_path):
    folder = tmp_path / "new" / "pictures"
    checked = download_images(few, folder, **quick)
    assert files(folder) == [*(f"{n}.jpg" for n in range(6)), "done.jsonl"]
    assert checked.rejected.empty and checked.table["image_id"].tolist() == list("012345")
    for path, width in zip(checked.table["path"], checked.table["width"]):
        with Image.open(path) as picture:
            picture.load()
            assert picture.width == width == 64
    assert checked.table.drop(columns=["path", "width", "height"]).equals(few)
    assert server.count("/thumb/").total() == 6 and len(server.seen) == 12


def test_what_is_there_is_not_fetched_again(server, few, quick, tmp_path):
    first = download_images(few.head(4), tmp_path, **quick)
    (tmp_path / "1.jpg").unlink()
    (tmp_path / "2.jpg").write_bytes(b"cut")
    server.seen.clear()
    second = download_images(few, tmp_path, **quick)
    assert set(server.count("/thumb/")) == {f"/thumb/{n}" for n in (1, 2, 4, 5)}
    assert len(first.table) == 4 and len(second.table) == 6
    server.seen.clear()
    assert download_images(few, tmp_path, **quick).table.equals(second.table)
    assert not server.seen


def test_the_suffix_says_what_the_bytes_are(server, few, quick, tmp_path):
    server.kind = "PNG"
    assert Path(download_images(few.head(1), tmp_path / "p", **quick).table["path"].item()).suffix == ".png"
    server.kind = "WEBP"
    assert Path(download_images(few.head(1), tmp_path / "w", **quick).table["path"].item()).suffix == ".webp"
    server.kind = "GIF"
    with pytest.raises(TooManyRejectedError, match="no whole JPEG"):
        download_images(few.head(1), tmp_path / "g", **quick)
    assert files(tmp_path / "g") == ["done.jsonl"]


def test_expired_addresses_are_asked_for_again(server, few, quick, tmp_path, trouble):
    server.troubles = {"/thumb/3": [trouble.expired, trouble.status(410)]}
    assert len(download_images(few, tmp_path, **quick).table) == 6
    assert server.count("3") == {"/3": 3, "/thumb/3": 3}
    addresses = [path for *_, path in server.seen if "/thumb/3" in path]
    assert len(set(addresses)) == 3
    server.troubles = {"/thumb/3": [trouble.expired] * 9}
    checked = download_images(few, tmp_path / "again", max_rejected=0.5, **quick)
    assert len(checked.table) == 5
    row = checked.rejected.iloc[0]
    assert row["row"] == "3" and row["column"] == "path" and "HTTP 403" in row["reason"]


def test_truncated_bodies_are_fetched_again(server, few, quick, tmp_path, trouble):
    server.troubles = {"/thumb/2": [trouble.truncated, trouble.half_a_picture, trouble.status(200, b"")]}
    checked = download_images(few, tmp_path, **quick)
    assert len(checked.table) == 6 and server.count("/thumb/2").total() == 4
    server.troubles = {"/thumb/2": [trouble.half_a_picture] * 9}
    checked = download_images(few, tmp_path / "again", max_rejected=0.5, **quick)
    assert checked.rejected["reason"].tolist() == ["what came is no whole JPEG, PNG or WebP (1500 bytes)"]
    assert "2.jpg" not in files(tmp_path / "again") and len(files(tmp_path / "again")) == 6


def test_busy_servers_are_asked_again(server, few, quick, tmp_path, trouble):
    server.troubles = {
        "/thumb/1": [trouble.status(500), trouble.status(503)],
        "/1": [trouble.status(429, Retry_After="0"), trouble.status(502)],
    }
    assert len(download_images(few, tmp_path, **quick).table) == 6


def test_photos_that_are_gone(server, few, quick, tmp_path, trouble):
    server.photos = server.photos[:5]
    server.troubles = {"/4": [trouble.status(200, {"id": "4"})]}
    old = few.head(1).assign(image_id="kQvpT5yfr1DHLMuL4aZYBg")
    checked = download_images(pd.concat([few, old]), tmp_path, max_rejected=0.5, **quick)
    reasons = checked.rejected.set_index("row")["reason"]
    assert (
        "HTTP 400" in reasons["5"]
        and "no address" in reasons["4"]
        and "version 4" in reasons[old["image_id"][0]]
    )
    assert checked.table["image_id"].tolist() == list("0123")


def test_too_many_failures_stop(server, few, quick, tmp_path, trouble):
    server.troubles = {"/thumb/2": [trouble.status(404)] * 9, "/thumb/4": [trouble.status(404)] * 9}
    with pytest.raises(TooManyRejectedError, match=r"1 of 6 .* max_rejected=0\.1 .*HTTP 404"):
        download_images(few, tmp_path, **quick)
    server.troubles = {}
    assert len(download_images(few, tmp_path, **quick).table) == 6
    with pytest.raises(TooManyRejectedError, match="version 4"):
        download_images(few.assign(image_id=[f"old-{n}" for n in range(6)]), tmp_path, **quick)


def test_the_creator_is_filled_in_where_a_tile_did_not_know_it(server, few, quick, tmp_path):
    tiles = few.assign(creator=None)
    found = download_images(tiles, tmp_path, **quick).table
    assert found["creator"].tolist() == few["creator"].tolist()
    assert found["attribution"].tolist() == few["attribution"].tolist()
    own = download_images(few[["image_id", "kind", "geometry"]], tmp_path, **quick).table
    assert own["creator"].tolist() == few["creator"].tolist() and set(own["license"]) == {"CC BY-SA 4.0"}


def test_an_odd_creator_costs_no_picture(server, few, quick, tmp_path):
    odd = ("someone", ["someone"], {"username": {}}, {"username": "half \ud83d"}, 7, True)
    server.photos = [one | {"creator": creator} for one, creator in zip(server.photos, odd)]
    tiles = few.assign(creator=None)
    for _ in range(2):
        found = download_images(tiles, tmp_path, **quick).table
        assert len(found) == 6 and found["creator"].dropna().tolist() == ["half ?"]
    journal = tmp_path / "done.jsonl"
    journal.write_text(journal.read_text().replace('"creator":null', '"creator":["someone"]'))
    assert download_images(tiles, tmp_path, **quick).table.equals(found)


def test_a_photo_of_two_clusters_is_fetched_once(server, few, quick, tmp_path):
    both = pd.concat([few.assign(cluster_id="a"), few.assign(cluster_id="b")], ignore_index=True)
    found = download_images(both, tmp_path, **quick).table
    assert len(found) == 12 and server.count("/thumb/").total() == 6
    assert found["path"].nunique() == 6 and found["cluster_id"].tolist() == both["cluster_id"].tolist()


def test_a_wrong_token_stops_at_once(server, few, quick, tmp_path):
    with pytest.raises(InputError, match="does not accept the token") as caught:
        download_images(few, tmp_path, token="MLY|wrong|0123456789abcdef", concurrency=1, **quick)
    assert len(server.seen) <= 2 and "0123456789abcdef" not in str(caught.value)
    assert files(tmp_path) == ["done.jsonl"]


def test_a_service_that_is_down(server, make_photo, few, quick, tmp_path, trouble):
    many = pd.concat([few.assign(image_id=few["image_id"] + f"{n}") for n in range(1, 41)], ignore_index=True)
    server.troubles = {"/": [trouble.status(503)] * 10_000}
    with pytest.raises(EnvironmentMissingError, match="20 requests in a row"):
        download_images(many, tmp_path, **quick | {"retries": 0})
    assert len(server.seen) < 60


def test_a_full_disk_leaves_nothing_half_written(few, quick, tmp_path, monkeypatch):
    written = Path.write_bytes

    def full(path, data):
        if path.name == "3.part.jpg":
            written(path, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"3\.jpg.*No space left"):
        download_images(few, tmp_path, **quick)
    assert not [name for name in files(tmp_path) if "part" in name or name.startswith("3")]
    monkeypatch.setattr(Path, "write_bytes", written)
    assert len(download_images(few, tmp_path, **quick).table) == 6


def test_a_folder_that_cannot_be_one(few, quick, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="Cannot write"):
        download_images(few, tmp_path / "file", **quick)
    download_images(few, tmp_path / "pictures", **quick)
    with pytest.raises(InputError, match="another folder"):
        download_images(few, tmp_path / "pictures", size="1024", **quick)


def test_cancelling_keeps_what_is_there(server, few, quick, tmp_path):
    server.delay_s = 0.05

    class Impatient:
        def stage(self, name): ...
        def step(self, *_): ...

        def cancelled(self):
            return len(list(tmp_path.glob("*.jpg"))) >= 2

    begun = time.monotonic()
    with listening(Impatient()), pytest.raises(Cancelled):
        download_images(few, tmp_path, concurrency=1, **quick)
    assert time.monotonic() - begun < 5
    there = files(tmp_path)
    assert 2 <= len(there) - 1 < 6 and not [name for name in there if "part" in name]
    before = server.count("/thumb/").total()
    assert len(download_images(few, tmp_path, **quick).table) == 6
    assert server.count("/thumb/").total() == before + 6 - (len(there) - 1)


def test_a_picture_that_a_kill_left_unnoted_is_not_fetched_again(server, few, quick, tmp_path):
    download_images(few, tmp_path, **quick)
    (tmp_path / "done.jsonl").unlink()
    (tmp_path / "2.jpg").write_bytes((tmp_path / "2.jpg").read_bytes()[:500])
    server.seen.clear()
    found = download_images(few.assign(creator=None), tmp_path, **quick).table
    assert server.count("/thumb/") == {"/thumb/2": 1}
    assert found["creator"].tolist() == few["creator"].tolist()


def test_the_token_is_nowhere(server, few, quick, tmp_path, token, caplog, trouble):
    caplog.set_level(logging.DEBUG)
    echo = {"error": {"message": f"no such thing for {token}", "code": 100}}
    server.troubles = {"/5": [trouble.status(400, echo)]}
    checked = download_images(few, tmp_path, max_rejected=0.5, **quick)
    assert "no such thing for ***" in checked.rejected["reason"].item()
    secret = token.rsplit("|", 1)[1].encode()
    assert all(secret not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    said = caplog.text + checked.table.to_csv() + checked.rejected.to_csv()
    assert "HTTP Request" in said and secret.decode() not in said
    thumbs = [headers for path, _, headers, _ in server.seen if path.startswith("/thumb/")]
    assert len(thumbs) == 5 and not any("Authorization" in headers for headers in thumbs)


@pytest.mark.parametrize(
    "wrong", [{"size": "512"}, {"max_rejected": 2.0}, {"base_url": "http://example.org"}]
)
def test_options_that_make_no_sense(few, quick, tmp_path, wrong):
    with pytest.raises(InputError, match=r"size|max_rejected|https"):
        download_images(few, tmp_path / "new", **quick | wrong)
    assert not (tmp_path / "new").exists()


def test_no_table_of_images(few, quick, tmp_path):
    with pytest.raises(MissingColumnError, match="image_id"):
        download_images(few.drop(columns="image_id"), tmp_path, **quick)


def test_a_large_picture_with_a_small_body_is_no_harm(few, quick, server, tmp_path, trouble):
    """It is refused before it takes the memory: by us, and from 180 million pixels on by Pillow."""
    for side in (12_000, 20_000):
        stream = io.BytesIO()
        Image.new("1", (side, side)).save(stream, "PNG")
        server.troubles = {"/thumb/0": [trouble.status(200, stream.getvalue())] * 3}
        with warnings.catch_warnings(action="error"):
            checked = download_images(few, tmp_path / str(side), max_rejected=0.5, **quick)
        assert checked.rejected["row"].tolist() == ["0"]
        reason = checked.rejected["reason"].item()
        assert ("12,000 x 12,000 pixels" if side == 12_000 else "no whole JPEG") in reason
    assert server.count("/thumb/0").total() == 4


@pytest.mark.parametrize("name", ["٣٤", "1" * 300, "../1", "1?fields=x"])
def test_an_id_that_is_none_is_never_asked_for(server, few, quick, tmp_path, name):
    odd = few.head(1).assign(image_id=name)
    checked = download_images(pd.concat([few, odd]), tmp_path, max_rejected=0.5, **quick)
    assert checked.rejected["row"].tolist() == [name] and len(checked.table) == 6
    assert {path for path, *_ in server.seen} == {f"{p}/{n}" for p in ("", "/thumb") for n in range(6)}


def test_killed_and_called_again(server, make_photo, quick, tmp_path, token):
    """A process that is killed in the middle leaves whole pictures, and the next fetches the others only."""
    server.photos = [make_photo(n, 36.801 + n / 1e5, -1.319) for n in range(30)]
    folder, journal = tmp_path / "pictures", tmp_path / "listing.jsonl"
    program = (
        "from geolivelihood.tables import download_images, list_images\n"
        f"images = list_images({HERE}, journal={str(journal)!r}, **{quick})\n"
        f"download_images(images, {str(folder)!r}, concurrency=2, **{quick})"
    )
    server.kind, answer = "PNG", server.entity

    def slowly(handler, name):
        time.sleep(0.05)
        answer(handler, name)

    server.entity = slowly
    environment = os.environ | {"MAPILLARY_TOKEN": token}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE) as begun:
        deadline = time.monotonic() + 60
        while len(list(folder.glob("*.png"))) < 6:
            assert time.monotonic() < deadline and begun.poll() is None, begun.stderr.read()
            time.sleep(0.01)
        begun.kill()
    server.entity = answer
    there = {path.stem: path.stat().st_mtime_ns for path in folder.glob("*.png") if "part" not in path.name}
    assert 5 <= len(there) < 30
    server.seen.clear()
    images = list_images(HERE, journal=journal, **quick)
    checked = download_images(images, folder, **quick)
    assert len(checked.table) == 30 and not server.count("/images")
    assert set(server.count("/thumb/")) == {f"/thumb/{n}" for n in range(30) if str(n) not in there}
    assert all((folder / f"{name}.png").stat().st_mtime_ns == at for name, at in there.items())
    for path in checked.table["path"]:
        with Image.open(path) as picture:
            picture.load()
    assert not list(folder.glob("*.part*"))
