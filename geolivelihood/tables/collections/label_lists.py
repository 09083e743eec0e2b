"""Label lists: CSV files of an integer label and the path of a picture, as training code likes them."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.tables.faults import rejected_rows

__all__ = ["read_label_list"]


def read_label_list(
    path: str | os.PathLike[str], *, classes: int | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of a label list.

    Parameters
    ----------
    path
        CSV with a header row: column 0 an integer label, column 1 the path of a picture. Further columns are
        not read.
    classes
        How many labels there are: they are 0 to ``classes`` - 1. ``None`` takes any integer.

    Returns
    -------
    tuple
        Columns ``path`` (str) and ``label`` (int64); and ``row, column, reason`` of the rows that have no
        path, no such label, or a path that stood in the list before.

    Raises
    ------
    InputError
        If the file cannot be read, has no rows, one column, or no header row.
    """
    path = Path(path)
    given = _read(path)
    names, labels = given.iloc[:, 1].str.strip(), pd.to_numeric(given.iloc[:, 0], errors="coerce")
    blank = names.isna() | (names == "")
    wrong = ~blank & (labels.isna() | (labels % 1 != 0))
    beyond = ~blank & ~wrong & ((labels < 0) | (labels >= classes)) if classes is not None else blank & False
    twice = ~blank & names.duplicated()
    line = "line " + pd.Series(range(2, len(given) + 2), index=given.index).astype(str)
    rejected = [
        rejected_rows(line[blank], "path", "the path is empty"),
        rejected_rows(names[wrong], "label", "the label is no integer"),
        rejected_rows(names[beyond], "label", f"the label is not within 0 to {(classes or 0) - 1}"),
        rejected_rows(names[twice], "path", "the path stands in the list more than once"),
    ]
    good = ~(blank | wrong | beyond | twice)
    kept = pd.DataFrame({"path": names[good].astype("str"), "label": labels[good].astype("int64")})
    return kept.reset_index(drop=True), pd.concat(rejected, ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    try:
        given = pd.read_csv(path, dtype="str", keep_default_na=False, skipinitialspace=True)
    except (OSError, pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        msg = f"{path} is no readable label list: {error}. Give a CSV with a header: label, path."
        raise InputError(msg) from error
    if given.shape[1] < 2 or not len(given):
        what = "one column" if given.shape[1] < 2 else "no rows"
        msg = f"{path} has {what}. A label list has a header row, then a label and a path per row."
        raise InputError(msg)
    if str(given.columns[0]).lstrip("-").isdigit():
        msg = (
            f"{path} begins with {','.join(map(str, given.columns[:2]))}, which is no header: its first "
            "picture would be lost. Put a header row before it, such as label,path."
        )
        raise InputError(msg)
    return given
