"""Which pictures show which concept: folders, polygons and class masks, and what is wrong with them."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from PIL import Image

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.recipes.explanations.concept_sets import concept_sets, fewer, polygon_rules
from geolivelihood.recipes.explanations.job import Job

pytestmark = pytest.mark.xdist_group("recipes")


@pytest.fixture(scope="module")
def tiles(pictured):
    """The country's tiles, and a function that asks for their concepts."""
    images = pictured.data.images("tiles").drop_duplicates("image_id").reset_index(drop=True)
    choice = pictured.project.models[0]

    def _sets(given, **options):
        options = {"concepts": given} | options if given else options
        return concept_sets(Job(pictured, choice, "wealth", "concepts", None, options=options), images)

    return images, _sets


def pictures(folder, count, colour=(90, 90, 90)):
    folder.mkdir(parents=True)
    for k in range(count):
        Image.new("RGB", (40, 40), colour).save(folder / f"{k}.png")


@pytest.mark.parametrize(("others", "concepts"), [("others", ["random", "roofs"]), ("random", ["roofs"])])
def test_folders_and_what_holds_counterexamples(tiles, tmp_path, others, concepts):
    for name in {*concepts, others}:
        pictures(tmp_path / name, 3)
    members = tiles[1](str(tmp_path)).members
    assert sorted(set(members["concept"])) == ["", *concepts]
    assert (members["image_id"].str.startswith("concepts:") & members["path"].ne("")).all()
    outside = members.loc[members["concept"].eq(""), "image_id"]
    assert outside.tolist() == [f"concepts:{others}/{k}" for k in range(3)]


def test_polygons_sort_the_sources_own_pictures(tiles, tmp_path):
    images, sets = tiles
    half = images.geometry.iloc[:7].union_all()
    areas = gpd.GeoDataFrame({"use": ["town", None]}, geometry=[half, shapely.box(*images.total_bounds)],
                             crs=images.crs)  # fmt: skip
    areas.to_file(tmp_path / "areas.geojson")
    members = sets(f"{tmp_path / 'areas.geojson'}:use").members
    assert set(images["image_id"].iloc[:7]) <= set(members["image_id"])
    assert set(members["concept"]) == {"town"}  # no class is no concept
    assert members["path"].eq("").all() and members["zone"].notna().all()
    rules = pd.DataFrame({"concept": ["all"], "classes": ["town"], "at_least": [0.0], "at_most": [1.0]})
    rules.to_csv(tmp_path / "rules.csv", index=False)
    everything = sets(f"{tmp_path / 'areas.geojson'}:use", rules=str(tmp_path / "rules.csv")).members
    assert len(everything) == len(images) and set(everything["concept"]) == {"all"}


def test_a_class_that_covers_little_is_asked_for_less():
    shares = pd.DataFrame(
        {"field": [0.9, 0.8, 0.7, 0.6], "roof": [0.0, 0.1, 0.2, 0.3], "well": [0, 0, 0, 0.01]}
    )
    rules = polygon_rules(shares).set_index("concept")
    assert rules.loc["field", "at_least"] == 0.5
    assert rules.loc["roof", "at_least"] == pytest.approx(0.25)
    assert rules.loc["well", "at_least"] == 0.05


def test_masks_in_the_layout_of_flair(tiles, tmp_path):
    rng = np.random.default_rng(0)
    for number, (share, ground) in enumerate([(0.9, 5)] * 3 + [(0.0, 5)] * 2 + [(0.9, 5)]):
        for kind, file in (("labels", "MSK"), ("aerial", "IMG")):
            folder = tmp_path / kind / "D001" / "Z1_NN" / file.lower()
            folder.mkdir(parents=True, exist_ok=True)
            if kind == "aerial" and number == 5:
                continue  # a mask without its picture
            bands = 1 if kind == "labels" else 5
            pixels = rng.integers(60, 200, (bands, 20, 20), dtype=np.uint8)
            if kind == "labels":
                pixels[:] = 4
                pixels.reshape(-1)[: int(share * 400)] = ground
            profile = {"driver": "GTiff", "height": 20, "width": 20, "count": bands, "dtype": "uint8"}
            with rasterio.open(folder / f"{file}_{number:06d}.tif", "w", **profile) as target:
                target.write(pixels)
    made = tiles[1](str(tmp_path))
    assert made.members["concept"].tolist() == ["original_water"] * 3 + [""] * 2
    assert made.members["zone"].unique().tolist() == ["D001/Z1_NN"]
    with (
        rasterio.open(made.members["path"].iloc[0]) as copy,
        rasterio.open(tmp_path / "aerial/D001/Z1_NN/img/IMG_000000.tif") as source,
    ):
        assert copy.count == 3 and np.array_equal(copy.read(), source.read([1, 2, 3]))
    assert made.rejected["row"].str.endswith("IMG_000005.tif").tolist() == [True]
    assert made.rejected["reason"].str.contains("cannot be read").all()


def test_what_is_wrong_is_said(tiles, tmp_path):
    sets = tiles[1]
    with pytest.raises(InputError, match=r"learned from examples\. Give --concepts"):
        sets(None)
    with pytest.raises(InputError, match="no such folder or file"):
        sets("nowhere.geojson:use")
    areas = gpd.GeoDataFrame({"use": ["sea"]}, geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4326")
    areas.to_file(tmp_path / "areas.geojson")
    given = str(tmp_path / "areas.geojson")
    with pytest.raises(InputError, match=r"areas\.geojson: say which column"):
        sets(given)
    with pytest.raises(MissingColumnError, match="no column 'klass'; they have use"):
        sets(f"{given}:klass")
    with pytest.raises(InputError, match=r"No picture shows a concept.*where the pictures are"):
        sets(f"{given}:use")
    with pytest.raises(InputError, match=r"table of rules none\.csv does not exist"):
        sets(f"{given}:use", rules="none.csv")
    pictures(tmp_path / "only" / "others", 2)
    with pytest.raises(InputError, match="Put pictures into a folder per concept"):
        sets(str(tmp_path / "only"))


def test_large_sets_are_drawn_from_by_lot():
    members = pd.DataFrame({"concept": ["a"] * 700 + ["b"] * 3 + [""] * 2100, "image_id": np.arange(2803)})
    kept = fewer(members, 0)
    assert kept["concept"].value_counts().to_dict() == {"": 2000, "a": 500, "b": 3}
    assert kept.equals(fewer(members, 0))
    assert kept.loc[kept["concept"].eq("a"), "image_id"].max() > 600  # not the first ones
