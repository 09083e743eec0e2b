"""The curves of a training as a picture."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import MaxNLocator

from geolivelihood.files import atomic

__all__ = ["draw_curves"]

_TITLES = {
    "pretrain/loss": "loss",
    "pretrain/contrast": "contrastive loss",
    "pretrain/geo": "loss of geography",
    "pretrain/geo_acc1": "accuracy of geography",
    "pretrain/acc1": "own key first among all, share",
    "pretrain/acc5": "own key among the first five, share",
    "pretrain/top_n": "positives among the largest logits, share",
    "train/loss": "loss",
}


def draw_curves(training: Path, target: Path, *, title: str) -> Path | None:
    """Draw what a training logged, a panel per curve.

    Parameters
    ----------
    training
        Folder of the training; its ``curves.csv`` is read.
    target
        PNG to write.
    title
        What was trained.

    Returns
    -------
    pathlib.Path or None
        The picture; ``None`` where nothing was logged as CSV.
    """
    log = training / "curves.csv"
    if not log.is_file():
        return None
    rows = pd.read_csv(log)
    curves = [name for name in rows["metric"].unique() if name in _TITLES or name.startswith("val/")]
    if not curves:
        return None
    across = min(3, len(curves))
    down = -(-len(curves) // across)
    figure, axes = plt.subplots(down, across, figsize=(4.2 * across, 2.8 * down), squeeze=False)
    for axis, name in zip(axes.flat, curves):
        known = rows[rows["metric"] == name].dropna(subset="value")
        axis.plot(
            known["step"], known["value"], color="#2c6fbb", lw=1.4, marker="." if len(known) < 20 else ""
        )
        axis.set_title(_TITLES.get(name, name.replace("val/", "while training: ")), fontsize=9, loc="left")
        axis.set_xlabel("step", fontsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(curves) :]:
        axis.set_axis_off()
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    figure.tight_layout()
    with atomic(target) as part:
        figure.savefig(part, dpi=110)
    plt.close(figure)
    return target
