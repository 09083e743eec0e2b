"""Whether a method's maps may be believed: asked of some pictures, kept as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from geolivelihood.explanation import faithfulness_report
from geolivelihood.files import atomic
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.explanations.attributions import Attributed
from geolivelihood.recipes.explanations.job import Job, Made
from geolivelihood.recipes.explanations.pictures import PictureModel

__all__ = ["checked"]

_PICTURES, _DRAWS = 24, 5


def checked(job: Job, model: PictureModel, group: Attributed) -> Made:
    """Deletion and insertion against random maps, and the method on randomised weights.

    Of up to 24 pictures, spread evenly over the table. ``insensitive`` is told where a model with random
    weights gets the same maps: then they show the pictures rather than the model.

    Returns
    -------
    Made
        Its file is ``faithfulness_<model>_<source>_<method>_<indicator>.csv``.
    """
    begin(f"asking whether maps by {job.method} may be believed")
    at = np.unique(np.linspace(0, len(group.images) - 1, _PICTURES).astype(int))
    arrays, _ = model.read(group.images.iloc[at])
    report = faithfulness_report(
        model.network,
        np.stack([array for array in arrays if array is not None]),
        methods=[job.method],
        target=job.output if model.encoder is None else None,
        draws=_DRAWS,
        random_state=job.data.project.seed,
    )
    name = f"faithfulness_{job.choice.key}_{model.source}_{job.method}_{job.indicator}.csv"
    target = job.folder / name.replace(" ", "_")
    with atomic(target) as part:
        report.to_csv(part, index=False, float_format="%.6g")
    return Made({}, [target], facts=_facts(report))


def _facts(report: pd.DataFrame) -> dict[str, Any]:
    row = report[report["stratum"].eq("all")].iloc[0]
    gain = f"{row['gain_blur']:.2g} [{row['gain_blur_lower']:.2g}, {row['gain_blur_upper']:.2g}]"
    return {
        "pictures asked": int(row["n"]),
        "insertion less deletion, beyond random maps": gain,
        "insensitive": bool(row["insensitive"]),
    }
