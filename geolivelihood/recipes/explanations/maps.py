"""Attribution on the pictures of a project, brought to the ground."""

from __future__ import annotations

from typing import Any

import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.recipes.explanations.attributions import Attributed, attributed
from geolivelihood.recipes.explanations.checking import checked
from geolivelihood.recipes.explanations.job import Job, Made
from geolivelihood.recipes.explanations.overhead import overhead_layers
from geolivelihood.recipes.explanations.pictures import chosen_images, chosen_source, picture_model
from geolivelihood.recipes.explanations.street import street_layers

__all__ = ["OPTIONS", "explain_pictures"]

OPTIONS = ("layer", "steps", "samples", "patch", "check", "zones")
"""What the methods of attribution take, and what is made of their maps."""


def explain_pictures(job: Job) -> Made:
    """What in each picture raises and lowers what the model says of its place.

    Overhead pictures become rasters, peaks, regions and sums over polygons, street photos become sectors of
    the ground that they saw. Of linear models the maps are relative to a place with average features.

    Raises
    ------
    InputError
        If the model says nothing of single pictures, an id is unknown, or no picture can be explained.
    """
    source = chosen_source(job)
    images = chosen_images(job, source)
    model = picture_model(job)
    groups, rejected = attributed(job, model, images)
    if not groups:
        reason = rejected["reason"].iloc[0] if len(rejected) else "there is none"
        msg = f"None of the {len(images)} pictures of {source!r} can be explained: {reason}."
        raise InputError(msg)
    draw = street_layers if images["kind"].eq("street").all() else overhead_layers
    made = draw(job, model, groups)
    check = checked(job, model, groups[0]) if job.options.get("check") else Made({})
    said: dict[str, Any] = {"method": job.method, "model": job.choice.key, "target": job.indicator}
    said["source"] = source
    if "insensitive" in check.facts:
        said["insensitive"] = check.facts["insensitive"]
    layers = {name: frame.to_crs("EPSG:4326").assign(**said) for name, frame in made.layers.items()}
    return Made(
        {name: frame for name, frame in layers.items() if len(frame)},
        [*made.files, *check.files],
        pd.concat([rejected, made.rejected], ignore_index=True),
        _facts(source, groups) | dict(made.facts) | dict(check.facts),
    )


def _facts(source: str, groups: list[Attributed]) -> dict[str, Any]:
    found = [group.attribution for group in groups]
    return {
        "source": source,
        "pictures": sum(len(group.images) for group in groups),
        "baseline": found[0].baseline,
        "explained layer": found[0].layer or "pixels",
        "completeness error": max(one.completeness_error for one in found),
    }
