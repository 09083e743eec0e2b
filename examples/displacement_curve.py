"""What the displacement tie is worth: r² at the true places against how far the survey was moved.

A survey's clusters are published kilometres from where they are. One can read each label at its published
point, or wherever the true site may lie. Here the same learner does both, where the truth is known:

* on invented countries: the wealth of every cell, learned from overhead tiles. People live in towns, so
  where a site may lie depends on where they live and on whether the survey calls it urban: the tie is told;
* on simulated fields: an indicator that is linear in eight features, each white noise smoothed over 2.5 km,
  at 300 further sites. Beside the cell model stands a plain ridge on the features at the very points or at
  400 points where the site may be, which no grid blurs.

Run it anywhere: ``python examples/displacement_curve.py [FOLDER] [--seeds 6 7 8]``. It writes
``displacement_curve.csv`` and ``displacement_curve.png``. Three seeds take some eight minutes on two cores,
``--seeds 6 --heads linear`` two, ``--quick`` a quarter of one.
"""

import argparse
from pathlib import Path

import geopandas as gpd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import shapely
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score

from geolivelihood import cells, models, tables
from geolivelihood.features import embed, encoder
from geolivelihood.graphs import place_graph
from geolivelihood.synthetic import make_country

KM = 1000.0
URBAN_KM2 = 850  # people per km² from which the invented statistics office calls a place urban
DEGREE_KM = 111.195
METRES = "EPSG:32741"
PUBLISHED, ANYWHERE = "published point", "displacement tie"
COUNTRY = "invented country, cells weighted by people"
EVERY_CELL = "invented country, every cell alike"
# Wealth varies smoothly beside what a picture shows. Where nothing else takes that up, averages of many
# features do, and what they were misused for goes wrong at single cells. Settled on seeds 0-2.
LEARNER = {"penalty": "evidence", "location": 200, "location_km": 5.0}
FINE = 9  # cells of some 400 m, in which a field that varies over 2.5 km is the same
FIELDS = "simulated fields, further sites"
LENGTH_KM = 2.5 * np.sqrt(2)  # covariance exp(-d²/2ℓ²): white noise smoothed over 2.5 km


def main() -> None:
    options = read_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    records = []
    for seed in options.seeds:
        records += country_scores(options, seed)
        records += field_scores(options, seed)
    table = pd.DataFrame(records, columns=["data", "learner", "labels", "displacement_km", "seed", "r2"])
    table.to_csv(options.folder / "displacement_curve.csv", index=False)
    draw(table, options.folder / "displacement_curve.png")
    means = table.pivot_table(index=["data", "learner", "labels"], columns="displacement_km", values="r2")
    print(means.round(3).to_string())


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out/displacement"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[6, 7, 8])
    parser.add_argument("--clusters", type=int, default=600)
    parser.add_argument("--resolution", type=int, default=8, help="of the cells, at most 8")
    parser.add_argument("--displacements", nargs="+", type=float, default=[0, 2, 5, 10], help="km")
    parser.add_argument("--heads", nargs="+", default=["linear", "graph"], help="of the cell model")
    parser.add_argument("--flat-prior", action="store_true", help="do not tell the tie where people live")
    parser.add_argument("--quick", action="store_true", help="one seed, 200 clusters, 0 and 5 km, coarse")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.clusters, options.resolution = options.seeds[:1], 200, 7
        options.displacements, options.heads = [0, 5], ["linear"]
    return options


def country_scores(options: argparse.Namespace, seed: int) -> list[tuple]:
    """Scores of the map against the true wealth of every cell of an invented country."""
    folder = options.folder / f"country_{options.clusters}_{seed}"
    country = make_country(folder, n_clusters=options.clusters, photos_per_cluster=1, seed=seed)
    districts, _ = tables.read_regions(country.regions, name="name")
    _, found = cells.polygon_cells(districts, resolution=options.resolution)
    grid = np.unique(found)
    graph = place_graph({"tiles": tile_features(country, grid, folder, options.resolution)}, grid)
    truth = country.truth(grid).dropna()
    people = people_by_class(country, grid, options.resolution)
    if options.flat_prior:
        people = dict.fromkeys(people)
    sites = pd.read_csv(country.true_sites)
    wealth = pd.read_csv(country.clusters)["wealth"].to_numpy()  # as interviewed: means of 10-25 households
    records = []
    for km in options.displacements:
        for labels, tie in ties(sites, districts, people, km, options.resolution, seed).items():
            for head in options.heads:
                model = models.CellRegressor(head=head, **LEARNER, random_state=seed)
                made = model.fit(tie.reindex(grid), wealth, features=graph).predict_cells()
                made = made.reindex(truth.index).fillna(wealth.mean())
                for name, weight in ((COUNTRY, truth["population"]), (EVERY_CELL, None)):
                    score = r2_score(truth["wealth"], made, sample_weight=weight)
                    records.append((name, f"cell model, {head}", labels, km, seed, score))
    return records


