"""DHS surveys: the geographic file joined with a recode, as clusters with weighted means."""

from __future__ import annotations

import os
import re
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError, TableError
from geolivelihood.tables.coordinates import Extent
from geolivelihood.tables.faults import Checked, rejected_rows
from geolivelihood.tables.schema import check_clusters, looks_like_code, unknown_column
from geolivelihood.tables.sources import read_table
from geolivelihood.tables.surveys import cluster_means

__all__ = ["Answer", "RecodeType", "read_dhs"]

RecodeType = Literal["HR", "PR", "IR", "KR", "BR", "MR"]
Labels = Mapping[str, Mapping[int, str]]  # of values, by variable: DHS names a label set after its variable

_PREFIX: dict[str, str] = {"HR": "hv", "PR": "hv", "IR": "v", "KR": "v", "BR": "v", "MR": "mv"}
_NO_ANSWER = re.compile(
    r"missing|do(n.?t| not) know|inconsistent|flagged|refused|plausible|not (present|measured|applicable)",
    re.IGNORECASE,
)
_OTHER = re.compile(r"^\s*other\b", re.IGNORECASE)  # a category of its own, but no amount
_CODES_3, _CODES_4 = tuple(range(994, 1000)), tuple(range(9994, 10000))
_NINES = (8, 9, 98, 99, 998, 999, 9998, 9999)
_GPS = ("DHSCLUST", "URBAN_RURA")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How one recode variable becomes an indicator.

    Attributes
    ----------
    column
        The variable, ``"hv271"``.
    scale
        What a stored number is multiplied by (DHS stores ``hv271`` with five implied decimals: 1e-5).
    missing
        Stored numbers that mean "missing", besides those that the file labels so ("don't know", "not
        present", "out of plausible limits" ...; "other" too where the variable is an amount). An empty list
        says that every other number is an answer; otherwise numbers that look like codes are an error.
    equals
        Stored values that count as 1, all others as 0: the indicator is a share. A value named here is an
        answer whatever its label says. ``None`` averages numbers.
    people
        Whether a household's answer describes its people: the weight is then multiplied by ``hv012``.
    drop
        Rows left out: another variable to the values that exclude (``{"v213": (1,)}`` for pregnant women).
    proportion
        Whether the indicator is 0/1. ``None`` looks.
    """

    column: str
    scale: float = 1.0
    missing: Sequence[float] | None = None
    equals: Sequence[float] | float | None = None
    people: bool = False
    drop: Mapping[str, Sequence[float]] = field(default_factory=dict)
    proportion: bool | None = None


# Implied decimals and codes of the recode manual: wealth, z-scores of children, haemoglobin (g/dl), BMI.
_PRESETS: list[tuple[str, float, Sequence[float], dict[str, Sequence[float]]]] = [
    ("hv271 v191 mv191", 1e-5, (), {}),
    ("hc70 hc71 hc72 hw70 hw71 hw72", 1e-2, _CODES_4, {}),
    ("hc53 hc56 hw53 hw56 ha53 ha56 hb53 hb56 v453 v456", 1e-1, _CODES_3, {}),
    ("v445", 1e-2, _CODES_4, {"v213": (1,)}),
    ("ha40", 1e-2, _CODES_4, {"ha54": (1,)}),
]
_KNOWN = {
    column: Answer(column=column, scale=scale, missing=missing, drop=drop)
    for columns, scale, missing, drop in _PRESETS
    for column in columns.split()
}


def read_dhs(
    gps_path: str | os.PathLike[str],
    *,
    recode: str | os.PathLike[str],
    recode_type: RecodeType = "HR",
    indicators: Mapping[str, str | Answer | Mapping[str, Any]],
    stratum: str | None = None,
    crs: Any = None,
    extent: Extent | None = None,
) -> Checked:
    """Clusters of a DHS survey with survey-weighted means.

    Parameters
    ----------
    gps_path
        The geographic file (``KEGE71FL.shp``): ``DHSCLUST``, ``URBAN_RURA`` and points. A point at (0, 0), or
        one whose ``SOURCE`` is ``MIS``, was never taken and is set aside.
    recode
        The Stata file (``.dta``) with the answers.
    recode_type
        ``HR`` households, ``PR`` their members, ``IR`` women, ``KR`` children, ``BR`` births, ``MR`` men.
    indicators
        Name of each indicator to its variable, or to an :class:`Answer` (or a mapping with its fields).
        Known with their implied decimals and codes: wealth (``hv271``, ``v191``), z-scores (``hc70`` to
        ``hc72``, ``hw70`` to ``hw72``), haemoglobin (``hc53``, ``ha53``, ``hb53``, ``hw53``, ``v453``, and
        adjusted ``..56``), BMI (``v445``, ``ha40``), which pregnant women (``v213``, ``ha54``) do not have.
    stratum
        Variable with the sampling strata (``hv022`` or ``hv023``; it differs by survey); adds a column.
    crs
        CRS of a geographic file that has none.
    extent
        Where the clusters must lie: west, south, east, north in degrees, or a GeoDataFrame.

    Returns
    -------
    Checked
        ``cluster_id`` (``DHSID`` where there is one), ``cluster_number``, ``urban``, ``country``, ``year``;
        for each indicator ``<name>``, ``<name>_se`` and ``<name>_dropped`` (rows without a usable answer),
        ``households``, ``weight``, ``psu`` and ``stratum`` where known. Points are displaced: urban up to
        2 km, rural up to 5 km (1 % up to 10 km).

    Raises
    ------
    InputError
        If a file cannot be read, the two belong to different countries, or numbers to be averaged look
        like codes for missing, labelled or not.
    MissingColumnError
        If a variable is not there; the nearest names are given.
    MissingCRSError
        If neither the geographic file nor ``crs`` says which CRS.
    TableError
        If no cluster is in both files, or all have no position.

    Warns
    -----
    UserWarning
        If a share (``equals``) counts an 8, 9, 98, 99 ... without a label as an answer.
    """
    if recode_type not in _PREFIX:
        msg = f"recode_type={recode_type!r} is unknown. Give one of {', '.join(_PREFIX)}."
        raise InputError(msg)
    answers = {name: _answer(name, spec) for name, spec in indicators.items()}
    places = _read_places(gps_path, crs)
    rows, labels = _read_recode(Path(recode), _PREFIX[recode_type], answers, stratum)
    _check_country(rows, places)
    rows["urban"] = _urban(rows, places)
    means = _all_means(rows, answers, labels, has_stratum=stratum is not None)
    return _joined(places, means, list(answers), extent)


def _answer(name: str, spec: str | Answer | Mapping[str, Any]) -> Answer:
    if isinstance(spec, str):
        return _KNOWN.get(spec.lower(), Answer(column=spec.lower()))
    if isinstance(spec, Answer):
        return spec
    try:
        known = _KNOWN.get(str(spec.get("column", "")).lower())
        defaults = {"scale": known.scale, "missing": known.missing, "drop": known.drop} if known else {}
        return Answer(**(defaults | dict(spec)))
    except TypeError as error:
        fields = ", ".join(Answer.__dataclass_fields__)
        msg = f"indicator {name!r}: {dict(spec)!r} is no answer. Give a variable, or a mapping of {fields}."
        raise InputError(msg) from error


def _read_places(path: str | os.PathLike[str], crs: Any) -> gpd.GeoDataFrame:
    places = read_table(path, crs=crs)
    names = {name: name.upper() for name in places.columns if name != places.geometry.name}
    places = places.rename(columns=names)
    for column in _GPS:
        if column not in places:
            msg = f"{path}: {unknown_column(column, list(names.values()), what='It has')}."
            raise MissingColumnError(msg)
    numbers = pd.to_numeric(places["DHSCLUST"], errors="coerce")
    if numbers.isna().any() or numbers.duplicated().any():
        msg = f"{path}: DHSCLUST must be one number per row. Give the geographic file of one survey."
        raise InputError(msg)
    return places.assign(DHSCLUST=numbers.astype("int64"))


def _read_recode(
    path: Path, prefix: str, answers: Mapping[str, Answer], stratum: str | None
) -> tuple[pd.DataFrame, Labels]:
    """Rows with our names for the survey's own variables, and the labels of values."""
    required = {
        "cluster": f"{prefix}001",
        "household": f"{prefix}002",
        "weight": f"{prefix}005",
        **({"stratum": stratum.lower()} if stratum else {}),
        **({"members": "hv012"} if any(answer.people for answer in answers.values()) else {}),
    }
    optional = {"country": f"{prefix}000", "class": f"{prefix}025", "psu": f"{prefix}021"}
    variables = [v.lower() for answer in answers.values() for v in (answer.column, *answer.drop)]
    try:
        with pd.read_stata(path, convert_categoricals=False, iterator=True) as reader:
            there = {name.lower(): name for name in reader.variable_labels()}
            _check_variables(path, [*required.values(), *variables], list(there))
            names = required | {ours: v for ours, v in optional.items() if v in there}
            wanted = dict.fromkeys([*names.values(), *variables])
            frame = reader.read(columns=[there[name] for name in wanted])
            labels = {name.lower(): labels for name, labels in reader.value_labels().items()}
    except (OSError, ValueError, struct.error) as error:
        if isinstance(error, InputError):
            raise
        msg = (
            f"{path} cannot be read as a Stata file: {error}. Give the recode's .dta (unpack the zip first)."
        )
        raise InputError(msg) from error
    frame.columns = frame.columns.str.lower()
    rows = frame[variables].loc[:, lambda f: ~f.columns.duplicated()]
    rows = rows.assign(**{ours: frame[variable] for ours, variable in names.items()})
    return rows.assign(weight=rows["weight"] / 1e6, cluster=rows["cluster"].astype("int64")), labels


def _check_variables(path: Path, wanted: Sequence[str], there: Sequence[str]) -> None:
    for name in wanted:
        if name not in there:
            some = [other for other in there if other[:2] == name[:2]][:30]
            msg = f"{path}: {unknown_column(name, some, what='Among its variables are')}."
            raise MissingColumnError(msg)


def _check_country(rows: pd.DataFrame, places: gpd.GeoDataFrame) -> None:
    if "country" not in rows or "DHSCC" not in places:
        return
    recode, gps = set(rows["country"].str[:2].str.upper()), set(places["DHSCC"].str.upper())
    if recode.isdisjoint(gps):
        msg = (
            f"The recode is of {', '.join(sorted(recode))}, the geographic file of {', '.join(sorted(gps))}. "
            "Give the two files of one survey."
        )
        raise InputError(msg)


def _urban(rows: pd.DataFrame, places: gpd.GeoDataFrame) -> pd.Series:
    """Class within which variance is pooled: the recode's own where it has one (1 urban, 2 rural)."""
    if "class" in rows:
        return rows["class"] == 1
    by_cluster = places.set_index("DHSCLUST")["URBAN_RURA"].str.upper() == "U"
    return rows["cluster"].map(by_cluster)


def _all_means(
    rows: pd.DataFrame,
    answers: Mapping[str, Answer],
    labels: Labels,
    *,
    has_stratum: bool,
) -> pd.DataFrame:
    """One row per cluster of the recode."""
    tables, answered = [], np.zeros(len(rows), dtype=bool)
    for name, answer in answers.items():
        values = _values(name, rows, answer, labels)
        weight = rows["weight"] * (rows["members"] if answer.people else 1.0)
        answered |= (values.notna() & (weight > 0)).to_numpy()
        frame = rows[["cluster", "household", "urban"]].assign(**{name: values, "weight": weight})
        means = cluster_means(
            frame,
            value=name,
            cluster="cluster",
            household="household",
            weight="weight",
            urban="urban",
            proportion=True if answer.equals is not None else answer.proportion,
        )
        tables.append(means[[name, f"{name}_se", "dropped"]].rename(columns={"dropped": f"{name}_dropped"}))
    groups = rows[answered].groupby("cluster")
    counts = groups["weight"].sum().to_frame().assign(households=groups["household"].nunique())
    design = [name for name in ("psu", "stratum") if name in rows and (name == "psu" or has_stratum)]
    return pd.concat([*tables, counts, rows.groupby("cluster")[design].first()], axis=1)


def _values(name: str, rows: pd.DataFrame, answer: Answer, labels: Labels) -> pd.Series:
    """The indicator in its unit, NaN where there is no answer."""
    stored = pd.to_numeric(rows[answer.column.lower()]).astype("float64")
    values = stored.mask(stored.isin(list(answer.missing or ())))
    for other, codes in answer.drop.items():
        values = values.mask(rows[other.lower()].isin(list(codes)))
    own = labels.get(answer.column.lower(), {})
    if answer.equals is None:
        return _amounts(name, values, answer, own) * answer.scale
    wanted = list(np.atleast_1d(np.asarray(answer.equals, dtype=float)))
    values = values.mask(values.isin(_labelled(own, _NO_ANSWER)) & ~values.isin(wanted))
    if answer.missing is None:
        _warn_unlabelled(name, values, answer, [*own, *wanted])
    return values.isin(wanted).astype("float64").mask(values.isna())


def _labelled(labels: Mapping[int, str], pattern: re.Pattern[str]) -> list[float]:
    return [value for value, text in labels.items() if pattern.search(text)]


def _amounts(name: str, values: pd.Series, answer: Answer, labels: Mapping[int, str]) -> pd.Series:
    """Numbers to be averaged: "other" is none of them where most values are amounts without a label."""
    values = values.mask(values.isin(_labelled(labels, _NO_ANSWER)))
    suspects = _labelled(labels, _OTHER)
    different = values.dropna().unique()
    if 2 * np.isin(different, list(labels)).sum() < len(different):
        values = values.mask(values.isin(suspects))
        suspects = list(labels)
    counts = _suspected(values, suspects)
    if counts.empty or (answer.missing is not None and not len(answer.missing)):
        return values
    codes = ", ".join(f"{code:g}" for code in [*(answer.missing or ()), *counts.index])
    msg = (
        f"indicator {name!r}: {answer.column} holds {_listed(counts, labels)}, which looks like a code for "
        f"missing. Say so with missing=[{codes}], or missing=[] if every number is an answer."
    )
    raise InputError(msg)


def _suspected(values: pd.Series, suspects: Sequence[float]) -> pd.Series:
    """Numbers that look like codes, and their rows; a labelled 996 is one even if amounts come near it."""
    yes_no = (8, 9) if values.dropna().isin([0, 1, 8, 9]).all() else ()
    odd = looks_like_code(values.to_numpy(), also=[*suspects, *yes_no])
    odd |= (values.isin(suspects) & values.isin([*_CODES_3, *_CODES_4])).to_numpy()
    return values[odd].value_counts().sort_index()


def _listed(counts: pd.Series, labels: Mapping[int, str]) -> str:
    return ", ".join(f"{code:g} ({labels.get(code, 'no label')}: {n} rows)" for code, n in counts.items())


def _warn_unlabelled(name: str, values: pd.Series, answer: Answer, known: Sequence[float]) -> None:
    """Mention an 8, 9, 98, 99 ... above all other values that nobody has named."""
    counts = values.value_counts().sort_index()
    nines = counts.index.isin(_NINES) & ~counts.index.isin(known)
    top = counts.index[~nines].max()
    odd = counts[nines & ~(counts.index <= top)]
    if len(odd):
        codes = ", ".join(f"{code:g}" for code in odd.index)
        msg = (
            f"indicator {name!r}: {answer.column} holds {_listed(odd, {})}, counted as an answer. "
            f"Give missing=[{codes}] if it means missing, missing=[] if it is an answer."
        )
        warnings.warn(msg, stacklevel=5)


def _joined(
    places: gpd.GeoDataFrame, means: pd.DataFrame, indicators: list[str], extent: Extent | None
) -> Checked:
    """Clusters that have both a position and an answer; the others set aside."""
    table = _place_columns(places)
    ids = dict(zip(table["cluster_number"], table["cluster_id"], strict=True))
    usable = means.index[means["households"].fillna(0) > 0]
    homeless = [ids.get(number, str(number)) for number in means.index if number not in ids]
    silent = ~table["cluster_number"].isin(usable)
    zero = (table.geometry.x == 0) & (table.geometry.y == 0)
    unplaced = ~silent & (zero | (_column(places, "SOURCE").str.upper() == "MIS"))
    rejected = pd.concat(
        [
            rejected_rows(homeless, "cluster_id", "the cluster is not in the geographic file"),
            rejected_rows(table.loc[silent, "cluster_id"], "households", "no usable answer in the recode"),
            rejected_rows(
                table.loc[unplaced, "cluster_id"], "geometry", "no position was taken (MIS or (0, 0))"
            ),
        ],
        ignore_index=True,
    )
    table = table[~silent & ~unplaced]
    if table.empty:
        msg = f"No cluster of the geographic file has both a position and answers:\n{_counted(rejected)}"
        raise TableError(msg, rejected)
    table = table.join(means, on="cluster_number")
    checked = check_clusters(table, indicators=indicators, extent=extent, missing_codes=[])
    return Checked(checked.table, pd.concat([rejected, checked.rejected], ignore_index=True))


def _place_columns(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    number = places["DHSCLUST"]
    country = _column(places, "DHSCC").str.upper()
    own = country + pd.to_numeric(_column(places, "DHSYEAR")).astype("Int64").astype("str")
    ids = _column(places, "DHSID").where(lambda text: text != "", own + number.astype("str").str.zfill(8))
    data = {
        "cluster_id": ids,
        "cluster_number": number,
        "urban": places["URBAN_RURA"],
        "country": country,
        "year": pd.to_numeric(_column(places, "DHSYEAR")).astype("Int64"),
    }
    return gpd.GeoDataFrame(data, geometry=places.geometry, crs=places.crs)


def _column(places: gpd.GeoDataFrame, name: str) -> pd.Series:
    """A column as text, empty where the file lacks it."""
    given = places[name] if name in places else pd.Series("", index=places.index)
    return given.astype("str").where(given.notna(), "").str.strip()


def _counted(rejected: pd.DataFrame) -> str:
    return "\n".join(f"  - {reason}: {n} clusters" for reason, n in rejected["reason"].value_counts().items())
