"""Does it help to know that two pictures show one place? Pretraining with and without temporal positives.

Ten by ten pixels of NDVI around a hundred places on the clear dates of two and a half years. Fields change
with the season, so a place looks less like itself than like its neighbour of the same day: the question put
to each representation is to find a place again on another date, among all hundred. Momentum contrast learns
one from the earlier dates, without labels; once from two views of one picture, once from pictures of one
place on two dates (temporal positives). It is asked on the later dates, which it has never seen. The places
are the same: with temporal positives they are what is learned, and the head, which is trained to tell them,
tells them best; features are what other tasks would use. Settings were chosen with one seed on another split
of the dates.

Run it: ``python examples/temporal_places.py [FOLDER] --data DATA``, where DATA holds ``ndvi.npz``,
``timestamps.json`` and ``bbox.geojson``. It writes ``temporal_places.csv`` and ``temporal_places.png``;
``--quick`` takes three seeds instead of five.
"""

import argparse
import json
import logging
import warnings
from pathlib import Path

import geopandas as gpd
import lightning.pytorch as pl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from scipy import stats
from shapely import box
from torch import nn
from torch.nn import functional

from geolivelihood.pretraining.moco_module import MoCoModule
from geolivelihood.pretraining.pairs import PlacePairs
from geolivelihood.pretraining.queue import Origin
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.views import ViewBatch

SIDE, GRID = 10, 10  # pixels of a chip, chips along each side of the picture
BATCH = 50
COLOURS = {"pixels": "#777777", "untrained": "#bbbbbb", "without": "#b35806", "with": "#1f5f99"}


def main() -> None:
    options = read_options()
    if not (options.data / "ndvi.npz").exists():
        print(f"Skipped: there is no {options.data / 'ndvi.npz'}.")
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    chips, dates = clear_chips(options.data)
    later = len(dates) - len(dates) // 3
    images = image_table(options.data, dates[:later])
    seeds = range(3 if options.quick else 5)
    rows = [row for seed in seeds for row in scores_of(seed, chips, later, images, options.epochs)]
    table = summary(pd.DataFrame(rows + pixel_scores(chips, later)))
    table.to_csv(options.folder / "temporal_places.csv", index=False, float_format="%.4f")
    draw(table, options.folder / "temporal_places.png")
    tell(table, len(dates), later)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out/temporal_places"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/temporal"))
    parser.add_argument("--epochs", type=int, default=10, help="passes over the earlier dates")
    parser.add_argument("--quick", action="store_true", help="three seeds instead of five")
    return parser.parse_args()


def clear_chips(data: Path) -> tuple[np.ndarray, pd.DatetimeIndex]:
    """NDVI of every place on the dates without a single cloud: (dates, places, pixels), and the dates."""
    with np.load(data / "ndvi.npz") as arrays:
        ndvi, valid = (arrays[name][:, : GRID * SIDE, : GRID * SIDE, 0] for name in ("ndvi", "valid"))
    clear = valid.all(axis=(1, 2))
    times = pd.to_datetime(json.loads((data / "timestamps.json").read_text()), utc=True)
    blocks = ndvi[clear].reshape(-1, GRID, SIDE, GRID, SIDE).transpose(0, 1, 3, 2, 4)
    return blocks.reshape(len(blocks), GRID * GRID, SIDE * SIDE), times[clear]


def image_table(data: Path, dates: pd.DatetimeIndex) -> gpd.GeoDataFrame:
    """One row per date and place, in the order of the chips, with the ground that it shows."""
    bounds = gpd.read_file(data / "bbox.geojson")
    west, _, east, north = bounds.total_bounds
    step = (east - west) / GRID
    ground = [
        box(west + c * step, north - (r + 1) * step, west + (c + 1) * step, north - r * step)
        for r in range(GRID)
        for c in range(GRID)
    ]
    table = {
        "image_id": [f"{date:%Y%m%d} {place:02d}" for date in dates for place in range(GRID**2)],
        "place_id": [f"{place:02d}" for place in range(GRID**2)] * len(dates),
        "captured_at": dates.repeat(GRID**2),
    }
    return gpd.GeoDataFrame(table, geometry=ground * len(dates), crs=bounds.crs)


