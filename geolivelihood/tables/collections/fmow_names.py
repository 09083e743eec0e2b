"""What the names of fMoW's files say: which place, which visit, which sensor, which box.

Two styles are about: the stock names of the data set, ``airport_0_3_rgb.jpg``, and those of crops around its
annotated boxes, ``airport_0_3_rgb_crop_1.jpg``. The number of a visit is an index, not a date, and the
numbers of places start anew in every split.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from geolivelihood.errors import InputError

__all__ = ["NAME", "FmowName", "paper_pair_key", "parse_fmow_name"]

NAME = (
    r"(?:(?P<category>[^/]+?)_)?(?P<number>\d+)_(?P<visit>0|[1-9]\d*)"
    r"_(?P<sensor>msrgb|rgb|ms|pan)(?:_crop_(?P<box>0|[1-9]\d*))?"
)
"""The name of a picture without its suffix; those of the test set have no category."""

_SUFFIX_LENGTH = 15
_STYLES = "<category>_<n>_<t>_rgb.jpg (also msrgb, ms, pan) or <category>_<n>_<t>_rgb_crop_<b>.jpg"


class FmowName(NamedTuple):
    """The parts of a name.

    Attributes
    ----------
    category
        Class of the place; ``None`` in the test set.
    number
        Which place of the category within the split, digits as they are written.
    visit
        Index of the visit; not in the order of time.
    sensor
        ``rgb`` (pan-sharpened), ``msrgb`` (colours of the multispectral picture), ``ms`` (4 or 8 bands),
        ``pan``.
    box
        Index of the annotated box that was cropped; ``None`` for a whole picture.
    """

    category: str | None
    number: str
    visit: int
    sensor: str
    box: int | None = None

    @property
    def stem(self) -> str:
        """The name without suffix."""
        return self.whole + ("" if self.box is None else f"_crop_{self.box}")

    @property
    def whole(self) -> str:
        """Stem of the whole picture, which is that of its side-car."""
        return f"{self.place}_{self.visit}_{self.sensor}"

    @property
    def place(self) -> str:
        """The place within its split, as its folder is called."""
        return self.number if self.category is None else f"{self.category}_{self.number}"


def parse_fmow_name(name: str) -> FmowName:
    """The parts of the name of a picture.

    Parameters
    ----------
    name
        With or without suffix and folders.

    Raises
    ------
    InputError
        If it is no name of an fMoW picture.

    Examples
    --------
    >>> parse_fmow_name("airport_0_3_rgb_crop_1.jpg")
    FmowName(category='airport', number='0', visit=3, sensor='rgb', box=1)
    """
    file = name.replace("\\", "/").rpartition("/")[2]
    found = re.fullmatch(NAME + r"(?:\.[A-Za-z]+)?", file)
    if found is None:
        msg = f"{name!r} is no name of an fMoW picture. They are called {_STYLES}."
        raise InputError(msg)
    box = found["box"]
    return FmowName(
        found["category"],
        found["number"],
        int(found["visit"]),
        found["sensor"],
        None if box is None else int(box),
    )


def paper_pair_key(name: str) -> tuple[str, str]:
    """Prefix and suffix by which the published recipe finds the other visits of a crop.

    The suffix is the last 15 characters of the name, the prefix the rest cut at its last ``_``; candidates
    are ``prefix_*suffix`` [1]_. It is here to tell which pairs the published pretraining saw: our tables
    say the place in a column, and pairs are made by ``place_id``, ``sensor`` and box.

    Parameters
    ----------
    name
        File name of a box crop.

    Returns
    -------
    tuple
        Prefix and suffix. Of ``msrgb`` crops and of boxes with two digits the suffix does not begin at the
        sensor, so that these find only themselves: as published.

    Raises
    ------
    InputError
        If it is a stock name, of which the rule cuts the category in two and finds nothing.

    References
    ----------
    .. [1] Ayush et al. (2021), "Geography-Aware Self-Supervised Learning", ICCV, arXiv 2011.09980.

    Examples
    --------
    >>> paper_pair_key("airport_0_3_rgb_crop_0.jpg")
    ('airport_0', '_rgb_crop_0.jpg')
    """
    parsed = parse_fmow_name(name)
    file = name.replace("\\", "/").rpartition("/")[2]
    prefix, suffix = file[:-_SUFFIX_LENGTH].rpartition("_")[0], file[-_SUFFIX_LENGTH:]
    if parsed.box is None:
        cut = file[:-_SUFFIX_LENGTH]
        prefix = cut.rpartition("_")[0] or cut
        msg = (
            f"{file} is a stock name: the published rule makes {prefix!r} and {suffix!r} of it and finds no "
            "pair. Pair by the columns of read_fmow (place_id, sensor), or give crops: "
            "<category>_<n>_<t>_rgb_crop_<b>.jpg."
        )
        raise InputError(msg)
    return prefix, suffix
