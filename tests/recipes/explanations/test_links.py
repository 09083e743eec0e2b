"""Links of a project's graph and cell models: what is explained, kept, set aside and refused."""

import re
import shutil

import geopandas as gpd
import numpy as np
import pytest
import torch

from geolivelihood.errors import InputError
from geolivelihood.explanation import edge_importance
from geolivelihood.layers import read_styles
from geolivelihood.recipes.explanations import explain_project, linked_cells, linked_photos, links
from geolivelihood.recipes.explanations.job import Job
from geolivelihood.recipes.explanations.links import explain_links

pytestmark = pytest.mark.xdist_group("recipes")

MODELS = [
    "knn",
    {"name": "graph", "sources": ["photos"], "options": {"hidden": 8, "max_epochs": 3, "max_photos": 12}},
    {"name": "cell", "sources": ["photos"], "options": {"head": "linear", "hops": 1}},
    {
        "name": "cell",
        "label": "places",
        "sources": ["photos"],
        "options": {"head": "graph", "hops": 1, "layers": 1, "hidden": 8, "max_epochs": 3},
    },
]


@pytest.fixture(scope="module")
def lineup(opened):
    """Models of the country that have links, and one that has none."""
    return opened(models=MODELS, map_model="knn")[1]


@pytest.fixture(scope="module")
def ask(lineup, tmp_path_factory):
    """A job of the project."""
    choices = {model.key: model for model in lineup.project.models}
    folder = tmp_path_factory.mktemp("asked")

    def _ask(key, method="links_occlusion", **asked):
        return Job(lineup, choices[key], "wealth", method, folder, **asked)

    return _ask


@pytest.fixture(scope="module")
def photos(ask):
    return explain_links(ask("graph"))


@pytest.fixture(scope="module")
def large(lineup):
    """The cluster with most pictures."""
    return str(lineup.data.pairs("photos")["cluster_id"].value_counts().index[0])


def test_every_cluster_has_links_or_a_reason(photos, lineup):
    edges, nodes = photos.layers["explanations_edges"], photos.layers["explanations_nodes"]
    ids = set(lineup.data.clusters["cluster_id"])
    assert set(edges["cluster_id"]) == set(nodes["cluster_id"]) <= ids
    assert set(edges["cluster_id"]) | set(photos.rejected["row"]) == ids
    assert not set(edges["cluster_id"]) & set(photos.rejected["row"])
    assert set(photos.rejected["reason"]) <= {"no picture with features", "a single picture has no links"}
    assert photos.facts["predictions"] == edges["cluster_id"].nunique() and photos.facts["links"] == len(
        edges
    )
    asked = edges[["method", "model", "target", "kind", "cell"]].drop_duplicates()
    assert asked.to_numpy().tolist() == [["links_occlusion", "graph", "wealth", "photos", ""]]
    assert edges.crs == nodes.crs == "EPSG:4326" and edges.geom_type.eq("LineString").all()


def test_lines_join_the_pictures_that_they_name(photos, lineup):
    edges, nodes = photos.layers["explanations_edges"], photos.layers["explanations_nodes"]
    places = lineup.data.images("photos").set_index("image_id").geometry
    starts = places.loc[edges["start"]]
    distance = starts.reset_index(drop=True).distance(gpd.GeoSeries(edges.geometry.values, crs=starts.crs))
    assert distance.max() < 1e-6
    assert nodes["node"].isin(places.index).all() and not nodes.duplicated(["cluster_id", "node"]).any()
    mass = nodes.groupby("cluster_id")["pooling_mass"].sum()
    assert np.allclose(mass, 1, atol=1e-5) and nodes["occlusion"].notna().all()


def test_rows_are_those_of_the_library(photos, ask, lineup, large):
    job = ask("graph")
    graph = {g.cluster_id: g for g in lineup.inputs.cluster_graphs(job.choice) if g is not None}[large]
    expected = edge_importance(job.fitted, graph).edges
    found = photos.layers["explanations_edges"].query("cluster_id == @large")
    assert found[["start", "end"]].to_numpy().tolist() == expected[["source", "target"]].to_numpy().tolist()
    assert np.allclose(found["score"], expected["score"], atol=1e-6)
    assert found["importance"].max() > 0


def test_named_links_count_for_more_than_any_others(photos):
    facts = photos.facts
    assert facts["fidelity_plus"] > facts["fidelity_chance"] > 0
    assert 0 < facts["fidelity_predictions"] <= 30 and facts["fidelity_minus"] > 0


def test_masks_say_how_stable_they_are(ask, large):
    made = explain_links(ask("graph", "links_gnn_explainer", ids=(large,)))
    assert made.layers["explanations_edges"]["importance"].between(0, 1).all()
    assert -1 <= made.facts["stability"] <= 1 and made.facts["unstable"] in (0, 1)


def test_pictures_and_cells_stand_for_their_graphs(ask, lineup, large):
    pairs, cells = lineup.data.pairs("photos"), lineup.data.cell_pairs("photos")
    owner = pairs[pairs["cluster_id"].eq(large)]["image_id"].iloc[0]
    cell = cells["cluster_id"].value_counts().index[0]
    made = explain_links(ask("graph", "links_gradient_weight", ids=(owner, cell)))
    edges = made.layers["explanations_edges"]
    assert {large, cell} <= set(edges["cluster_id"]) | set(edges["cell"])
    assert set(edges.loc[edges["cell"].eq(cell), "cluster_id"]) == {""}
    alone = cells[~cells["image_id"].isin(pairs["image_id"])]
    job = ask("graph", ids=(alone["image_id"].iloc[0],))
    assert linked_photos.PhotoLinks(job).names == [alone["cluster_id"].iloc[0]]