def tile_features(country, grid, folder, resolution) -> tuple[cells.Tie, pd.DataFrame]:
    """Pictures cut from the overhead tiles, one per cell, tied to it; and their features."""
    names = cells.cell_names(grid)
    centres = cells.cell_points(grid)
    places = gpd.GeoDataFrame({"cell": names}, geometry=centres.to_numpy(), crs=centres.crs)
    size_m = 1000 * np.sqrt(7) ** (8 - resolution)
    chips, _ = tables.chip_table(places, country.tiles, size_m=size_m, id_column="cell")
    store = embed(chips, encoder("rcf", seed=0), store=folder / f"features_{resolution}")
    tie = cells.Tie.from_arrays(np.arange(len(grid)), grid, np.ones(len(grid)), row_ids=names, columns=grid)
    return tie, store.read()


def ties(sites, districts, people, km, resolution, seed) -> dict[str, cells.Tie]:
    """The survey displaced once more, up to ``km`` and never out of its district, and two readings of it.

    A survey says which clusters are urban, so an urban one is sought among the people of dense cells and a
    rural one among the others.
    """
    true = gpd.GeoSeries.from_xy(sites["lon"], sites["lat"], crs=4326)
    random = np.random.default_rng([seed, 7])
    points = displaced(true.to_crs(METRES), districts.to_crs(METRES), km * KM, random)
    columns = {"cluster_id": sites["DHSCLUST"].astype(str), "urban": sites["urban"]}
    clusters = gpd.GeoDataFrame(columns, geometry=points.to_crs(4326))
    point = cells.cluster_cells(clusters, resolution=resolution)
    if not km:
        return {PUBLISHED: point, ANYWHERE: point}
    parts = [
        cells.displacement_weights(
            clusters[clusters["urban"] == urban],
            resolution=resolution,
            boundary=districts,
            population=prior,
            urban_m=km * KM,
            rural_m=km * KM,
            rural_far_share=0,
        )
        for urban, prior in people.items()
    ]
    entries = pd.concat([part.to_frame() for part in parts])
    rows = point.rows.get_indexer(entries["row"])
    return {
        PUBLISHED: point,
        ANYWHERE: cells.Tie.from_arrays(rows, entries["cell"], entries["weight"], row_ids=point.rows),
    }


def people_by_class(country, grid, resolution) -> dict[bool, pd.Series]:
    """People of the cells that are as dense as the country's towns, and of all others."""
    people = cells.cell_population(grid, country.population)
    dense = people > URBAN_KM2 * 0.737 * 7.0 ** (8 - resolution)  # km² of a cell at resolution 8
    return {True: people.where(dense, 0.0), False: people.where(~dense, 0.0)}


def displaced(true: gpd.GeoSeries, districts, radius_m: float, random) -> gpd.GeoSeries:
    """Points moved by a uniform angle and distance, drawn again until they stay in their district."""
    home = districts.geometry.to_numpy()[districts.sindex.nearest(true, return_all=False)[1]]
    xy = shapely.get_coordinates(true)
    moved, left = xy.copy(), np.arange(len(xy))
    while radius_m and len(left):
        moved[left] = xy[left] + offsets(len(left), radius_m, random)
        # A site that rounding put just outside its district may stay anywhere within 100 m of it.
        left = left[shapely.distance(home[left], shapely.points(moved[left])) > 100]
    return gpd.GeoSeries.from_xy(*moved.T, crs=true.crs)


def offsets(n: int, radius: float, random) -> np.ndarray:
    angle, distance = random.uniform(0, 2 * np.pi, n), random.uniform(0, radius, n)
    return distance[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])


def field_scores(options: argparse.Namespace, seed: int) -> list[tuple]:
    """Scores on a plane of 80 by 80 km near the equator where eight fields make the indicator."""
    train, further = options.clusters, 300
    fields = Fields(LENGTH_KM, seed)
    random = np.random.default_rng([seed, 8])
    true = random.uniform(0, 80, (train + further, 2))
    effect = random.normal(size=8)
    y = fields(true) @ effect
    records = []
    for km in options.displacements:
        points = true[:train] + offsets(train, km, np.random.default_rng([seed, 9]))
        made = plain_ridge(fields, points, km, true[train:], y[:train])
        made |= cell_model(fields, points, km, true[train:], y[:train])
        records += [
            (FIELDS, learner, labels, km, seed, r2_score(y[train:], prediction))
            for (learner, labels), prediction in made.items()
        ]
    return records


