"""A training of a tiny network, as a script: the tests run it in processes of its own, kill it and resume it.

``python training_script.py PICTURES OUT [--devices 2] [--epochs 3] [--every 2] [--slow S] [--nan STEP]``
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

from geolivelihood.pretraining.augmentations import moco_augmentation
from geolivelihood.pretraining.pairs import PlacePairs
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.training import run_training
from geolivelihood.pretraining.views import Views


class Tiny(pl.LightningModule):
    """A small network under a contrastive loss, with dropout and, if asked for, a loss of NaN."""

    def __init__(self, *, nan_at: int = -1, slow: float = 0.0, norm: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2),
            nn.BatchNorm2d(4) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Dropout(0.2 if norm else 0.0),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 8),
        )
        self.optimisation = Optimisation(learning_rate=0.05, per="step")
        self.nan_at, self.slow = nan_at, slow

    def training_step(self, batch, index):
        time.sleep(self.slow)
        query, key = self.backbone(batch.query), self.backbone(batch.key)
        loss = (1 - nn.functional.cosine_similarity(query, key)).mean() + query.square().mean()
        if self.trainer.global_step == self.nan_at:
            loss = loss * torch.nan
        self.log("pretrain/loss", loss)
        return loss

    def configure_optimizers(self):
        return self.optimisation.configure(
            self.parameters(),
            epochs=self.trainer.max_epochs,
            steps_per_epoch=self.trainer.num_training_batches,
        )


def places(folder: Path, *, n: int = 24, size: int = 20) -> pd.DataFrame:
    """A table of generated pictures, two to a place, and their files."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(n):
        pixels = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}.png")
    return table(n)


def table(n: int = 24) -> pd.DataFrame:
    """The table alone."""
    numbers = np.arange(n)
    return pd.DataFrame(
        {
            "image_id": [f"image{k}" for k in numbers],
            "path": [f"{k}.png" for k in numbers],
            "place_id": [f"place{k // 2}" for k in numbers],
        }
    )


def views(folder: Path, *, images: pd.DataFrame | None = None, **options) -> Views:
    """Their views of 8 pixels, four to a batch."""
    images = table() if images is None else images
    options = {"batch_size": 4, "root": folder} | options
    return Views(images, PlacePairs(images), moco_augmentation(8, temporal=True), **options)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--nan", type=int, default=-1)
    parser.add_argument("--no-norm", action="store_true")
    options = parser.parse_args()
    module = Tiny(nan_at=options.nan, slow=options.slow, norm=not options.no_norm)
    result = run_training(
        module,
        views(options.pictures),
        out=options.out,
        epochs=options.epochs,
        devices=options.devices,
        save_every_steps=options.every,
        accelerator="cpu",
    )
    told = {"resumed_from": result.resumed_from, "steps": result.steps}
    told["first_weight"] = module.backbone[0].weight.flatten()[0].item()
    (options.out / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
