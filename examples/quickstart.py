"""From an invented country to a map, step by step in Python.

Run it anywhere: ``python examples/quickstart.py [FOLDER]``. It writes a country (tiles, photos, a DHS-like
survey), ties everything to H3 cells, and compares two ways to read displaced survey clusters: at their
published point, or wherever the true site may lie. The country is invented, so the truth is known.
"""

import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
from sklearn.metrics import r2_score

from geolivelihood import cells, models, tables
from geolivelihood.features import embed, encoder
from geolivelihood.graphs import cell_graph
from geolivelihood.synthetic import make_country

RESOLUTION = 7


def main(folder: Path) -> None:
    country = make_country(folder / "country", seed=0)

    # what comes in, checked at the door; clusters without a position are set aside
    survey, rejected = tables.read_dhs(country.gps, recode=country.recode, indicators={"wealth": "hv271"})
    districts, _ = tables.read_regions(country.regions, name="name")
    print(f"{len(survey)} clusters; set aside: {', '.join(rejected['reason'].unique())}")

    # the cells of the country, a picture of each cut from the overhead tiles, and its features
    _, found = cells.polygon_cells(districts, resolution=RESOLUTION)
    grid = np.unique(found)
    centres = cells.cell_points(grid)
    places = gpd.GeoDataFrame({"cell": cells.cell_names(grid)}, geometry=centres.to_numpy(), crs=centres.crs)
    chips, _ = tables.chip_table(places, country.tiles, size_m=2000, id_column="cell")
    store = embed(chips, encoder("rcf", seed=0), store=folder / "features")
    features = store.read().reindex(places["cell"]).to_numpy(dtype=float)
    print(f"{features.shape[1]} features of {len(grid)} cells")

    # two readings of the survey, each a sparse matrix of clusters x cells
    ties = {
        "published point": cells.cluster_cells(survey, resolution=RESOLUTION),
        "displacement tie": cells.displacement_weights(survey, resolution=RESOLUTION, boundary=districts),
    }
    graph = cell_graph(grid)
    truth = country.truth(grid)
    for name, tie in ties.items():
        model = models.CellRegressor(hops=0)
        model.fit(tie.reindex(grid), survey["wealth"], features=features, graph=graph)
        mapped = truth.assign(mapped=model.predict_cells()).dropna()
        score = r2_score(mapped["wealth"], mapped["mapped"], sample_weight=mapped["population"])
        print(f"{name}: r² with the true wealth of {len(mapped)} cells, weighted by people: {score:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out/quickstart"))
