"""Operations on places: cells by point, clusters spread, cells summed up."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import MultiPoint, Point, box

from geolivelihood.cells import cell_points, displacement_weights, parse_cells
from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.layers import read_provenance, read_styles

CRS = "EPSG:4326"


def layer(path, name=None):
    return {"path": str(path), "layer": name}


@pytest.fixture
def points(tmp_path):
    """Three points in one cell, one in another, one nowhere; as a GIS program writes them."""
    shapes = [Point(37, -1), Point(37.0001, -1), Point(37, -1.0001), Point(38, -1), None]
    fields = {"rooms": [1.0, 2.0, np.nan, 8.0, 100.0], "name": list("abcde")}
    frame = gpd.GeoDataFrame(fields, geometry=shapes, crs=CRS)
    path = tmp_path / "häuser.gpkg"
    frame.to_file(path, layer="other")
    many = frame.set_geometry([shape and MultiPoint([shape]) for shape in shapes], crs=CRS)
    many.to_crs("EPSG:32737").to_file(path, layer="die häuser")
    return path


def test_points_are_counted_and_averaged_by_cell(ask, points, tmp_path):
    out = tmp_path / "cells.gpkg"
    made = ask("h3_summary", out, points=layer(points, "die häuser"), fields=["rooms"], resolution=6)
    cells = gpd.read_file(out, layer="cells").set_index("count").sort_index()
    assert list(cells.index) == [1, 3] and list(cells["rooms"]) == [8.0, 1.5]
    assert np.allclose(cell_points(parse_cells(cells["cell"])).x.round(0), [38, 37])
    assert made["outputs"] == {"geopackage": str(out)} and made["rejected"] == 1
    assert [one["name"] for one in made["layers"]] == ["cells", "rejected"]
    assert "Set aside: 1 rows" in made["said"]
    assert [(style.name, style.default) for style in read_styles(out, "cells")] == [
        ("rooms", True),
        ("count", False),
    ]
    assert read_provenance(out)["layers"] == made["layers"]


def test_a_layer_that_is_not_there_names_those_that_are(ask, points, tmp_path):
    with pytest.raises(InputError, match="no layer 'das haus'; it has: other, die häuser"):
        ask("h3_summary", tmp_path / "a.gpkg", points=layer(points, "das haus"))


def test_a_field_without_numbers_is_refused(ask, points, tmp_path):
    with pytest.raises(InputError, match=r"'name' of .* has no numbers"):
        ask("h3_summary", tmp_path / "a.gpkg", points=layer(points, "other"), fields=["name"])
    with pytest.raises(MissingColumnError, match="Did you mean 'rooms'"):
        ask("h3_summary", tmp_path / "a.gpkg", points=layer(points, "other"), fields=["room"])
    assert not (tmp_path / "a.gpkg").exists()


def test_the_surface_is_the_displacement_of_each_cluster(ask, country, tmp_path):
    out = tmp_path / "spread.gpkg"
    made = ask("displacement_surface", out, clusters=layer(country.gps), cluster_id="DHSID", resolution=7)
    each, summed = (gpd.read_file(out, layer=name) for name in ("cells_clusters", "cells"))
    assert np.allclose(each.groupby("cluster_id")["weight"].sum(), 1)
    assert np.isclose(summed["expected"].sum(), each["cluster_id"].nunique())
    clusters = gpd.read_file(out, layer="clusters")
    tie = displacement_weights(clusters.assign(urban=clusters["urban"].astype(bool)), resolution=7)
    whole = tie.to_frame().set_index("row")["weight"].sort_values().to_numpy()
    assert np.allclose(np.sort(each["weight"]), whole)
    assert made["rejected"] == 2 and "rejected" in {one["name"] for one in made["layers"]}


def test_the_few_are_not_moved_less_than_the_others(ask, country, tmp_path):
    with pytest.raises(InputError, match="moved 10000 m, less than the others"):
        ask("displacement_surface", tmp_path / "s.gpkg", clusters=layer(country.clusters), rural_m=20_000)


def test_only_some_clusters_and_unknown_ones(ask, country, tmp_path):
    told = {"clusters": layer(country.clusters), "resolution": 7}
    ask("displacement_surface", tmp_path / "one.gpkg", only=["QZ202100000001"], **told)
    each = gpd.read_file(tmp_path / "one.gpkg", layer="cells_clusters")
    assert set(each["cluster_id"]) == {"QZ202100000001"}
    with pytest.raises(InputError, match="no cluster 'QZ1'"):
        ask("displacement_surface", tmp_path / "two.gpkg", only=["QZ1"], **told)


def test_without_urban_all_are_rural_and_it_is_said(ask, country, tmp_path):
    table = pd.read_csv(country.clusters).drop(columns=["urban", "cluster_id"]).head(5)
    table.to_csv(tmp_path / "c.csv", index=False)
    out = tmp_path / "o.gpkg"
    made = ask("displacement_surface", out, clusters=layer(tmp_path / "c.csv"), resolution=6)
    assert "all count as rural" in made["said"]
    assert set(gpd.read_file(out, layer="clusters")["cluster_id"]) <= set("12345")


def test_a_surface_of_millions_is_refused_with_what_would_do(ask, country, tmp_path):
    with pytest.raises(InputError, match=r"Take resolution \d+ or coarser"):
        ask("displacement_surface", tmp_path / "o.gpkg", clusters=layer(country.gps), resolution=13)


@pytest.fixture
def valued(tmp_path):
    """Cells of resolution 7 around a place, valued 1, in a CSV."""
    import h3

    names = sorted(h3.grid_disk(h3.latlng_to_cell(-1, 37, 7), 6))
    table = pd.DataFrame({"cell": names, "value": 1.0, "other": "x"})
    table.loc[0, "value"] = np.nan
    table.to_csv(tmp_path / "cells.csv", index=False)
    return tmp_path / "cells.csv"


@pytest.fixture
def boxes(tmp_path):
    """A box inside the cells, one that sticks out, one far away; two of one name."""
    shapes = [box(36.98, -1.02, 37.02, -0.98), box(36.98, -1.02, 38.5, -0.98), box(10, 10, 11, 11)]
    frame = gpd.GeoDataFrame({"label": ["in", "part", "part"]}, geometry=shapes, crs=CRS)
    frame.to_crs("EPSG:32737").to_file(tmp_path / "b.gpkg", layer="boxes")
    return tmp_path / "b.gpkg"


def test_regions_covered_in_part_are_told(ask, valued, boxes, tmp_path):
    told = {"cells": layer(valued), "regions": layer(boxes, "boxes"), "region_name": "label"}
    made = ask("aggregate_regions", tmp_path / "r.gpkg", values=["value"], **told)
    frame = gpd.read_file(tmp_path / "r.gpkg", layer="regions")
    assert list(frame["name"]) == ["in", "part", "part"]
    assert np.allclose(frame["value"][:2], 1) and frame["value"].isna()[2]
    assert frame["covered"][0] > 0.99 and 0 < frame["covered"][1] < 0.5 and frame["covered"][2] == 0
    assert "1 of 3 regions are covered in part only" in made["said"]
    assert "1 of 3 regions have no cell with a value" in made["said"]


def test_people_weigh(ask, country, tmp_path):
    import h3

    districts = gpd.read_file(country.regions)
    middle = districts.geometry.iloc[0].representative_point()
    near = sorted(h3.grid_disk(h3.latlng_to_cell(middle.y, middle.x, 7), 4))
    table = pd.DataFrame({"cell": near, "value": np.arange(len(near), dtype=float)})
    table.to_csv(tmp_path / "cells.csv", index=False)
    told = {"cells": layer(tmp_path / "cells.csv"), "regions": layer(country.regions), "region_name": "name"}
    for name, more in {"area": {}, "people": {"population": str(country.population)}}.items():
        ask("aggregate_regions", tmp_path / f"{name}.gpkg", values=["value"], **told, **more)
    means = [gpd.read_file(tmp_path / f"{name}.gpkg")["value"][0] for name in ("area", "people")]
    assert np.isfinite(means).all() and means[0] != means[1]


def test_cells_that_repeat_are_refused(ask, valued, boxes, tmp_path):
    table = pd.read_csv(valued)
    pd.concat([table, table.head(1)]).to_csv(valued, index=False)
    told = {"cells": layer(valued), "regions": layer(boxes, "boxes"), "region_name": "label"}
    with pytest.raises(InputError, match="one row per cell"):
        ask("aggregate_regions", tmp_path / "r.gpkg", values=["value"], **told)


def test_cells_elsewhere_are_refused(ask, valued, tmp_path):
    far = gpd.GeoDataFrame({"label": ["far"]}, geometry=[box(10, 10, 11, 11)], crs=CRS)
    far.to_file(tmp_path / "far.geojson")
    told = {"cells": layer(valued), "regions": layer(tmp_path / "far.geojson"), "region_name": "label"}
    with pytest.raises(InputError, match=r"No cell of .* lies in a region"):
        ask("aggregate_regions", tmp_path / "r.gpkg", values=["value"], **told)


def test_cells_that_overlap_are_refused(ask, valued, boxes, tmp_path):
    import h3

    table = pd.read_csv(valued)
    table.loc[0, "cell"] = h3.cell_to_parent(table.loc[5, "cell"], 5)
    table.to_csv(valued, index=False)
    told = {"cells": layer(valued), "regions": layer(boxes, "boxes"), "region_name": "label"}
    with pytest.raises(InputError, match=r"overlap: .* Give cells of one resolution"):
        ask("aggregate_regions", tmp_path / "r.gpkg", values=["value"], **told)


def test_no_cells_at_all_are_said_to_be_none(ask, valued, boxes, tmp_path):
    pd.read_csv(valued).head(0).to_csv(valued, index=False)
    told = {"cells": layer(valued), "regions": layer(boxes, "boxes"), "region_name": "label"}
    with pytest.raises(InputError, match="has no cells"):
        ask("aggregate_regions", tmp_path / "r.gpkg", values=["value"], **told)


def test_clusters_outside_the_borders_are_told(ask, country, tmp_path):
    table = pd.read_csv(country.clusters).iloc[10:13].assign(cluster_id=["a", "b", "c"])
    table.loc[12, ["lon", "lat"]] = [10.0, 10.0]
    table.to_csv(tmp_path / "c.csv", index=False)
    told = {"clusters": layer(tmp_path / "c.csv"), "boundary": layer(country.regions), "resolution": 6}
    made = ask("displacement_surface", tmp_path / "o.gpkg", **told)
    assert "1 of 3 clusters lie in no polygon" in made["said"] and "no borders: c." in made["said"]


def test_the_field_that_is_named_takes_the_place_of_one_of_that_name(ask, country, tmp_path):
    table = pd.read_csv(country.clusters).iloc[10:14]
    table = table.assign(urban="?", cluster_id="same", town=[1, 0, 1, 0], code=list("wxyz"))
    table.to_csv(tmp_path / "c.csv", index=False)
    told = {"clusters": layer(tmp_path / "c.csv"), "urban": "town", "cluster_id": "code", "resolution": 6}
    ask("displacement_surface", tmp_path / "o.gpkg", **told)
    made = gpd.read_file(tmp_path / "o.gpkg", layer="clusters").set_index("cluster_id")
    assert made["urban"].astype(bool).to_dict() == {"w": True, "x": False, "y": True, "z": False}


def test_a_coordinate_system_that_there_is_not_is_refused(ask, country, tmp_path):
    with pytest.raises(InputError, match="Give an authority and code, such as EPSG:4326"):
        ask("displacement_surface", tmp_path / "o.gpkg", clusters=layer(country.clusters), crs="EPSG:999999")


def test_words_among_gaps_are_no_numbers(ask, points, tmp_path):
    frame = gpd.read_file(points, layer="other").assign(word=["many", None, None, None, None])
    frame.to_file(tmp_path / "w.gpkg", layer="w")
    with pytest.raises(InputError, match="has no numbers"):
        ask("h3_summary", tmp_path / "a.gpkg", points=layer(tmp_path / "w.gpkg"), fields=["word"])
