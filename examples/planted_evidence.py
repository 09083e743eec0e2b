"""Maps of planted evidence: every method points at it, and must lose it with the model's weights.

In these tiles a group of houses sets the label, so it is known where the evidence stands; greenhouses, just
as striking, stand in every tile and say nothing. A small network learns to see the houses; then every method
of attribution is asked where it looked. Four controls stand beside the answers: a random point, the middle of
the picture, random maps of the same cells, and the same method on networks whose weights are random. A method
that still points at the houses when the network knows nothing, or whose maps hardly change with the weights,
shows the picture and not the model (Adebayo et al. 2018, Sanity checks for saliency maps).

Run it anywhere: ``python examples/planted_evidence.py [FOLDER] [--seed 0]``. It writes ``faithfulness.csv``
and ``planted_evidence.png``; two minutes on two cores, ``--quick`` half of one.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn import functional

from geolivelihood.explanation.attribution import METHODS, Attribution, attribute
from geolivelihood.explanation.faithfulness import faithfulness_report, pointing
from geolivelihood.explanation.ground import upsample
from geolivelihood.synthetic.planted import PlantedTiles, planted_tiles

SIDE = 64
LAYER = (0.5, 4.0)  # where the last layer's first cell looks, and its next: 3 x 3 kernels, strides 2, 2 and 1
TRAINED, RANDOM = "#1f5f99", "#b35806"
SHOWN = ("signed_cam", "integrated_gradients", "occlusion", "guided_backprop")
KEEPS_MOST = 0.5  # share of what a method has above chance that it may keep without the model


class Evidence(NamedTuple):
    """Held-out tiles with a house group, as the network sees them, and where the groups stand."""

    tiles: PlantedTiles
    pictures: torch.Tensor
    chosen: np.ndarray
    background: torch.Tensor

    @property
    def masks(self) -> np.ndarray:
        """Where the houses stand in the pictures that are asked."""
        return self.tiles.masks[self.chosen]

    @property
    def asked(self) -> torch.Tensor:
        """Pictures that maps are drawn of."""
        return self.pictures[self.chosen]


def main() -> None:
    options = read_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    tiles = planted_tiles(options.train + 120, size=SIDE, decoys=True, seed=options.seed)
    pictures = (torch.from_numpy(tiles.images).float() - 120) / 60
    network, accuracy = trained_network(tiles, pictures, options.train, options.seed)
    held_out = np.flatnonzero(tiles.labels[options.train :])[: options.pictures] + options.train
    evidence = Evidence(tiles, pictures, held_out, pictures[: options.background])
    table = faithfulness_table(network, evidence, options)
    table.insert(1, "held_out_accuracy", accuracy)
    table.to_csv(options.folder / "faithfulness.csv", index=False, float_format="%.4f")
    draw(table, network, evidence, options)
    tell(table, accuracy, len(held_out), options.networks)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out/planted_evidence"))
    parser.add_argument("--seed", type=int, default=0, help="of the tiles and of all weights")
    parser.add_argument("--train", type=int, default=600, help="tiles to learn from")
    parser.add_argument("--pictures", type=int, default=36, help="held-out tiles with a house group")
    parser.add_argument("--networks", type=int, default=6, help="with random weights")
    parser.add_argument("--background", type=int, default=8, help="pictures that SHAP compares with")
    parser.add_argument("--quick", action="store_true", help="fewer of all: 12 tiles, 3 networks")
    options = parser.parse_args()
    if options.quick:
        options.pictures, options.networks, options.background = 12, 3, 2
    return options


def fresh_network(seed: int) -> nn.Sequential:
    """Three layers of convolutions with random weights, averaged and weighed: (n, 3, h, w) -> (n, 2)."""
    torch.manual_seed(seed)
    widths = (3, 12, 24, 24)
    layers: list[nn.Module] = []
    for inputs, outputs, stride in zip(widths, widths[1:], (2, 2, 1)):
        convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        layers.append(nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU()))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 2))


def trained_network(
    tiles: PlantedTiles, pictures: torch.Tensor, train: int, seed: int
) -> tuple[nn.Sequential, float]:
    """A network that tells tiles with a house group from others, and its accuracy on held-out ones."""
    network, labels = fresh_network(seed), torch.from_numpy(tiles.labels).long()
    batches, rounds = -(-train // 30), 18
    adam = torch.optim.Adam(network.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(adam, 2e-2, total_steps=batches * rounds)
    order = torch.Generator().manual_seed(seed)
    for _ in range(rounds):
        for batch in torch.randperm(train, generator=order).split(30):
            adam.zero_grad()
            functional.cross_entropy(network(pictures[batch]), labels[batch]).backward()
            adam.step()
            rate.step()
    with torch.no_grad():
        right = network.eval()(pictures[train:]).argmax(dim=1) == labels[train:]
    return network, float(right.float().mean())


def random_network(pictures: torch.Tensor, seed: int) -> nn.Sequential:
    """An untrained network whose normalisation knows the pictures, so that no layer is mute."""
    network = fresh_network(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches, and there is one
    with torch.no_grad():
        network.train()(pictures)
    return network.eval()


def method_options(evidence: Evidence) -> dict[str, dict]:
    """Every method with what it needs beside its name, sized for small pictures."""
    same = {"steps": 16, "samples": 16, "patch": 8, "registration": LAYER}
    options: dict[str, dict] = {name: dict(same) for name in METHODS}
    for name in ("gradient_shap", "deep_shap", "block_shap"):
        options[name]["baseline"] = evidence.background
    # each permutation and background picture takes as many passes as there are blocks
    options["block_shap"] |= {"samples": 2, "baseline": evidence.background[:2]}
    return options


def faithfulness_table(network, evidence: Evidence, options: argparse.Namespace) -> pd.DataFrame:
    """The report of all methods, and beside it how often each points at the houses without the model."""
    asked, masks = evidence.asked, evidence.masks
    calls = method_options(evidence)
    table = faithfulness_report(
        network,
        asked,
        methods=calls,
        masks=masks,
        draws=(options.networks + 1) // 2,
        steps=10,
        random_state=options.seed,
    )
    untrained = [
        random_network(evidence.pictures[: options.train], 1000 * (options.seed + 1) + k)
        for k in range(options.networks)
    ]
    rows = []
    for name, call in calls.items():
        hits = hit_matrix([network], evidence, name, call)
        noise = hit_matrix(untrained, evidence, name, call)
        own, other, gap = interval(hits), interval(noise), interval(hits - noise)
        rows.append((name, *own[1:], *other, *gap))
    names = ["pointing_lower", "pointing_upper"]
    names += [f"{what}{end}" for what in ("random_weights", "loss") for end in ("", "_lower", "_upper")]
    table = table.merge(pd.DataFrame(rows, columns=["method", *names]), on="method", how="left")
    above = table["pointing"] - table["chance"]
    table["kept"] = ((table["random_weights"] - table["chance"]) / above).where(above > 0)
    table["points"] = table["pointing_gain_lower"] > 0
    table["loses_it"] = (
        (table["loss_lower"] > 0) & (table["kept"] < KEEPS_MOST) & ~table["insensitive"].eq(True)
    )
    is_method = table["method"] != "random"
    for column in ("points", "loses_it"):
        table[column] = table[column].where(is_method)
    return table


def hit_matrix(networks, evidence: Evidence, name: str, call: dict) -> np.ndarray:
    """Whether each network's map of each picture points at the houses: (networks, pictures)."""
    return np.stack(
        [
            pointing(attribute(one, evidence.asked, method=name, **call), evidence.masks)["hit"]
            for one in networks
        ]
    )


