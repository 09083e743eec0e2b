import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError, TableError
from geolivelihood.tables.clusters import read_clusters

ROWS = """id,country,longitude,latitude,year,wealth,note
007,NA,17.1,-22.5,2010,0.5,first
008,NA,17.2,-22.6,2010,,NA
009,BW,25.9,-24.6,2011,0.7,
"""


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "clusters.csv"
    path.write_text(ROWS)
    return path


def test_csv_keeps_leading_zeros_and_the_country_na(csv):
    table, rejected = read_clusters(csv, indicators=["wealth"], columns={"id": "cluster_id"}, crs="EPSG:4326")
    assert table["cluster_id"].tolist() == ["007", "008", "009"]
    assert table["country"].tolist() == ["NA", "NA", "BW"]
    np.testing.assert_array_equal(table["wealth"], [0.5, np.nan, 0.7])
    assert rejected.empty
    assert table.crs == "EPSG:4326"


def test_columns_are_understood_either_way_round(csv):
    table, _ = read_clusters(csv, indicators=["wealth"], columns={"cluster_id": "id"}, crs="EPSG:4326")
    assert table["cluster_id"].tolist() == ["007", "008", "009"]


@pytest.mark.parametrize(
    ("where", "ids"), [({"year": 2010}, ["007", "008"]), ({"country": ["BW", "ZA"]}, ["009"])]
)
def test_where_keeps_rows(csv, where, ids):
    table, _ = read_clusters(csv, indicators=["wealth"], columns={"id": "cluster_id"}, where=where, crs=4326)
    assert table["cluster_id"].tolist() == ids


def test_where_that_keeps_nothing_says_what_there_is(csv):
    with pytest.raises(TableError, match="it has 2010, 2011"):
        read_clusters(
            csv, indicators=["wealth"], columns={"id": "cluster_id"}, where={"year": 1999}, crs=4326
        )


def test_unknown_columns_are_named_with_their_neighbours(csv):
    with pytest.raises(MissingColumnError, match="Did you mean 'year'"):
        read_clusters(csv, indicators=["wealth"], where={"yaer": 1999}, crs=4326)
    with pytest.raises(MissingColumnError, match="code"):
        read_clusters(csv, indicators=["wealth"], columns={"code": "cluster_id"}, crs=4326)
    with pytest.raises(MissingColumnError, match="Did you mean 'wealth'"):
        read_clusters(csv, indicators=["wealht"], columns={"id": "cluster_id"}, crs=4326)


def test_csv_without_crs_or_position_is_refused(csv, tmp_path):
    with pytest.raises(MissingCRSError, match="crs='EPSG:4326'"):
        read_clusters(csv, indicators=["wealth"], columns={"id": "cluster_id"})
    bare = tmp_path / "bare.csv"
    bare.write_text("cluster_id,wealth\n1,2\n")
    with pytest.raises(MissingColumnError, match="no position"):
        read_clusters(bare, indicators=["wealth"], crs=4326)


def test_files_that_are_not_there_empty_or_broken(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_clusters(tmp_path / "no.csv", indicators=["wealth"], crs=4326)
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(InputError, match="is an empty file"):
        read_clusters(empty, indicators=["wealth"], crs=4326)
    for name in ("broken.gpkg", "broken.parquet", "broken.geojson"):
        (tmp_path / name).write_bytes(b"\x00\x01 no table")
        with pytest.raises(InputError, match="cannot be read"):
            read_clusters(tmp_path / name, indicators=["wealth"])


@pytest.mark.parametrize("name", ["c.gpkg", "c.geojson", "c.shp", "c.parquet"])
def test_vector_files_come_out_the_same(tmp_path, name):
    frame = gpd.GeoDataFrame(
        {"cluster_id": ["01", "02"], "wealth": [0.1, 0.2]},
        geometry=gpd.points_from_xy([36.8, 36.9], [-1.2, -1.3]),
        crs="EPSG:4326",
    )
    path = tmp_path / name
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_file(path)
    table, _ = read_clusters(path, indicators=["wealth"])
    assert table["cluster_id"].tolist() == ["01", "02"]
    np.testing.assert_allclose(table.geometry.x, [36.8, 36.9])
    with pytest.raises(InputError, match="Leave crs out"):
        read_clusters(path, indicators=["wealth"], crs="EPSG:3857")


def test_plain_parquet_with_lon_lat(tmp_path):
    path = tmp_path / "c.parquet"
    pd.DataFrame({"cluster_id": ["1"], "lon": [36.8], "lat": [-1.2], "wealth": [0.1]}).to_parquet(path)
    table, _ = read_clusters(path, indicators=["wealth"], crs="EPSG:4326")
    assert table.geometry.iloc[0].x == 36.8


def test_published_image_table_folds_to_clusters(tmp_path):
    path = tmp_path / "data.csv"
    pd.DataFrame(
        {
            "key": ["a", "b", "c"],
            "country": ["ke", "ke", "ia"],
            "unique_cluster": ["ke_1", "ke_1", "ia_2"],
            "ilon": [36.81, 36.82, 77.1],
            "ilat": [-1.21, -1.22, 28.1],
            "lon": [36.8, 36.8, 77.0],
            "lat": [-1.2, -1.2, 28.0],
            "pov": [0.1, 0.1, 0.4],
            "bmi": [0.0, 0.0, 21.5],
        }
    ).to_csv(path, index=False)
    table, _ = read_clusters(
        path, indicators=["pov", "bmi"], columns="street_level_livelihoods", crs="EPSG:4326"
    )
    assert table["cluster_id"].tolist() == ["ke_1", "ia_2"]
    assert "key" not in table
    assert table["country"].tolist() == ["ke", "ia"]
    np.testing.assert_array_equal(table["bmi"], [np.nan, 21.5])
    with pytest.raises(InputError, match="no preset"):
        read_clusters(path, indicators=["pov"], columns="no_such", crs="EPSG:4326")


def test_a_label_that_varies_over_the_photos_of_a_cluster_is_fatal(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("cluster_id,lon,lat,pov\na,1,1,0.1\na,1,1,0.2\n")
    with pytest.raises(TableError, match="varies within one cluster_id"):
        read_clusters(path, indicators=["pov"], crs=4326, repeated=True)


def test_brazil(shared_data):
    path = shared_data / "brazil" / "municipalities_1991_2000_2010.csv"
    table, rejected = read_clusters(
        path,
        indicators=["idhm", "pmpob"],
        columns={"codmun7": "cluster_id"},
        where={"year": 2010},
        crs="EPSG:4326",
        extent=(-75, -35, -28, 6),
    )
    assert len(table) == 5565
    assert rejected.empty
    assert table["cluster_id"].str.fullmatch(r"\d{7}").all()
