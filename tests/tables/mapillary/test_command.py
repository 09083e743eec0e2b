"""``geolivelihood download`` as a user types it, against a server that speaks the API."""

import geopandas as gpd
import pandas as pd
import pytest
from PIL import Image

from geolivelihood.cli import main
from geolivelihood.tables import read_images


@pytest.fixture
def call(capsys):
    def _call(*arguments):
        try:
            main(["download", *map(str, arguments)])
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return _call


@pytest.fixture
def survey(server, make_photo, tmp_path):
    """Three clusters, of which two have photos: ten each, and one photo that both share."""
    near = [make_photo(n, 36.801 + n / 1e4, -1.301) for n in range(10)]
    far = [make_photo(100 + n, 36.831 + n / 1e4, -1.301) for n in range(10)]
    server.photos = [*near, *far, make_photo(50, 36.816, -1.301), make_photo(60, 36.8, -1.3, captured_at=0)]
    lon, names = [36.801, 36.831, 30.0], ["007", "008", "009"]
    table = pd.DataFrame({"id": names, "lon": lon, "lat": -1.301, "year": 2017, "urban": 1})
    table.to_csv(tmp_path / "clusters.csv", index=False)
    asked = ["--clusters", tmp_path / "clusters.csv", "--columns", "id=cluster_id", "--crs", "EPSG:4326"]
    return [*asked, "--window", 0.016, "--server", server.url]


def test_clusters_to_pictures(call, server, survey, tmp_path, token):
    folder = tmp_path / "photos"
    code, said, complaint = call(*survey, "-o", folder)
    assert code == 0, complaint
    assert (
        "Photos that Mapillary has there: 21" in said and "Taken: 21, for 2 of 3 clusters (22 rows)" in said
    )
    assert "CC BY-SA 4.0" in said.splitlines()[-2] + said.splitlines()[-1]
    read = read_images(folder / "images.parquet")
    assert read.rejected.empty and len(read.table) == 22
    for path in read.table["path"]:
        Image.open(path).verify()
    assert set(read.table.loc[read.table["image_id"] == "50", "cluster_id"]) == {"007", "008"}
    assert read.table["distance_m"].max() < 2000 and set(read.table["license"]) == {"CC BY-SA 4.0"}
    written = gpd.read_parquet(folder / "images.parquet")
    assert written["path"].str.startswith("pictures/").all() and written.crs == "EPSG:4326"
    assert pd.read_csv(folder / "rejected.csv").columns.tolist() == ["table", "row", "column", "reason"]
    secret = token.rsplit("|", 1)[1].encode()
    assert all(secret not in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert secret.decode() not in said + complaint
    starts = {query.get("start_captured_at") for path, query, *_ in server.seen if path == "/images"}
    assert starts == {"2014-01-01T00:00:00Z"}
    server.seen.clear()
    assert call(*survey, "-o", folder)[0] == 0 and not server.seen


def test_a_few_per_cluster_and_the_table_alone(call, server, survey, tmp_path):
    folder = tmp_path / "photos"
    code, said, _ = call(*survey, "--max-per-cluster", 4, "--list-only", "-o", folder)
    assert code == 0 and "Pictures" not in said
    table = gpd.read_parquet(folder / "images.parquet")
    assert table["cluster_id"].value_counts().to_dict() == {"007": 4, "008": 4}
    assert "path" not in table and not (folder / "pictures").exists()
    assert not server.count("/thumb/")
    assert call(*survey, "--max-per-cluster", 4, "-o", folder)[0] == 0
    assert sorted(p.stem for p in (folder / "pictures").glob("*.jpg")) == sorted(table["image_id"].unique())


def test_a_box_with_dates_and_tiles(call, server, survey, tmp_path):
    box = ["--bbox", "36.79,-1.31,36.82,-1.29", "--server", server.url]
    code, said, complaint = call(*box, "--start", "2018-01-01", "-o", tmp_path / "a")
    assert code == 0, complaint
    assert "Photos that Mapillary has there: 11" in said and "clusters" not in said
    assert call(*box, "--end", "2018-01-01", "-o", tmp_path / "b")[0] == 0
    assert gpd.read_parquet(tmp_path / "b" / "images.parquet")["image_id"].tolist() == ["60"]
    assert call(*box, "--by", "tiles", "-o", tmp_path / "c")[0] == 0
    table = gpd.read_parquet(tmp_path / "c" / "images.parquet")
    assert len(table) == 12 and table["creator"].notna().all()


def test_what_was_set_aside(call, server, survey, tmp_path, trouble):
    server.troubles = {"/thumb/3": [trouble.status(404)] * 9}
    table = pd.read_csv(tmp_path / "clusters.csv", dtype={"id": str})
    table.loc[2, "lon"] = float("nan")
    table.to_csv(tmp_path / "clusters.csv", index=False)
    code, said, _ = call(*survey, "-o", tmp_path / "photos")
    assert code == 0 and "Set aside: 2 clusters and pictures" in said
    rejected = pd.read_csv(tmp_path / "photos" / "rejected.csv", dtype=str)
    assert rejected[["table", "row"]].to_numpy().tolist() == [["clusters", "009"], ["pictures", "3"]]


def test_faults_end_with_a_code_and_without_the_token(call, server, survey, tmp_path, monkeypatch):
    out = ["-o", tmp_path / "photos"]
    for given, wanted, told in (
        ([], 6, "Say where"),
        ([*survey, "--bbox", "1,2,3,4"], 6, "not both"),
        (["--bbox", "1,2,3"], 6, "west, south, east, north"),
        (["--bbox", "here"], 6, "--bbox 36.80"),
        (["--bbox", "10,10,10.01,10.01", "--server", server.url], 6, "no such photo"),
        ([*survey[:4], "--server", server.url], 6, "CRS"),
        ([*survey, "--size", "77"], 2, "2048"),
    ):
        code, _, said = call(*given, *out)
        assert code == wanted and told in said, said
    monkeypatch.setenv("MAPILLARY_TOKEN", "MLY|wrong|0123456789abcdef")
    code, said, complaint = call(*survey, "-o", tmp_path / "other")
    assert code == 6 and "does not accept the token" in complaint
    assert "0123456789abcdef" not in said + complaint
    monkeypatch.delenv("MAPILLARY_TOKEN")
    code, _, complaint = call(*survey, "-o", tmp_path / "other")
    assert code == 6 and "set the environment variable MAPILLARY_TOKEN" in complaint


def test_help_has_examples_and_hides_what_is_for_tests(call):
    code, said, _ = call("--help")
    assert code == 0 and "geolivelihood download --clusters clusters.csv" in said
    assert "MAPILLARY_TOKEN" in said and "--server" not in said