def interval(values: np.ndarray, resamples: int = 2000) -> tuple[float, float, float]:
    """Mean of a matrix with its 95 % interval over networks (rows) and pictures (columns) drawn again."""
    random = np.random.default_rng(0)
    counts = [random.multinomial(n, np.full(n, 1 / n), size=resamples) / n for n in values.shape]
    means = np.einsum("rn,np,rp->r", counts[0], values, counts[1])
    return float(values.mean()), *(float(q) for q in np.quantile(means, (0.025, 0.975)))


def draw(table: pd.DataFrame, network, evidence: Evidence, options: argparse.Namespace) -> None:
    """Bars on the left; on the right three tiles with maps of four methods, and two of a random network."""
    figure = plt.figure(figsize=(17, 5.8), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 2.15])
    draw_bars(table, left.subplots())
    draw_maps(network, evidence, right, options)
    figure.savefig(options.folder / "planted_evidence.png", dpi=130)
    plt.close(figure)


def draw_bars(table: pd.DataFrame, axis: plt.Axes) -> None:
    methods = table[table["method"] != "random"].iloc[::-1].reset_index(drop=True)
    at = np.arange(len(methods))
    series = (("pointing", "trained", TRAINED, 0.2), ("random_weights", "random weights", RANDOM, -0.2))
    for column, label, colour, shift in series:
        middle = methods[column]
        ends = [middle - methods[f"{column}_lower"], methods[f"{column}_upper"] - middle]
        axis.barh(at + shift, middle, 0.36, color=colour, label=label)
        axis.errorbar(middle, at + shift, xerr=np.abs(ends), fmt="none", ecolor="#222222", elinewidth=0.9)
    random = table.set_index("method").loc["random"]
    for value, label, line in (
        (random["chance"], "a random point", "-"),
        (random["centre"], "the middle", ":"),
        (random["pointing"], "random maps", "--"),
    ):
        axis.axvline(value, color="#666666", linestyle=line, linewidth=1.1, label=f"{label}: {value:.2f}")
    marks = ["" if good else "  ✗" for good in methods["loses_it"]]
    axis.set_yticks(at, [f"{name}{mark}" for name, mark in zip(methods["method"], marks)])
    axis.set(xlim=(0, 1.02), xlabel="share of maps that point at the houses, 95 %")
    axis.set_title("Pointing at planted evidence (✗: fails the check)", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    figure = axis.get_figure()
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)


