"""The report in a real browser: it loads alone, shows every picture, and fits a telephone, in light and dark.

It is made of real data where that is at hand, else of an invented country; the screenshot goes to
``test-artefacts/report.png``.
"""

import os
import shutil
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sklearn.dummy import DummyRegressor
from sklearn.neighbors import KNeighborsRegressor

from geolivelihood import cells, layers
from geolivelihood.layers import Section, Summary, Table
from geolivelihood.validation import (
    BlockKFold,
    RandomKFold,
    Record,
    regression_scores,
    score_table,
    variogram,
    wide,
)

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]

CONTRAST = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const worst = [21, ''];
  for (const node of document.body.querySelectorAll('*')) {
    const words = [...node.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    if (!words || !node.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) { worst[0] = ratio; worst[1] = words.slice(0, 40); }
  }
  return worst;
}"""


def absent(reason):
    """Skip, but never on CI."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def brazil(folder):
    """Municipalities of Brazil with their development index in 2010, and the states."""
    table = pd.read_csv(folder / "municipalities_1991_2000_2010.csv").query("year == 2010")
    table = table.dropna(subset=["longitude", "latitude", "idhm"]).reset_index(drop=True)
    places = gpd.GeoDataFrame(
        {
            "observed": table["idhm"],
            "people": table["pesotot"],
            "urban": table["pesourb"] > 0.7 * table["pesotot"],
        },
        geometry=gpd.points_from_xy(table["longitude"], table["latitude"]),
        crs="EPSG:4326",
    )
    return places, gpd.read_file(folder / "brazil_states_ne50m.geojson")[["name", "geometry"]]


