"""The picture files of photos that Mapillary has."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import geopandas as gpd
import pandas as pd
from PIL import Image

from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.files import atomic
from geolivelihood.progress import track
from geolivelihood.tables.faults import Checked, rejected_rows
from geolivelihood.tables.mapillary.client import API, Client, Refused
from geolivelihood.tables.mapillary.journal import Journal
from geolivelihood.tables.mapillary.records import creator_of, text, with_credit
from geolivelihood.tables.schema import check_images

__all__ = ["DONE", "Size", "download_images"]

Size = Literal["256", "1024", "2048", "original"]

DONE = "done.jsonl"
"""File in the folder of the pictures that says which of them are whole."""
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}
_MOST_PIXELS = 16_384 * 8_192  # the largest panoramas
_EXPIRED = (403, 404, 410)
_ADDRESSES = 3  # asked for per picture before it is given up
# All decoders at once: loading them in several threads at a time is a race.
Image.init()


class _Fetched(NamedTuple):
    """A picture that lies in the folder, or the reason why it does not."""

    done: dict[str, Any] | None
    reason: str = ""


def download_images(
    images: gpd.GeoDataFrame,
    folder: str | os.PathLike[str],
    *,
    size: Size = "2048",
    max_rejected: float = 0.1,
    token: str | None = None,
    base_url: str = API,
    concurrency: int = 8,
    retries: int = 6,
    backoff_s: float = 1.0,
) -> Checked:
    """Fetch the pictures of photos into a folder, as ``<image_id>.jpg``.

    The address of a picture expires, so it is asked for right before the picture, and again if it has
    expired. A picture is decoded before it is kept, and lies in the folder whole or not at all. Call again to
    go on: what lies there is not fetched again, what failed is.

    Parameters
    ----------
    images
        Photos as :func:`list_images` gives them, or any images table with ids of the API's version 4. An id
        that repeats (a photo of several clusters) is fetched once.
    folder
        Where the pictures go; made if it is not there.
    size
        Width in pixels of the copy that is fetched, or ``"original"``.
    max_rejected
        Largest share of pictures that may fail (deleted, damaged, no answer).
    token, base_url, concurrency, retries, backoff_s
        As in :func:`list_images`.

    Returns
    -------
    Checked
        The photos that now have a picture, with ``path``, ``width``, ``height`` (pixels) and, where the table
        does not know it, ``creator``; the index is that of ``images``. The others are in ``rejected``, each
        with its reason.

    Raises
    ------
    MissingCRSError, MissingColumnError, TableError
        If ``images`` is no table of images.
    InputError
        If an option makes no sense, the folder has pictures of another size, there is no token, or Mapillary
        does not accept it.
    TooManyRejectedError
        If more than ``max_rejected`` of the pictures fail.
    EnvironmentMissingError
        If httpx is not installed, or Mapillary does not answer.
    OutputError
        If the folder cannot be written or the disk is full.
    """
    if size not in ("256", "1024", "2048", "original"):
        msg = f"size={size!r}: give '256', '1024', '2048' or 'original'."
        raise InputError(msg)
    if not 0 <= max_rejected <= 1:
        msg = f"max_rejected={max_rejected}: give a share from 0 to 1."
        raise InputError(msg)
    checked = check_images(images)
    ids = checked.table["image_id"].drop_duplicates()
    usable = ids.str.fullmatch(r"[0-9]{1,32}")  # it is a part of an address and the name of a file
    failed = dict.fromkeys(ids[~usable], "its id is not of the API's version 4 (digits): list again by place")
    _check_failed(failed, len(ids), max_rejected)
    target = Path(folder)
    with (
        Client(
            base_url, token=token, concurrency=concurrency, retries=retries, backoff_s=backoff_s
        ) as client,
        Journal(target / DONE, of={"pictures": size}) as journal,
        # Around all threads: the filters of warnings are the whole process's.
        warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
    ):
        done = _still_there(journal, target)
        todo = [name for name in ids[usable] if name not in done]
        fetch = _Fetching(client, target, f"thumb_{size}_url")
        for name, found in track(client.each(fetch, todo), "fetching pictures", total=len(todo)):
            if found.done is None:
                failed[name] = found.reason
                _check_failed(failed, len(ids), max_rejected)
            else:
                journal[name] = done[name] = found.done
    table = _with_pictures(checked.table[checked.table["image_id"].isin(done)], done, target)
    rejected = rejected_rows(failed, "path", failed.values())
    return Checked(table, pd.concat([checked.rejected, rejected], ignore_index=True))


class _Fetching:
    """Fetches one picture after another; called from several threads."""

    def __init__(self, client: Client, folder: Path, field: str) -> None:
        self._client, self._folder, self._field = client, folder, field

    def __call__(self, name: str) -> _Fetched:
        fault = ""
        for _ in range(_ADDRESSES):
            try:
                about = self._client.json(
                    f"{self._client.api}/{name}", {"fields": f"id,creator,{self._field}"}
                )
            except Refused as refused:
                return _Fetched(None, f"Mapillary does not know it any more, or not now: {refused}")
            try:
                picture = self._lying(name) or self._fetched(name, about.get(self._field))
                return _Fetched(picture | {"creator": creator_of(about)})
            except _NoPicture as error:
                fault = str(error)
                if not error.passes:
                    break
        return _Fetched(None, fault)

    def _lying(self, name: str) -> dict[str, Any] | None:
        """A picture that a run has written which was stopped before it could note so."""
        for suffix in _SUFFIXES.values():
            path = self._folder / f"{name}{suffix}"
            with contextlib.suppress(FileNotFoundError, _NoPicture):
                return {"file": path.name, **_looked_at(path.read_bytes())[1]}
        return None

    def _fetched(self, name: str, address: object) -> dict[str, Any]:
        if not isinstance(address, str):
            reason = f"Mapillary gives no address of its picture ({self._field})"
            raise _NoPicture(reason)
        try:
            body = self._client.fetch(address, with_token=False)
        except Refused as refused:
            reason = f"its picture cannot be fetched: {refused}"
            raise _NoPicture(reason, passes=refused.status in _EXPIRED) from refused
        suffix, size = _looked_at(body)
        with atomic(self._folder / f"{name}{suffix}") as part:
            part.write_bytes(body)
        return {"file": f"{name}{suffix}", **size}


class _NoPicture(Exception):
    """There is no whole picture; ``passes`` says whether a new address may help."""

    def __init__(self, reason: str, *, passes: bool = False) -> None:
        super().__init__(reason)
        self.passes = passes


def _looked_at(body: bytes) -> tuple[str, dict[str, int]]:
    """Suffix that fits the bytes, and the size of a picture; all of it is decoded."""
    try:
        with Image.open(io.BytesIO(body), formats=tuple(_SUFFIXES)) as picture:
            _check_pixels(picture)
            picture.load()
            size = {"bytes": len(body), "width": picture.width, "height": picture.height}
            return _SUFFIXES[str(picture.format)], size
    except _NoPicture:
        raise
    except Exception as error:  # decoders raise anything for damaged bytes
        reason = f"what came is no whole JPEG, PNG or WebP ({len(body)} bytes)"
        raise _NoPicture(reason, passes=True) from error


def _check_pixels(picture: Image.Image) -> None:
    """Refuse a picture that would take the memory, before it is decoded."""
    if picture.width * picture.height > _MOST_PIXELS:
        reason = f"its picture has {picture.width:,} x {picture.height:,} pixels, too many to decode"
        raise _NoPicture(reason)


def _still_there(journal: Journal, folder: Path) -> dict[str, dict[str, Any]]:
    """Entries of the journal whose files lie in the folder, as long as they were."""
    there = {entry.name: entry.stat().st_size for entry in os.scandir(folder) if entry.is_file()}
    entries = {name: journal[name] for name in journal}
    return {name: entry for name, entry in entries.items() if there.get(entry["file"]) == entry["bytes"]}


def _check_failed(failed: Mapping[str, str], n: int, max_rejected: float) -> None:
    if len(failed) <= max_rejected * n:
        return
    reason, count = Counter(failed.values()).most_common(1)[0]
    msg = (
        f"{len(failed)} of {n} pictures cannot be fetched, more than max_rejected={max_rejected:g} allows. "
        f"{count} of them: {reason}. Call again to go on, or raise max_rejected."
    )
    raise TooManyRejectedError(msg)


def _with_pictures(
    table: gpd.GeoDataFrame, done: Mapping[str, Mapping[str, Any]], folder: Path
) -> gpd.GeoDataFrame:
    about = [done[name] for name in table["image_id"]]
    columns = {name: [one[name] for one in about] for name in ("width", "height")}
    creator = pd.Series([text(one["creator"]) for one in about], index=table.index, dtype="str")
    if "creator" in table:
        creator = table["creator"].fillna(creator)
    paths = [(folder / one["file"]).as_posix() for one in about]
    return with_credit(table.assign(path=paths, creator=creator, **columns))