def draw_maps(network, evidence: Evidence, figure, options: argparse.Namespace) -> None:
    three = evidence._replace(chosen=evidence.chosen[:3])
    untrained = random_network(evidence.pictures[: options.train], 1000 * (options.seed + 1))
    columns = [(name, network, title_of(name)) for name in SHOWN]
    columns += [(name, untrained, f"{title_of(name)},\nrandom weights") for name in (SHOWN[0], SHOWN[-1])]
    axes = figure.subplots(3, 1 + len(columns))
    calls = method_options(evidence)
    for row, picture in enumerate(evidence.tiles.images[three.chosen]):
        axes[row, 0].imshow(picture.transpose(1, 2, 0))
    axes[0, 0].set_title("tile", fontsize=9)
    for k, (name, model, title) in enumerate(columns, start=1):
        maps = drawn(attribute(model, three.asked, method=name, **calls[name]))
        limit = np.percentile(np.abs(maps), 99.5)
        for row in range(3):
            grey = evidence.tiles.images[three.chosen[row]].mean(axis=0)
            axes[row, k].imshow(grey, cmap="gray", vmin=0, vmax=255)
            strength = np.clip(np.abs(maps[row]) / limit, 0, 1) * 0.85
            axes[row, k].imshow(maps[row], cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=strength)
        axes[0, k].set_title(title, fontsize=9)
    for mask, line in zip(three.masks, axes):
        for axis in line:
            axis.contour(mask, [0.5], colors="#ffe14d", linewidths=0.9)
            axis.set_axis_off()
    figure.suptitle(
        "Red raises the log-odds of houses, blue lowers them; yellow: where they stand", fontsize=11
    )


def title_of(name: str) -> str:
    return name.replace("_", " ").replace("cam", "CAM")


def drawn(found: Attribution) -> np.ndarray:
    """Maps in the pixels of the picture, each cell where it looks."""
    return upsample(found.maps, start=found.start, jump=found.jump, size=found.size)


def tell(table: pd.DataFrame, accuracy: float, pictures: int, networks: int) -> None:
    console = Console(width=118)
    random = table.set_index("method").loc["random"]
    title = (
        f"{pictures} held-out tiles with a house group; the network is right on {accuracy:.0%} of held-out "
        f"tiles; {networks} networks with random weights\npointing by a random point {random['chance']:.2f}, "
        f"the middle {random['centre']:.2f}, random maps {random['pointing']:.2f}"
    )
    names = [
        "method",
        "pointing [95 %]",
        "random weights [95 %]",
        "kept",
        "inside",
        "insertion−deletion gain",
    ]
    shown = Table(*names, "rank corr.", "the check", title=title, title_justify="left")
    methods = table[table["method"] != "random"]
    for _, row in methods.iterrows():
        verdict = "[green]passes[/]" if row["points"] and row["loses_it"] else f"[red]{why(row)}[/]"
        shown.add_row(
            row["method"],
            f"{row['pointing']:.2f} [dim]{row['pointing_lower']:.2f}–{row['pointing_upper']:.2f}[/]",
            f"{row['random_weights']:.2f} [dim]{row['random_weights_lower']:.2f}–"
            f"{row['random_weights_upper']:.2f}[/]",
            f"{row['kept']:.0%}",
            f"{row['inside']:.2f}",
            f"{row['gain_blur']:+.2f}",
            f"{row['randomisation']:+.2f}",
            verdict,
        )
    console.print(shown)
    failing = methods[~(methods["points"].eq(True) & methods["loses_it"].eq(True))]
    flagged = methods.loc[methods["insensitive"].eq(True), "method"]
    console.print(f"Fail the check: {', '.join(failing['method']) or 'none'}.")
    console.print(
        f"Flagged insensitive: {', '.join(flagged) or 'none'} (signed rank correlation above 0.5 with the "
        "map of a network whose head and last block are random)."
    )
    console.print(
        "Random weights do better than a random point because houses and greenhouses are all that "
        "strikes the eye: a map of what does so is right half the time."
    )


def why(row: pd.Series) -> str:
    reasons = [
        (not row["points"], "points no better than random maps"),
        (row["insensitive"], "insensitive"),
        (not row["loss_lower"] > 0 or not row["kept"] < KEEPS_MOST, "still points without the model"),
    ]
    return ", ".join(text for holds, text in reasons if holds)


if __name__ == "__main__":
    main()
