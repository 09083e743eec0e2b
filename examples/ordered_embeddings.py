"""An embedding in the order of wealth, and one made without labels: what each is worth with few labels.

An invented country seen from above on two days, each tile under a light of its own, as scenes of several
satellites and seasons have: colours tell little until the light is seen through. A survey tells the wealth
of a fraction of the tiles, with an error; every third block of some 250 km² is seen by no training, and there
the true wealth is known.

* Rank-N-Contrast orders the features of a small network by the surveyed wealth; a linear probe reads them.
  Beside it the same network, pictures, views and epochs are trained on wealth itself (mean absolute error).
  Each has the learning rate that did best on blocks held out of the training blocks.
* MoCo-v2 with temporal positives sees the tiles outside the held-out blocks and no label. Its features and
  those of random weights are read by the same linear probe, from 20, 40 and 80 labels.

Each seed draws the labelled tiles, the survey's errors, and all weights. Run it anywhere: ``python
examples/ordered_embeddings.py [FOLDER] [--seeds 5]``. It writes ``ordered_embeddings.csv`` and
``ordered_embeddings.png``, in some half an hour on one core; ``--quick`` takes one.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import h3
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau, t
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from geolivelihood import cells, tables
from geolivelihood.pretraining.augmentations import plain
from geolivelihood.pretraining.moco_module import MoCoModule
from geolivelihood.pretraining.pairs import PlacePairs, SamePicture
from geolivelihood.pretraining.picture_cache import cache_pictures
from geolivelihood.pretraining.queue import Origin
from geolivelihood.pretraining.rank_module import RankModule, SupervisedModule
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.training import run_training
from geolivelihood.pretraining.views import Views
from geolivelihood.synthetic import make_country

SIDE, VIEW, FEATURES = 48, 32, 128  # pixels of 30 m
PEOPLE = 100  # in a cell of some 0.7 km²: where fewer live, there is little of wealth to see
SURVEY_ERROR = 0.5  # standard deviations of wealth
LIGHT = 0.2  # standard deviation of the logarithm, of each band and once more of all
DAYS = ("2021-03-01", "2022-09-01")
RATES = (1e-3, 2e-3, 4e-3)
RANK, L1, L1_PROBE = "Rank-N-Contrast + probe", "L1 training", "L1 training + probe"
MOCO = "MoCo-v2+TP + probe"
RANDOM, SETTLED = "random weights + probe", "random weights, normalised + probe"
COLOURS = {
    RANK: "#1f5f99",
    L1: "#b35806",
    L1_PROBE: "#e0a860",
    MOCO: "#2a7f62",
    RANDOM: "#888888",
    SETTLED: "#bbbbbb",
}
ORDERED = (RANK, L1, L1_PROBE, RANDOM, SETTLED)


class Tiles(NamedTuple):
    """Tiles, what is true of them, and what is held out.

    ``images`` has one row per tile and day; all else is by tile, ``pictures`` of the first day.
    """

    images: gpd.GeoDataFrame
    pictures: torch.Tensor
    wealth: np.ndarray
    block: np.ndarray
    held_out: np.ndarray


class Turned(nn.Module):
    """Any square of a picture, mirrored and turned; its colours waver a little."""

    size, mean, sd = VIEW, (0.5,) * 3, (0.25,) * 3

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """View (3, 32, 32) of a tile."""
        top, left, turn = (int(torch.randint(most, ())) for most in (SIDE - VIEW + 1, SIDE - VIEW + 1, 8))
        view = pixels[:, top : top + VIEW, left : left + VIEW].float() / 255
        view = torch.rot90(view.flip(2) if turn > 3 else view, turn % 4, (1, 2))
        gain = 1 + 0.1 * torch.randn(3, 1, 1)
        return ((view * gain - 0.5) / 0.25).contiguous()

    def card(self) -> dict:
        """What defines the views."""
        return {"name": "turned", "size": VIEW, "gain": 0.1}


def main() -> None:
    options = read_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    tiles = read_tiles(options.folder)
    rates = {kind: best_rate(kind, tiles, options) for kind in (RANK, L1)}
    records = []
    for seed in range(options.seeds):
        records += ordered(tiles, rates, options, seed) + low_label(tiles, options, seed)
        table = pd.DataFrame(records, columns=["seed", "labels", "method", "tau", "r2"])
        table.to_csv(options.folder / "ordered_embeddings.csv", index=False, float_format="%.4f")
    compared = differences(table)
    draw(table, compared, options)
    tell(table, compared, rates, tiles, options)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out/ordered_embeddings"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--labels", type=int, default=800, help="surveyed tiles that the networks train on")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--moco-epochs", type=int, default=12)
    parser.add_argument("--few", nargs="+", type=int, default=[20, 40, 80], help="labels of the probes")
    parser.add_argument(
        "--quick", action="store_true", help="two seeds, 200 labels, one learning rate, few epochs"
    )
    options = parser.parse_args()
    options.rates = RATES
    if options.quick:
        options.seeds, options.labels, options.rates = 2, 200, RATES[1:2]
        options.epochs, options.moco_epochs = 4, 2
    return options


def read_tiles(folder: Path) -> Tiles:
    """Tiles where people live, cut once; every third block of some 250 km² is held out."""
    country = make_country(folder / "country", n_clusters=10, photos_per_cluster=1)
    districts, _ = tables.read_regions(country.regions, name="name")
    grid = np.unique(cells.polygon_cells(districts, resolution=8)[1])
    truth = country.truth(grid).dropna().query("population > @PEOPLE")
    grid = truth.index.to_numpy()
    centres = cells.cell_points(grid)
    places = gpd.GeoDataFrame({"cell": cells.cell_names(grid)}, geometry=centres.to_numpy(), crs=centres.crs)
    chips, _ = tables.chip_table(places, country.tiles, size_m=SIDE * 30, id_column="cell")
    chips = cache_pictures(chips, folder=folder / "tiles", short_side=SIDE).images.reset_index(drop=True)
    block = np.array([h3.cell_to_parent(name, 5) for name in chips["place_id"]])
    held_out = np.isin(block, np.random.default_rng(0).permutation(np.unique(block))[::3])
    wealth = truth["wealth"].set_axis(cells.cell_names(grid)).loc[chips["place_id"]].to_numpy()
    days = [seen_on(day, chips, folder / DAYS[day]) for day in range(len(DAYS))]
    return Tiles(pd.concat(days, ignore_index=True), whole(days[0]), wealth, block, held_out)


def seen_on(day: int, chips: gpd.GeoDataFrame, folder: Path) -> gpd.GeoDataFrame:
    """The tiles of one day as small files, each under its own light."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng([5, day])
    each, all_bands = (random.standard_normal((len(chips), bands)) for bands in (3, 1))
    light = 0.7 * np.exp(LIGHT * (each + all_bands))
    paths = [folder / f"{name}.png" for name in chips["place_id"]]
    for source, path, gain in zip(chips["path"], paths, light):
        if not path.exists():
            with Image.open(source) as picture:
                pixels = np.clip(np.asarray(picture) * gain, 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    seen = chips.assign(path=list(map(str, paths)), captured_at=pd.Timestamp(DAYS[day], tz="UTC"))
    return seen.assign(image_id=chips["image_id"] + f"@{DAYS[day]}")


def whole(images: gpd.GeoDataFrame) -> torch.Tensor:
    """All pictures as the networks see them, (n, 3, 48, 48)."""
    look = plain(SIDE, mean=Turned.mean, sd=Turned.sd)
    seen = list(Views(images, SamePicture(images), look, batch_size=256, drop_last=False))
    order = torch.cat([batch.position for batch in seen]).argsort()
    return torch.cat([batch.query for batch in seen])[order]


def both_days(tiles: Tiles, rows: np.ndarray) -> gpd.GeoDataFrame:
    """Pictures of some tiles, those of the first day first."""
    n = len(tiles.wealth)
    return tiles.images.iloc[np.concatenate([rows + day * n for day in range(len(DAYS))])].reset_index(
        drop=True
    )


def network(seed: int) -> nn.Sequential:
    """Four layers of convolutions with random weights, averaged: (n, 3, h, w) to (n, 128)."""
    torch.manual_seed(seed)
    widths, layers = (3, 24, 48, 96, FEATURES), []
    for inputs, outputs, stride in zip(widths, widths[1:], (2, 2, 1, 1)):
        convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def survey(tiles: Tiles, seed: int) -> np.ndarray:
    """Wealth as a few households of each tile tell it."""
    error = np.random.default_rng([seed, 1]).standard_normal(len(tiles.wealth))
    return tiles.wealth + SURVEY_ERROR * error


def drawn(tiles: Tiles, among: np.ndarray, seed: int) -> np.ndarray:
    """Rows in random order; the first ones are those with labels."""
    return np.random.default_rng([seed, 2]).permutation(np.flatnonzero(among))


def trained(kind: str, rate: float, tiles: Tiles, rows: np.ndarray, options, seed: int):
    """The module of one kind, trained on the surveyed wealth of some tiles."""
    images = both_days(tiles, rows)
    how = Optimisation("adamw", rate, weight_decay=1e-4, schedule="cosine", per="step")
    told = np.tile(survey(tiles, seed)[rows], len(DAYS))
    if kind == RANK:
        module = RankModule(network(seed), told, optimisation=how)
    else:
        module = SupervisedModule(network(seed), told, dim=FEATURES, optimisation=how, seed=seed)
    views = Views(images, PlacePairs(images, seed=seed), Turned(), batch_size=32, seed=seed)
    learn(module, views, options.epochs, options, seed)
    return module


def learn(module, views: Views, epochs: int, options, seed: int) -> None:
    folder = options.folder / "training"
    run_training(
        module, views, out=folder, epochs=epochs, accelerator="cpu", loggers=(), resume=False, seed=seed
    )


def features_of(backbone: nn.Module, tiles: Tiles) -> np.ndarray:
    with torch.inference_mode():
        backbone.eval().to(memory_format=torch.contiguous_format)
        return torch.cat([backbone(part) for part in tiles.pictures.split(256)]).double().numpy()


def probed(features: np.ndarray, told: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Wealth of all tiles by ridge regression on the features of some; leave-one-out chooses the penalty."""
    probe = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 19)))
    return probe.fit(features[rows], told[rows]).predict(features)


def scores(tiles: Tiles, made: np.ndarray) -> tuple[float, float]:
    """Kendall's τ-b and R² against the truth of the held-out blocks."""
    truth, made = tiles.wealth[tiles.held_out], made[tiles.held_out]
    return float(kendalltau(truth, made).statistic), r2_score(truth, made)


def best_rate(kind: str, tiles: Tiles, options) -> float:
    """The learning rate of best τ with the survey on a third of the training blocks, learned from others."""
    if len(options.rates) == 1:
        return options.rates[0]
    names = np.unique(tiles.block[~tiles.held_out])
    aside = np.isin(tiles.block, np.random.default_rng(1).permutation(names)[::3])
    rows = drawn(tiles, ~tiles.held_out & ~aside, 99)[: options.labels]
    told = survey(tiles, 99)
    reached = {}
    for rate in options.rates:
        made = predicted(kind, trained(kind, rate, tiles, rows, options, 99), tiles, told, rows)
        reached[rate] = kendalltau(told[aside], made[aside]).statistic
    return max(reached, key=reached.get)


def predicted(kind: str, module, tiles: Tiles, told: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if kind == L1:
        return np.concatenate([module.predict(part)[:, 0] for part in tiles.pictures.split(256)])
    return probed(features_of(module.backbone, tiles), told, rows)


def ordered(tiles: Tiles, rates: dict[str, float], options, seed: int) -> list[tuple]:
    """Rank-N-Contrast and L1 training on the same labels."""
    rows, told = drawn(tiles, ~tiles.held_out, seed)[: options.labels], survey(tiles, seed)
    ranked = trained(RANK, rates[RANK], tiles, rows, options, seed)
    fitted = trained(L1, rates[L1], tiles, rows, options, seed)
    made = {
        RANK: predicted(RANK, ranked, tiles, told, rows),
        L1: predicted(L1, fitted, tiles, told, rows),
        L1_PROBE: predicted(L1_PROBE, fitted, tiles, told, rows),
        RANDOM: probed(features_of(network(seed), tiles), told, rows),
        SETTLED: probed(features_of(settled(network(seed), tiles), tiles), told, rows),
    }
    return [(seed, options.labels, method, *scores(tiles, values)) for method, values in made.items()]


def settled(backbone: nn.Module, tiles: Tiles) -> nn.Module:
    """Random weights whose batch normalisation has seen the pictures."""
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches
    with torch.no_grad():
        for part in tiles.pictures[~tiles.held_out].split(256):
            backbone.train()(part)
    return backbone


def low_label(tiles: Tiles, options, seed: int) -> list[tuple]:
    """Features learned without labels and random ones, probed with few labels."""
    rows, told = drawn(tiles, ~tiles.held_out, seed), survey(tiles, seed)
    images = both_days(tiles, np.flatnonzero(~tiles.held_out))
    module = MoCoModule(
        network(seed),
        origin=Origin.of(len(images), places=images["place_id"]),
        temporal=True,
        size=VIEW,
        dim=64,
        queue_size=512,
        bn_groups=2,
        optimisation=Optimisation("sgd", 0.06, schedule="cosine", per="step"),
        seed=seed,
    )
    views = Views(images, PlacePairs(images, seed=seed), Turned(), batch_size=64, seed=seed)
    learn(module, views, options.moco_epochs, options, seed)
    known = {
        MOCO: features_of(module.backbone, tiles),
        RANDOM: features_of(network(seed), tiles),
        SETTLED: features_of(settled(network(seed), tiles), tiles),
    }
    return [
        (seed, few, method, *scores(tiles, probed(features, told, rows[:few])))
        for few in options.few
        for method, features in known.items()
    ]


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """Paired differences over seeds: mean, and 95 % interval of Student's t."""
    wide = table.pivot_table(index=["labels", "seed"], columns="method", values=["tau", "r2"])
    most = table["labels"].max()
    asked = [(RANK, other, most) for other in (L1, L1_PROBE, RANDOM, SETTLED)]
    few = sorted(set(table["labels"]) - {most})
    asked += [(MOCO, other, labels) for labels in few for other in (RANDOM, SETTLED)]
    rows = []
    for method, other, labels in asked:
        for metric in ("tau", "r2"):
            gain = (wide[metric, method] - wide[metric, other]).loc[labels].to_numpy()
            half = t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
            rows.append((metric, method, other, labels, gain.mean(), gain.mean() - half, gain.mean() + half))
    return pd.DataFrame(rows, columns=["metric", "method", "other", "labels", "gain", "lower", "upper"])


def draw(table: pd.DataFrame, compared: pd.DataFrame, options) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained", width_ratios=[1, 1])
    most = table["labels"].max()
    many, few = table[table["labels"] == most], table[table["labels"] < most]
    paired = many.pivot_table(index="seed", columns="method", values="tau")[list(ORDERED)]
    for _, tau in paired.iterrows():
        left.plot(tau, range(len(ORDERED)), color="#dddddd", linewidth=0.9, zorder=0)
    for at, method in enumerate(ORDERED):
        tau = many.loc[many["method"] == method, "tau"].to_numpy()
        left.plot(tau, np.full(len(tau), at), "o", color=COLOURS[method], alpha=0.55)
        left.plot(tau.mean(), at, "|", color=COLOURS[method], markersize=24, markeredgewidth=2.5)
    left.set_yticks(range(len(ORDERED)), ORDERED)
    left.set_ylim(len(ORDERED) - 0.4, -0.6)
    left.set_title(f"{most} surveyed tiles: ordered by rank, or trained on wealth", fontsize=11)
    left.set_xlabel("Kendall's τ with the true wealth of held-out blocks (bar: mean over seeds)")
    for method in (MOCO, RANDOM, SETTLED):
        part = few[few["method"] == method].groupby("labels")["tau"]
        middle, spread = part.mean(), part.std() / np.sqrt(part.count())
        right.errorbar(
            middle.index,
            middle,
            t.ppf(0.975, options.seeds - 1) * spread,
            color=COLOURS[method],
            marker="o",
            capsize=3,
            label=method,
        )
    right.set(xscale="log", xlabel="labels", ylabel="Kendall's τ, mean and 95 % interval over seeds")
    right.set_xticks(options.few, options.few)
    right.set_xticks([], minor=True)
    right.set_title("Few labels: features learned without any", fontsize=11)
    right.legend(frameon=False)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(options.folder / "ordered_embeddings.png", dpi=130)
    plt.close(figure)


def tell(table: pd.DataFrame, compared: pd.DataFrame, rates: dict[str, float], tiles: Tiles, options) -> None:
    console = Console(width=118)
    held = tiles.held_out
    title = (
        f"{held.sum()} tiles in {len(np.unique(tiles.block[held]))} held-out blocks; {options.seeds} seeds; "
        f"learning rates {rates[RANK]:g} (Rank-N-Contrast), {rates[L1]:g} (L1)"
    )
    shown = Table("labels", "method", "Kendall's τ", "R²", title=title, title_justify="left")
    for (labels, method), part in table.groupby(["labels", "method"], sort=False):
        values = [f"{part[name].mean():.3f} ± {part[name].std():.3f}" for name in ("tau", "r2")]
        shown.add_row(str(labels), method, *values)
    console.print(shown)
    gains = Table("labels", "gain of", "over", "metric", "mean [95 %]", title="Paired differences")
    for row in compared.itertuples():
        clear = "bold" if row.lower > 0 else "red" if row.upper < 0 else "dim"
        gain = f"[{clear}]{row.gain:+.3f} [{row.lower:+.3f}, {row.upper:+.3f}][/{clear}]"
        gains.add_row(str(row.labels), row.method, row.other, row.metric, gain)
    console.print(gains)


if __name__ == "__main__":
    main()
