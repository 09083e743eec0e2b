"""Columns of a table of photos, read without trusting them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["numbers", "words"]


def numbers(frame: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """A column as floats (rows,); NaN where it, or a number in it, is missing."""
    if column not in frame:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def words(frame: pd.DataFrame, column: str) -> npt.NDArray[np.str_]:
    """A column as lowercase text (rows,); empty where it is missing."""
    if column not in frame:
        return np.full(len(frame), "", dtype=str)
    return frame[column].astype(object).where(frame[column].notna(), "").map(str).str.lower().to_numpy(str)
