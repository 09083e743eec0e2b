"""Buildings in drone pictures of Kampala: every pixel mapped, every building boxed, on places held out.

Seven places of 76 m were flown over; polygons of OpenStreetMap say where the buildings are. A segmenter and
a detector on a small backbone learn from some of the places, and are scored on the others: the mean
intersection over union of the map, beside that of a map which says that nothing is built, and the average
precision of the boxes at an overlap of a half. Tiles of several zooms cover the same ground, so that places
are held out, not tiles; six of the seven lie side by side, and a building on their edge can be known from
both.

The backbone starts at random, or from an encoder that was pretrained (``--encoder FOLDER``): run both and
compare. What was held out is scanned as anybody's raster would be: a COG of classes and polygons in its CRS.

Run it: ``python examples/buildings_kampala.py [FOLDER] [--data ../shared/data/tiles_kampala]``; ``--quick``
trains for a moment only, ``--rotate`` holds out every place once. The tiles (OpenAerialMap, CC BY 4.0) and
labels (OpenStreetMap, ODbL) are not part of this project: without them it says so and stops.
"""

import argparse
from pathlib import Path

import geopandas as gpd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import rasterio
from matplotlib.patches import Patch
from rasterio.plot import plotting_extent
from rasterio.transform import from_bounds
from rich.console import Console
from rich.table import Table

from geolivelihood import tables
from geolivelihood.pretraining.transfer import Detector, Segmenter, save

ZOOM = 19
PARTS = 3  # every third place is held out
TRUE, MAPPED, BOXED = "#ffd400", "#00d5ff", "#ff3d7f"


def main() -> None:
    options = read_options()
    if not (options.data / "labels.geojson").exists():
        print(
            f"Skipped: there are no tiles with labels.geojson in {options.data}. Name their folder by --data."
        )
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    images = place_rasters(options)
    buildings = gpd.read_file(options.data / "labels.geojson").assign(**{"class": "building"})
    buildings = buildings[["class", "geometry"]]
    scores, drawn = [], []
    for part in range(PARTS if options.rotate else 1):
        held = np.arange(len(images)) % PARTS == part
        segmenter, detector = models(options)
        segmenter.fit(images[~held], buildings)
        detector.fit(images[~held], buildings)
        mapped = segmenter.evaluate(images[held], buildings)
        boxed = detector.evaluate(images[held], buildings)
        scores.append(
            {
                "part": part,
                "places": int(held.sum()),
                "mIoU": mapped["mIoU"],
                "constant_mIoU": mapped["constant_mIoU"],
                "building_IoU": mapped["IoU"]["building"],
                "AP50": boxed["AP50"],
                "buildings": boxed["labels"],
            }
        )
        for row in images[held].itertuples():
            out = options.folder / f"{row.image_id}_classes.tif"
            drawn.append(
                (
                    row,
                    segmenter.scan(row.path, out=out, min_area_m2=5),
                    detector.scan(row.path, min_score=0.5),
                )
            )
    save(segmenter, options.folder / "segmenter", extent=images[~held], metrics=scores[-1:])
    save(detector, options.folder / "detector", extent=images[~held], metrics=scores[-1:])
    table = pd.DataFrame(scores)
    table.to_csv(options.folder / "scores.csv", index=False, float_format="%.4f")
    draw(drawn, buildings, options.folder / "held_out.png")
    tell(table)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out/buildings_kampala"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/tiles_kampala"))
    parser.add_argument("--encoder", default="random", help="folder of a pretrained encoder, or random")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--quick", action="store_true", help="a few epochs")
    parser.add_argument("--rotate", action="store_true", help="hold out each part of the places in turn")
    return parser.parse_args()


def models(options: argparse.Namespace) -> tuple[Segmenter, Detector]:
    """Both on a ResNet-18 or on the encoder; crops of 128 pixels are 38 m of ground."""
    backbone = "resnet18" if options.encoder == "random" else options.encoder
    course = {
        "backbone": backbone,
        "window": 128,
        "overlap": 0.5,
        "crops_per_image": 9,
        "max_overlap": 1.0,
        "max_epochs": 8 if options.quick else options.epochs,
        "learning_rate": 5e-4 if options.quick else 1e-3,
        "batch_size": 4,
    }
    segmenter = Segmenter("fcn", dice=0.5, **course)
    return segmenter, Detector("retinanet", anchors=(16, 32, 64, 128, 256), channels=128, **course)


def place_rasters(options: argparse.Namespace) -> gpd.GeoDataFrame:
    """The tile of each place as a GeoTIFF in Web Mercator, and the table of these."""
    tiles = tables.read_tiles(options.data, scheme="x-y-z").table
    tiles = tiles[tiles["zoom"].eq(ZOOM)].sort_values("image_id").reset_index(drop=True)
    paths = []
    for tile in tiles.itertuples():
        bounds = tables.tile_bounds_mercator(tile.zoom, tile.tile_x, tile.tile_y)
        path = options.folder / f"place_{tile.Index}.tif"
        with rasterio.open(tile.path) as source:
            pixels = source.read([1, 2, 3])
        grid = from_bounds(*bounds, pixels.shape[2], pixels.shape[1])
        shape = {"count": 3, "height": pixels.shape[1], "width": pixels.shape[2], "dtype": "uint8"}
        with rasterio.open(path, "w", driver="GTiff", crs="EPSG:3857", transform=grid, **shape) as target:
            target.write(pixels)
        paths.append(str(path))
    names = [Path(path).stem for path in paths]
    return tiles.assign(image_id=names, path=paths)[["image_id", "path", "kind", "geometry"]]


def draw(drawn: list, buildings: gpd.GeoDataFrame, path: Path) -> None:
    """Each place held out twice: the map above, the boxes below, over what is true."""
    width = max(len(drawn), 3)
    figure, axes = plt.subplots(
        2, width, figsize=(2.6 * width, 5.9), squeeze=False, layout="constrained", dpi=150
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for (top, bottom), (row, mapped, boxed) in zip(axes.T, drawn):
        with rasterio.open(row.path) as source:
            pixels, extent, crs = source.read().transpose(1, 2, 0), plotting_extent(source), source.crs
        true = buildings.to_crs(crs)
        for axis, found, colour in ((top, mapped, MAPPED), (bottom, boxed, BOXED)):
            axis.imshow(pixels, extent=extent)
            true.boundary.plot(ax=axis, color=TRUE, linewidth=1.0)
            if len(found):
                found.plot(ax=axis, facecolor=(*plt.matplotlib.colors.to_rgb(colour), 0.25), edgecolor=colour)
            axis.set(xlim=extent[:2], ylim=extent[2:])
        top.set_title(row.image_id.replace("_", " "), fontsize=9)
    keys = [
        Patch(facecolor="none", edgecolor=colour, label=text)
        for text, colour in (("OpenStreetMap", TRUE), ("mapped", MAPPED), ("boxed", BOXED))
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle("Buildings on places held out, Kampala", fontsize=11)
    figure.savefig(path)
    plt.close(figure)


def tell(table: pd.DataFrame) -> None:
    names = ["mIoU", "constant_mIoU", "building_IoU", "AP50"]
    heads = ["held out", "mIoU", "mIoU of nothing built", "IoU of buildings", "AP50 of boxes"]
    shown = Table(*heads, title="Buildings on places held out", title_justify="left")
    for row in table.itertuples():
        shown.add_row(f"{row.places} places", *(f"{getattr(row, name):.2f}" for name in names))
    if len(table) > 1:
        shown.add_row("mean", *(f"{table[name].mean():.2f}" for name in names))
    Console(width=110).print(shown)


if __name__ == "__main__":
    main()