class ChipBatches:
    """Two views of every pair, as of Views, but of chips in memory that are augmented a batch at a time."""

    drop_last = True

    def __init__(self, images: gpd.GeoDataFrame, chips: np.ndarray, pairs: PlacePairs, seed: int) -> None:
        self.images, self.pairs, self.batch_size = images, pairs, BATCH
        self.chips = chips.reshape(-1, 1, SIDE, SIDE)
        self.random = torch.Generator().manual_seed(seed)
        self.epoch = -1

    def __len__(self) -> int:
        return len(self.images) // BATCH

    def __iter__(self):
        self.epoch += 1
        query, key = (torch.from_numpy(rows) for rows in self.pairs.epoch(self.epoch))
        for start in range(0, len(self) * BATCH, BATCH):
            rows = query[start : start + BATCH], key[start : start + BATCH]
            yield ViewBatch(*(self.augmented(row) for row in rows), *rows)

    def augmented(self, rows: torch.Tensor) -> torch.Tensor:
        """A crop of at least 0.8 of the area, enlarged again; gains within 20 %, offsets within 0.1."""
        pictures = as_input(self.chips[rows.numpy()])
        draw = torch.rand(5, len(rows), generator=self.random)
        side = (0.8 + 0.2 * draw[0]).sqrt()
        where = torch.zeros(len(rows), 2, 3)
        where[:, 0, 0] = where[:, 1, 1] = side
        where[:, :, 2] = ((2 * draw[1:3] - 1) * (1 - side)).T
        grid = functional.affine_grid(where, pictures.shape, align_corners=False)
        views = functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
        gain, offset = 1 + 0.2 * (2 * draw[3] - 1), 0.1 * (2 * draw[4] - 1)
        return views * gain.view(-1, 1, 1, 1) + offset.view(-1, 1, 1, 1)


def as_input(chips: np.ndarray) -> torch.Tensor:
    """NDVI as the network takes it, about 0 and of variance about 1."""
    return torch.from_numpy(((chips - 0.55) / 0.25).astype(np.float32))


class SmallNetwork(nn.Module):
    """Three convolutions on chips whose own mean and contrast are taken out first."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.InstanceNorm2d(1)]
        for inputs, outputs, stride in ((1, 32, 1), (32, 64, 2), (64, 64, 2)):
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers[:-1], nn.Flatten())

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Features (n, 576) of chips (n, 1, 10, 10)."""
        return self.layers(pictures)


def scores_of(seed: int, chips: np.ndarray, later: int, images: gpd.GeoDataFrame, epochs: int) -> list[dict]:
    """Retrieval by an untrained network and by two trained ones that differ in the pairs alone."""
    rows = []
    for name in ("untrained", "without", "with"):
        module = pretrained(seed, chips[:later], images, name, epochs)
        for part, network in (("features", module.backbone), ("head", module.moco.encoder_q)):
            if name != "untrained" or part == "features":
                found = encoded(network, chips)
                rows += [{"of": name, "part": part, "seed": seed, **row} for row in retrievals(found, later)]
    return rows


def pretrained(seed: int, chips: np.ndarray, images: gpd.GeoDataFrame, name: str, epochs: int) -> MoCoModule:
    """MoCo on the earlier dates: of each picture two views, or another date of its place."""
    torch.manual_seed(seed)
    module = MoCoModule(
        SmallNetwork(),
        origin=Origin.of(len(images), places=images["place_id"]),
        temporal=name == "with",
        size=SIDE,
        bands=1,
        dim=64,
        queue_size=BATCH,
        bn_groups=5,
        momentum=0.99,
        temperature=0.1,
        optimisation=Optimisation("adamw", learning_rate=2e-3, per="step"),
        seed=seed,
    )
    if name == "untrained":
        return module
    pairs = PlacePairs(images, temporal=name == "with", per="image", seed=seed)
    batches = ChipBatches(images, chips, pairs, seed)
    module.check(batches)
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, batches)
    return module


def encoded(network: nn.Module, chips: np.ndarray) -> np.ndarray:
    """Vectors (dates, places, features) of whole chips."""
    pictures = as_input(chips).reshape(-1, 1, SIDE, SIDE)
    with torch.inference_mode():
        vectors = torch.cat([network.eval()(part) for part in pictures.split(500)])
    return vectors.numpy().reshape(*chips.shape[:2], -1)


