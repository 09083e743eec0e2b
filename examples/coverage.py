"""Do the intervals hold what they promise? Measured on invented countries, on blocks that calibrated nothing.

The interval around each cluster comes from the errors on all *other* blocks, and the prediction inside it
from a model that had not seen the cluster's block. Of intervals for 90 % about 90 % should then hold the
surveyed value of a new district: much less is a false promise, much more is a waste.

Run it anywhere: ``python examples/coverage.py [FOLDER] [--seeds 10 11 12]``. It writes ``coverage.csv``;
four countries take some minutes on two cores.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from geolivelihood.recipes import open_project
from geolivelihood.recipes.assessment import Assessment
from geolivelihood.synthetic import make_country


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out/coverage"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[10, 11, 12, 13], help="a country each")
    parser.add_argument("--clusters", type=int, default=400)
    options = parser.parse_args()
    rows = [measured(options.folder, seed, options.clusters) for seed in options.seeds]
    table = pd.concat(rows, ignore_index=True)
    table.to_csv(options.folder / "coverage.csv", index=False, float_format="%.4f")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    everywhere = table[table["group"] == "all"].groupby("score")["coverage"]
    for score, found in everywhere:
        spread = found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.nan
        print(
            f"{score}: {found.mean():.3f} of 0.900 over {len(found)} countries (standard error {spread:.3f})"
        )


def measured(folder: Path, seed: int, clusters: int) -> pd.DataFrame:
    """Coverage on one country, with intervals of one width and with intervals that widen with the spread."""
    country = make_country(folder / f"country-{seed}-{clusters}", n_clusters=clusters, seed=seed)
    rows = []
    for score in ("absolute", "normalised"):
        settings = {
            "models": ["cell"],
            "map_model": "cell",
            "validation.block_resolution": 6,  # some 6 km wide: 40 blocks and more on the island
            "validation.splits": ["random", "blocked"],
            "uncertainty": {"score": score},
        }
        _, lineup = open_project(country.project, overrides=settings)
        found = Assessment(lineup).coverage
        kept = ["group", "coverage", "se", "lower", "upper", "worst", "mean_width", "n", "n_blocks"]
        rows.append(found[kept].assign(seed=seed, score=score))
    return pd.concat(rows, ignore_index=True)


if __name__ == "__main__":
    main()