def test_cells_that_clusters_likely_lie_in(ask, lineup):
    job = ask("cell")
    made = explain_links(job)
    edges, nodes = made.layers["explanations_edges"], made.layers["explanations_nodes"]
    assert set(edges["kind"]) == set(nodes["kind"]) == {"cell"} and set(edges["cluster_id"]) == {""}
    count = edges["cell"].nunique()
    assert 0 < count <= len(lineup.data.clusters) < len(lineup.data.cells)
    assert made.facts["explained"].startswith(
        f"{count + len(made.rejected)} of {len(lineup.data.cells)} cells"
    )
    assert ((edges["start"] == edges["cell"]) | (edges["end"] == edges["cell"])).all()  # one ring
    assert not edges.duplicated(["cell", "start", "end"]).any()
    best = linked_cells.CellLinks(job)._likeliest
    tie = lineup.data.map_tie
    row = np.flatnonzero(tie.rows == best.index[0])[0]
    assert tie.matrix[[row]].max() == tie.matrix[row, list(tie.cells).index(int(best.iloc[0], 16))]


def test_pictures_of_a_place_graph_are_linked_to_their_cells(ask, lineup):
    cells = lineup.data.cell_pairs("photos")
    picture, cell = cells[["image_id", "cluster_id"]].iloc[0]
    made = explain_links(ask("places", ids=(picture,)))
    edges, nodes = made.layers["explanations_edges"], made.layers["explanations_nodes"]
    assert set(edges["cell"]) == {cell}
    inside = edges[edges["kind"].eq("photos")]
    assert picture in set(inside["start"]) and set(inside["end"]) <= set(cells["cluster_id"])
    assert {"photos", "cell"} == set(nodes["kind"]) and nodes.loc[nodes["node"].eq(picture), "sign"].ne(
        0
    ).all()
    near = lineup.data.images("photos").set_index("image_id").geometry
    ends = gpd.GeoSeries(inside.geometry.values, crs="EPSG:4326")
    assert ends.distance(near.loc[inside["start"]].reset_index(drop=True)).max() < 1e-6


def test_a_killed_run_goes_on(ask, lineup, monkeypatch):
    most = lineup.data.pairs("photos")["cluster_id"].value_counts().index[:20]
    job = ask("graph", "links_gradient_weight", ids=tuple(most))
    monkeypatch.setattr(links, "_CHUNK", 4)
    explained, calls = linked_photos.PhotoLinks.explained, []

    def until(limit):
        def _explained(self, at, method):
            calls.append(at)
            if len(calls) > limit:
                raise KeyboardInterrupt
            return explained(self, at, method)

        monkeypatch.setattr(linked_photos.PhotoLinks, "explained", _explained)

    until(10)
    with pytest.raises(KeyboardInterrupt):
        explain_links(job)
    whole = set(calls[:8])
    calls.clear()
    until(10**6)
    made = explain_links(job)
    assert not whole & set(calls) and len(calls) == 12
    assert set(made.layers["explanations_edges"]["cluster_id"]) == set(most)
    done = len(calls)
    again = explain_links(job)
    assert len(calls) == done and again.layers["explanations_edges"].equals(made.layers["explanations_edges"])


def test_graphs_without_links_are_set_aside(ask, large, lineup):
    job = ask("graph", ids=(large,))
    asked = linked_photos.PhotoLinks(job)
    graph = asked.graph(0)[0].clone()
    assert asked.reason(0) == ""
    graph.edge_index = torch.arange(len(graph.x)).repeat(2, 1)
    asked._graphs[0] = graph
    assert asked.reason(0) == "no links between its pictures"
    graph.x = graph.x.clone()
    graph.x[1:] = torch.nan
    assert asked.reason(0) == "a single picture has no links"
    counts = lineup.data.pairs("photos")["cluster_id"].value_counts()
    few = next(name for name in lineup.data.clusters["cluster_id"] if counts.get(name, 0) < 2)
    with pytest.raises(InputError, match="None of the 1 predictions has links"):
        explain_links(ask("graph", ids=(few,)))


@pytest.mark.parametrize(
    ("key", "method", "asked", "said"),
    [
        ("knn", "links_occlusion", {}, "'knn' has no links between places. Explain graph or cell or places"),
        (
            "cell",
            "links_gnn_explainer",
            {},
            "cannot be scored by 'links_gnn_explainer'; take links_occlusion",
        ),
        ("graph", "links_attention", {}, "see 'pooling_mass' of explanations_nodes"),
        ("graph", "links_occlusion", {"source": "tiles"}, "'graph' does not see 'tiles'; it sees photos"),
        ("graph", "links_occlusion", {"ids": ("xyz",)}, "1 of 1 ids are no cluster, no cell of the map and"),
        ("cell", "links_occlusion", {"ids": ("xyz",)}, "1 of 1 ids are no cell of the map, no cluster on it"),
    ],
)
def test_what_cannot_be_explained(ask, key, method, asked, said):
    with pytest.raises(InputError, match=re.escape(said)):
        explain_links(ask(key, method, **asked))


def test_links_join_the_result(result, small, tmp_path):
    target = tmp_path / "result.gpkg"
    shutil.copy(result.geopackage, target)
    clusters = gpd.read_file(target, layer="clusters")["cluster_id"].iloc[:2].tolist()
    file = result.geopackage.parents[1] / "project.yaml"
    made = explain_project(
        file, methods=["links_occlusion"], model="cell", ids=clusters, overrides=small, result=target
    )
    edges = gpd.read_file(target, layer="explanations_edges")
    assert len(edges) == made.layers["explanations_edges"] > 0 and edges["target"].eq("wealth").all()
    assert len(gpd.read_file(target, layer="explanations_nodes")) == made.layers["explanations_nodes"]
    assert [style.name for style in read_styles(target, "explanations_edges")] == ["edges"]
