"""Trainings that lead nowhere are stopped: a score of NaN predictions would be a number all the same."""

from __future__ import annotations

import torch
from torch import Tensor

from geolivelihood.errors import InputError

__all__ = ["check_finite"]


def check_finite(values: Tensor, what: str) -> None:
    """Refuse a loss or predictions that are NaN or infinite.

    Raises
    ------
    InputError
        Where a value is not finite: with features or targets far from 1, or too large a learning rate.
    """
    if not bool(torch.isfinite(values).all()):
        msg = (
            f"The training diverged: {what} is NaN or infinite. Scale features and target, or lower the "
            "learning rate."
        )
        raise InputError(msg)