def invented():
    """Places whose values rise to the south, in four provinces."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(30, 36, 900), rng.uniform(-6, 0, 900)
    observed = 0.6 - 0.03 * y + 0.05 * np.sin(2 * x) + 0.03 * rng.normal(size=900)
    table = {"observed": observed, "people": rng.lognormal(9, 1, 900), "urban": rng.random(900) > 0.6}
    boxes = shapely.box([30, 33, 30, 33], [-6, -6, -3, -3], [33, 36, 33, 36], [-3, -3, 0, 0])
    names = ["South-west", "South-east", "North-west", "North-east"]
    places = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(x, y), crs="EPSG:4326")
    return places, gpd.GeoDataFrame({"name": names}, geometry=boxes, crs="EPSG:4326")


def country():
    folder = Path(os.environ.get("GEOLIVELIHOOD_DATA") or ROOT.parent / "shared" / "data") / "brazil"
    return ("Brazil, 2010", *brazil(folder)) if folder.is_dir() else ("Invented country", *invented())


def out_of_fold(places, splitter, neighbours):
    """Means of the nearest other places, a plain geographic baseline, without the fold of each."""
    lonlat, y = places.get_coordinates().to_numpy(), places["observed"].to_numpy()
    predicted = np.full(len(y), np.nan)
    for train, test in splitter.split(places):
        model = KNeighborsRegressor(neighbours) if neighbours else DummyRegressor()
        model.fit(lonlat[train], y[train])
        predicted[test] = model.predict(lonlat[test])
    return predicted


def results(places):
    """Predictions under both splits, their scores, and the blocks."""
    block = cells.blocks(places, resolution=2)
    splits = {"random": RandomKFold(5), "blocked": BlockKFold(5, resolution=2)}
    models = {"mean": 0, "knn": 8, "smoother": 40}
    made = {
        (m, s): out_of_fold(places, splitter, k) for s, splitter in splits.items() for m, k in models.items()
    }
    records = [
        Record(model=m, split=s, indicator="index", y=places["observed"], p=p, blocks=block)
        for (m, s), p in made.items()
    ]
    return made, score_table(records, n=200, metrics=("r2", "mae", "rmse")), block


def by_block(hits, block):
    """Share of hits with an interval from the shares of the blocks."""
    each = pd.Series(hits).groupby(block).mean()
    reach = 1.96 * each.std() / np.sqrt(len(each))
    return hits.mean(), max(hits.mean() - reach, 0.0), min(hits.mean() + reach, 1.0)


def map_section(places, predicted, states, folder):
    """The predictions as cells; what is far from all other places is not applicable."""
    frame = pd.DataFrame({"index": predicted, "cell": cells.point_cells(places, resolution=4)})
    grid = frame.groupby("cell")[["index"]].mean()
    crowd = frame.groupby("cell").size()
    grid["applicable"] = (crowd > 1).reindex(grid.index)
    labels = {"index": "Development index (0 to 1)"}
    path = layers.draw_map(folder / "map.png", grid, "index", regions=states, labels=labels, dpi=170)
    figure = layers.map_figure(
        path, title="Expected development", caption="H3 cells of resolution 4, equal areas."
    )
    text = (
        "Each cell is coloured by what the model expects there. Grey hatching: it has seen nothing like it."
    )
    return Section(title="The map", text=[text], figures=[figure])


def score_section(places, made, scores, interval):
    title = {"random": "places among the surveyed", "blocked": "new districts"}
    figures = [
        layers.score_figure(scores, baselines=["mean", "knn"], splits=title, ceiling=0.95),
        layers.predicted_observed_figure(
            places["observed"],
            made["knn", "blocked"],
            interval=interval,
            groups=np.where(places["urban"], "urban", "rural"),
            label="development index",
        ),
    ]
    tables = [
        Table(title="R² with 95 % intervals over blocks", frame=wide(scores)),
        Table(title="All scores", frame=scores, folded=True),
    ]
    text = (
        "Random splits answer for places among the surveyed, blocked splits for districts without a survey."
    )
    return Section(title="How good the model is", text=[text], figures=figures, tables=tables)


def coverage_section(residual, block):
    size = np.abs(residual)
    nominal = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    half = np.arange(len(size)) % 2 == 0  # one half calibrates, the other is measured
    rows = [
        by_block(size[~half] <= np.quantile(size[half], share), np.asarray(block)[~half]) for share in nominal
    ]
    frame = pd.DataFrame(rows, columns=["measured", "lower", "upper"]).assign(nominal=nominal)
    curve = pd.DataFrame({"predicted": np.linspace(0.05, 0.95, 10)})
    curve["observed"] = curve["predicted"] ** 1.1
    curve = curve.assign(lower=curve["observed"] - 0.04, upper=curve["observed"] + 0.04)
    figures = [layers.coverage_figure(frame), layers.reliability_figure(curve)]
    return Section(
        title="How sure it is", text=["Nine of ten values should lie in their interval."], figures=figures
    )


def place_section(places, residual, states):
    lonlat = places.get_coordinates().to_numpy()
    distance = KNeighborsRegressor(2).fit(lonlat, residual).kneighbors(lonlat)[0][:, 1]
    unlike = distance / distance.mean()
    figures = [
        layers.applicability_figure(unlike, np.quantile(unlike, 0.93), population=places["people"]),
        layers.residual_map_figure(places, residual, regions=states, label="development index"),
        layers.variogram_figure(variogram(places, residual, max_points=600)),
    ]
    return Section(title="Where it applies, and where it errs", figures=figures)


def region_section(places, predicted, states):
    inside = gpd.sjoin(places.assign(model=predicted), states, predicate="within").groupby("name")
    frame = inside[["observed", "model"]].mean().rename(columns={"observed": "direct"})
    se = (inside["observed"].std() / np.sqrt(inside.size())).fillna(0.05) + 0.004
    share = 0.01**2 / (0.01**2 + se**2)
    frame["eblup"] = share * frame["direct"] + (1 - share) * frame["model"]
    for kind, spread in (("direct", se), ("model", 0.01), ("eblup", se * np.sqrt(share))):
        frame[f"{kind}_lower"], frame[f"{kind}_upper"] = (
            frame[kind] - 1.96 * spread,
            frame[kind] + 1.96 * spread,
        )
    table = Table(title="Regions", frame=frame, folded=True, caption="Ends of 95 % intervals.")
    return Section(
        title="Regions", figures=[layers.region_figure(frame, label="development index")], tables=[table]
    )


def importance_section():
    names = [
        "Night lights",
        "Where it lies",
        "Land cover",
        "Roofs",
        "Paved roads",
        "Cars",
        "Trees",
        "US$ signs",
    ]
    frame = pd.DataFrame({"name": names, "value": [0.21, 0.16, 0.08, 0.05, 0.03, 0.02, 0.01, -0.004]})
    frame = frame.assign(lower=frame["value"] - 0.02, upper=frame["value"] + 0.025)
    return Section(
        title="What the model goes by", figures=[layers.importance_figure(frame, label="Loss of R²")]
    )


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A report with every kind of picture."""
    folder = tmp_path_factory.mktemp("report")
    title, places, states = country()
    made, scores, block = results(places)
    predicted = made["knn", "blocked"]
    residual = places["observed"].to_numpy() - predicted
    reach = np.quantile(np.abs(residual), 0.9)
    r2 = regression_scores(places["observed"], predicted)["r2"]
    summary = Summary(
        says="Development is highest in the south and along the coast. Most of this follows from where a "
        "place lies.",
        sure=f"Nine of ten values lie within ±{reach:.2f} of the value shown, also in districts without a "
        "survey. Under grey hatching nothing is promised.",
        not_for="Do not decide by it about single households or villages, do not rank neighbours whose "
        "intervals overlap, and do not read change over time from it. It shows what goes together, not what "
        "causes what.",
        facts={
            "Surveyed places": f"{len(places):,}",
            "R² in new districts": f"{r2:.2f}",
            "Promised coverage": "90 %",
        },
    )
    return layers.write_report(
        folder / "report.html",
        title=f"Human development, {title}",
        summary=summary,
        sections=[
            map_section(places, predicted, states, folder),
            score_section(places, made, scores, (predicted - reach, predicted + reach)),
            coverage_section(residual, block),
            place_section(places, residual, states),
            region_section(places, predicted, states),
            importance_section(),
        ],
        warnings=["A plain average of the nearest places is as good as any model here."],
        provenance={
            "command": "pytest",
            "time": "2026-01-31T12:00:00Z",
            "seed": 0,
            "settings": {"models": [{"k": 8}]},
        },
        licences=pd.DataFrame({"Data": ["Atlas"], "Licence": ["MIT"], "Link": ["https://example.org/atlas"]}),
    )