class Fields:
    """Eight Gaussian fields on the plane, each a sum of 40 random waves."""

    def __init__(self, length_km: float, seed: int) -> None:
        random = np.random.default_rng([seed, 10])
        self.frequency = random.normal(size=(2, 8 * 40)) / length_km
        self.phase = random.uniform(0, 2 * np.pi, 8 * 40)

    def __call__(self, xy: np.ndarray) -> np.ndarray:
        """Values of the fields at points (n, 2) in kilometres, shape (n, 8)."""
        waves = [
            np.cos(part @ self.frequency + self.phase) for part in np.array_split(xy, len(xy) // 20000 + 1)
        ]
        return np.sqrt(2 / 40) * np.concatenate([part.reshape(-1, 8, 40).sum(axis=2) for part in waves])


def plain_ridge(fields, points, km, further, y) -> dict[tuple[str, str], np.ndarray]:
    """Ridge on features at the points themselves, or their mean over where the site may be (quadrature)."""
    i = np.arange(400)
    r, angle = km * (i + 0.5) / 400, 2 * np.pi * 0.618034 * i
    around = points[:, None] + np.column_stack([r * np.cos(angle), r * np.sin(angle)])
    expected = fields(around.reshape(-1, 2)).reshape(len(points), 400, 8).mean(axis=1)
    return {
        ("plain ridge", labels): RidgeCV(np.logspace(-5, 3, 25)).fit(seen, y).predict(fields(further))
        for labels, seen in ((PUBLISHED, fields(points)), (ANYWHERE, expected))
    }


def cell_model(fields, points, km, further, y) -> dict[tuple[str, str], np.ndarray]:
    """The cell model on features at cell centres, read at the cells of the further sites."""
    clusters = on_the_globe(points)
    tied = {PUBLISHED: cells.cluster_cells(clusters, resolution=FINE)}
    tied[ANYWHERE] = (
        cells.displacement_weights(clusters, resolution=FINE, rural_m=km * KM, rural_far_share=0)
        if km
        else tied[PUBLISHED]
    )
    there = cells.cluster_cells(on_the_globe(further), resolution=FINE)
    grid = np.unique(np.concatenate([there.cells, *(tie.cells for tie in tied.values())]))
    features = fields(cells.cell_centres(grid) * DEGREE_KM)
    made = {}
    for labels, tie in tied.items():
        model = models.CellRegressor(head="linear", penalty="evidence").fit(
            tie.reindex(grid), y, features=features
        )
        made["cell model, linear", labels] = model.predict(there)
    return made


def on_the_globe(xy: np.ndarray) -> gpd.GeoDataFrame:
    ids = [str(i) for i in range(len(xy))]
    geometry = gpd.points_from_xy(*(xy / DEGREE_KM).T)
    return gpd.GeoDataFrame({"cluster_id": ids, "urban": False}, geometry=geometry, crs=4326)


def draw(table: pd.DataFrame, path: Path) -> None:
    """A panel per data set: mean over the seeds as a line, their range as a band."""
    panels = list(table["data"].unique())
    figure, axes = plt.subplots(1, len(panels), figsize=(14, 4.6), layout="constrained")
    colours = {PUBLISHED: "#b35806", ANYWHERE: "#1f5f99"}
    for axis, panel in zip(axes, panels):
        part = table[table["data"] == panel]
        for line, learner in zip(("-", "--"), sorted(part["learner"].unique(), reverse=True)):
            for labels, colour in colours.items():
                chosen = part[(part["learner"] == learner) & (part["labels"] == labels)]
                by = chosen.groupby("displacement_km")["r2"]
                mean = by.mean()
                axis.fill_between(mean.index, by.min(), by.max(), color=colour, alpha=0.13, linewidth=0)
                label = f"{learner}: {labels}"
                axis.plot(mean.index, mean, line, color=colour, marker="o", markersize=4, label=label)
        axis.set(title=panel, xticks=sorted(part["displacement_km"].unique()))
        axis.grid(color="#dddddd", linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(loc="lower left", fontsize=8, frameon=False)
    figure.supxlabel("displacement of the survey, up to (km)")
    figure.supylabel(f"r² with the truth: mean and range of {table['seed'].nunique()} seeds")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