def pixel_scores(chips: np.ndarray, later: int) -> list[dict]:
    """Retrieval by the pixels themselves, as they are and with the mean of each chip taken out."""
    centred = chips - chips.mean(axis=2, keepdims=True)
    return [
        {"of": "pixels", "part": part, "seed": 0, **row}
        for part, values in (("raw", chips), ("centred", centred))
        for row in retrievals(values, later)
    ]


def hits(queries: np.ndarray, places: np.ndarray) -> float:
    """Share of queries whose greatest cosine is with their own place."""
    return float(((queries @ places.T).argmax(axis=1) == np.arange(len(queries))).mean())


def retrievals(vectors: np.ndarray, later: int) -> list[dict]:
    """Share of places found again by the greatest cosine, on later dates and on all, by kind of date pair."""
    rows = []
    for dates, part in (("later", vectors[later:]), ("all", vectors)):
        unit = part / np.linalg.norm(part, axis=2, keepdims=True)
        found = np.array(
            [[((a @ b.T).argmax(axis=1) == np.arange(len(a))).mean() for b in unit] for a in unit]
        )
        every = (found.sum() - np.trace(found)) / (len(found) * (len(found) - 1))
        rows.append({"dates": dates, "pairs": "every", "retrieval": every})
        rows.append({"dates": dates, "pairs": "consecutive", "retrieval": np.diag(found, 1).mean()})
    return rows


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds with its 95 % interval (Student's t), and what temporal positives add, seed by seed."""
    keys = ["of", "part", "dates", "pairs"]
    wide = scores.pivot_table(index="seed", columns=keys, values="retrieval")
    for part, dates, pairs in {column[1:] for column in wide if column[0] == "with"}:
        gain = wide["with", part, dates, pairs] - wide["without", part, dates, pairs]
        wide["with - without", part, dates, pairs] = gain
    rows = []
    for column in wide:
        values = wide[column].dropna().to_numpy()
        half = 0.0
        if len(values) > 1:
            half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        mean = values.mean()
        rows.append((*column, mean, mean - half, mean + half, len(values)))
    table = pd.DataFrame(rows, columns=[*keys, "retrieval", "lower", "upper", "seeds"])
    order = {"pixels": 0, "untrained": 1, "without": 2, "with": 3, "with - without": 4}
    return table.sort_values(
        ["dates", "pairs", "of", "part"], key=lambda c: c.map(order) if c.name == "of" else c
    )


def draw(table: pd.DataFrame, path: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
    titles = {"every": "any two later dates", "consecutive": "consecutive later dates"}
    for axis, (pairs, title) in zip(axes, titles.items()):
        chosen = (table["dates"] == "later") & (table["pairs"] == pairs) & table["of"].isin(list(COLOURS))
        part = table[chosen].iloc[::-1]
        names = [
            f"{of} temporal positives, {what}" if of.startswith("with") else f"{of}, {what}"
            for of, what in zip(part["of"], part["part"])
        ]
        ends = [part["retrieval"] - part["lower"], part["upper"] - part["retrieval"]]
        axis.barh(names, part["retrieval"], xerr=ends, color=[COLOURS[of] for of in part["of"]])
        axis.axvline(1 / GRID**2, color="#222222", linestyle=":", label="chance")
        axis.set(xlim=(0, 1), title=title, xlabel="places found again, 95 % over seeds")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def tell(table: pd.DataFrame, dates: int, later: int) -> None:
    title = (
        f"A place found again among {GRID**2} on another date (chance {1 / GRID**2:.2f}); learned from "
        f"{later} clear dates, asked on the {dates - later} later ones and on all {dates}"
    )
    columns = [(d, p) for d in ("later", "all") for p in ("every", "consecutive")]
    shown = Table("pretraining", "vectors", *(f"{d} dates, {p}" for d, p in columns), title=title)
    for (of, part), rows in table.groupby(["of", "part"], sort=False):
        cells = rows.set_index(["dates", "pairs"])
        shown.add_row(
            of,
            part,
            *(
                f"{row.retrieval:.3f}" + (f" [{row.lower:.3f}, {row.upper:.3f}]" if row.seeds > 1 else "")
                for row in (cells.loc[c] for c in columns)
            ),
        )
    Console(width=150).print(shown)


if __name__ == "__main__":
    # Lightning's hints about loggers and workers
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    main()
