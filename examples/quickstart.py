"""From an invented country to a map, step by step in Python.

Run it anywhere: ``python examples/quickstart.py [FOLDER]``. It writes a country (photos, tiles, a DHS-like
survey), ties everything to H3 cells, and compares two ways to read displaced survey clusters.
"""

import sys
from pathlib import Path

import numpy as np

from geolivelihood import cells, models, tables, validation
from geolivelihood.features import embed, encoder
from geolivelihood.graphs import cell_graph
from geolivelihood.synthetic import make_country

RESOLUTION = 7


def main(folder: Path) -> None:
    country = make_country(folder / "country", n_clusters=120, seed=0)

    # what comes in, checked at the door
    survey, rejected = tables.read_clusters(country.clusters, indicators=["wealth"], crs="EPSG:4326")
    photos, _ = tables.read_images(country.photos, crs="EPSG:4326")
    regions, _ = tables.read_regions(country.regions, name="name")
    print(f"{len(survey)} clusters, {len(photos)} photos, {len(rejected)} clusters set aside")

    # pictures to vectors; a corrupt picture is set aside with its reason
    store = embed(photos, encoder("rcf", seed=0), store=folder / "features")
    vectors = store.read()
    print(f"{vectors.shape[1]} features of {len(vectors)} photos, {len(store.rejected())} unreadable")

    # everything is tied to the cells of the country by sparse matrices
    _, where = cells.polygon_cells(regions, resolution=RESOLUTION)
    where = np.unique(where)
    seen = cells.image_cells(photos[photos["image_id"].isin(vectors.index)], resolution=RESOLUTION)
    seen = seen.reindex(where)
    count = np.asarray(seen.matrix.sum(axis=0))[:, None]
    total = seen.T @ vectors.loc[seen.rows].to_numpy(dtype=float)
    per_cell = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)

    # two readings of the survey: at the published point, or wherever the true site may lie
    published = cells.cluster_cells(survey, resolution=RESOLUTION).reindex(where)
    displaced = cells.displacement_weights(survey, resolution=RESOLUTION, boundary=regions).reindex(where)
    graph = cell_graph(where)
    truth = country.truth(where)["wealth"].to_numpy()
    wealth = survey["wealth"].to_numpy(dtype=float)
    for name, tie in (("published point", published), ("displacement tie", displaced)):
        known = tie.covered(~np.isnan(per_cell).any(axis=1)).fillna(0).to_numpy() > 0.5
        model = models.CellRegressor(head="linear").fit(
            tie[known], wealth[known], features=per_cell, graph=graph
        )
        predicted = model.predict_cells()
        mapped = ~np.isnan(predicted)
        score = validation.regression_scores(truth[mapped], predicted[mapped])["pearson_r2"]
        print(f"{name}: {known.sum()} clusters, r² with the truth of {mapped.sum()} cells {score:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out/quickstart"))
