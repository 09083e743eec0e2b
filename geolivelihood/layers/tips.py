"""Map tips: what QGIS shows of a feature when the mouse rests on it, without any plugin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import numpy as np
import pandas as pd

from geolivelihood.layers.qml import column, literal

__all__ = ["human_label", "map_tip"]

_IDS = ("cell", "name", "region_id", "cluster_id", "image_id", "source", "target", "place_id")
_FACTS = (
    "captured_at",
    "period_start",
    "urban",
    "households",
    "weight",
    "importance",
    "score",
    "value",
    "fold",
)
_PAPER = "background-color:#ffffff; color:#1a1a1a; font-family:sans-serif; padding:4px"
"""A tip brings both its colours: a dark theme would write white on white, or black on black."""
_CREDITS = ("creator", "license")


def human_label(name: str, labels: Mapping[str, str] | None = None) -> str:
    """The words for a column: the label given for it, or its name with spaces and a capital."""
    if labels and name in labels:
        return labels[name]
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def map_tip(
    frame: pd.DataFrame,
    *,
    indicators: Iterable[str] = (),
    labels: Mapping[str, str] | None = None,
    picture: bool = True,
) -> str:
    """HTML with QGIS expressions: who it is, its values with their intervals, and the picture if it is one.

    What comes from the file is escaped inside QGIS, so that a value cannot bring markup along. ``picture``
    says whether ``path`` is a file that a browser can show.
    """
    usable = {
        str(name): frame.dtypes.iloc[at] for at, name in enumerate(frame.columns) if "%]" not in str(name)
    }
    if frame.index.name is not None:
        usable.setdefault(str(frame.index.name), np.dtype(object))
    lines = [f"<b>{_value(name, None)}</b>" for name in _IDS if name in usable][:2]
    lines += [_indicator_line(name, usable, frame, labels) for name in indicators if name in usable]
    if "applicable" in usable:
        lines.append("[% CASE WHEN NOT \"applicable\" THEN 'Outside the area of applicability' END %]")
    facts = [name for name in (*_FACTS, *_CREDITS) if name in usable and name not in indicators]
    lines += [f"{escape(human_label(name, labels))}: {_value(name, usable[name], frame)}" for name in facts]
    if picture and {"image_id", "path"} <= set(usable):
        lines.append(_PICTURE)
    return f'<div style="{_PAPER}">{"<br>".join(lines)}</div>'


def _indicator_line(
    name: str, usable: Mapping[str, object], frame: pd.DataFrame, labels: Mapping[str, str] | None
) -> str:
    text = f"{escape(human_label(name, labels))}: {_value(name, usable[name], frame)}"
    low, high, predicted = f"{name}_lower", f"{name}_upper", f"{name}_predicted"
    if low in usable and high in usable:
        text += f" ({_value(low, usable[low], frame)} – {_value(high, usable[high], frame)})"
    if predicted in usable:
        text += f", predicted {_value(predicted, usable[predicted], frame)}"
    return text


def _value(name: str, dtype: object, frame: pd.DataFrame | None = None) -> str:
    """A template of one value; numbers get decimals by their spread, text is escaped by QGIS."""
    field = column(name)
    numeric = frame is not None and pd.api.types.is_numeric_dtype(dtype)  # type: ignore[arg-type]
    if numeric and frame is not None and not pd.api.types.is_bool_dtype(dtype):  # type: ignore[arg-type]
        shown = f"format_number({field}, {_digits(frame[name])})"
    else:
        shown = _escaped(f"to_string({field})")
    return f"[% CASE WHEN {field} IS NULL THEN {literal('no data')} ELSE {shown} END %]"


def _escaped(expression: str) -> str:
    """The expression's text with HTML's own characters escaped, the ampersand first."""
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        expression = f"replace({expression}, '{mark}', '{entity}')"
    return expression


def _digits(values: pd.Series) -> int:
    if pd.api.types.is_integer_dtype(values.dtype):
        return 0
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    numbers = numbers[np.isfinite(numbers)]
    spread = float(np.ptp(numbers)) if numbers.size else 0.0
    return int(np.clip(2 - np.floor(np.log10(spread)), 0, 9)) if spread > 0 else 2


_PATH = (
    'CASE WHEN "path" LIKE \'http%\' THEN "path" '
    "WHEN regexp_match(\"path\", '^([A-Za-z]:|/)') THEN 'file:///' || \"path\" "
    "ELSE 'file:///' || file_path(layer_property(@layer, 'path')) || '/' || \"path\" END"
)
_PICTURE = f'<img src="[% {_escaped(_PATH)} %]" width="320">'