@pytest.fixture(scope="module")
def browser():
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        absent("chromium is not installed (apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("playwright is not installed (pip install 'geolivelihood[dev]')")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def visit(browser, page_file):
    """Open the report; what the browser says and asks for is written down."""
    contexts = []

    def opened(size, scheme="light"):
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(f"failed: {request.url[:80]}"))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri(), wait_until="load")
        return page, said, asked

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_loads_alone_and_fits(visit, page_file, size, scheme):
    page, said, asked = visit(size, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()]
    pictures = page.evaluate(
        "[...document.images].map(i => [i.complete, i.naturalWidth, i.clientWidth, i.alt])"
    )
    assert len(pictures) == 10
    assert all(complete and natural > 0 and shown > 200 and alt for complete, natural, shown, alt in pictures)
    page_width, window_width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert page_width <= window_width
    ratio, words = page.evaluate(CONTRAST)
    assert ratio >= 4.5, f"{words!r} has a contrast of {ratio:.2f} in {scheme}"


def test_wide_tables_scroll_by_themselves_and_headings_have_no_gaps(visit):
    page, _, _ = visit("phone")
    page.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")
    boxes = page.evaluate(
        "[...document.querySelectorAll('.scroll')].map(b => [b.clientWidth, b.scrollWidth, b.tabIndex])"
    )
    assert any(inner > outer for outer, inner, _ in boxes)
    assert all(outer < SIZES["phone"][0] and tab == 0 for outer, _, tab in boxes)
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_policy_of_the_page_forbids_what_is_outside(visit):
    page, said, _ = visit("desktop")
    loaded = page.evaluate(
        "new Promise(done => { const picture = new Image(); picture.onload = () => done(true);"
        " picture.onerror = () => done(false); picture.src = 'http://127.0.0.1:9/x.png'; })"
    )
    assert not loaded
    assert any("Content Security Policy" in text for text in said)


def test_it_prints_with_what_was_folded(visit):
    page, _, _ = visit("desktop")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.toc')).display") == "none"
    heights = page.evaluate("[...document.querySelectorAll('details .scroll')].map(box => box.offsetHeight)")
    assert len(heights) == 2 and min(heights) > 100
    assert page.evaluate("document.querySelector('details .scroll').checkVisibility()")
    assert page.pdf(format="A4", print_background=True).startswith(b"%PDF")


def test_a_screenshot_for_people(visit):
    folder = ROOT / "test-artefacts"
    folder.mkdir(exist_ok=True)
    page, _, _ = visit("desktop")
    page.screenshot(path=folder / "report.png", full_page=True)
    assert (folder / "report.png").stat().st_size > 100_000
    page, _, _ = visit("phone")
    page.screenshot(path=folder / "report-phone.png", full_page=True)
