"""Contact sheets and the drawings beside them."""

import numpy as np
import pandas as pd
import pytest
import rasterio
from PIL import Image

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.cluster_drawing import draw_curve, draw_embedding
from geolivelihood.explanation.contact_sheet import Blank, cluster_sheet, contact_sheet, thumbnails


@pytest.fixture
def files(tmp_path):
    for name, colour in (("red", (200, 0, 0)), ("blue", (0, 0, 200))):
        Image.new("RGB", (90, 60), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    with rasterio.open(
        tmp_path / "s2.tif", "w", driver="GTiff", width=40, height=40, count=4, dtype="uint16"
    ) as out:
        out.write(np.broadcast_to(np.arange(1600).reshape(40, 40), (4, 40, 40)).astype(np.uint16))
    return tmp_path


def test_a_page(files):
    names = ["red.png", "broken.jpg", "s2.tif"]
    rows = [("first", [files / name for name in names]), ("second", [files / "blue.png"])]
    sheet = contact_sheet(rows, captions=[["1", "2", "3"], ["4"]], size=40, path=files / "page.png")
    assert sheet.size == (3 * 46 + 6, 2 * (22 + 40 + 15 + 6) + 6)
    pixels = np.asarray(sheet)
    assert pixels[6 + 22 + 20, 6 + 20].tolist() == [200, 0, 0]
    assert pixels[6 + 22 + 2, 6 + 46 + 20].tolist() == [225, 225, 225]  # a hole, not an error
    assert pixels[6 + 22 + 39, 6 + 92 + 39, 0] > pixels[6 + 22, 6 + 92, 0] + 100  # stretched
    assert pixels[6 + 83 + 22 + 20, 6 + 20].tolist() == [0, 0, 200]
    assert Image.open(files / "page.png").size == sheet.size


def test_a_page_of_nothing():
    with pytest.raises(InputError, match="no picture to show"):
        contact_sheet([("none", [])])
    with pytest.raises(InputError, match="one word for each"):
        contact_sheet([("one", ["a.jpg"])], captions=[[]])


def test_examples_of_clusters(files):
    examples = pd.DataFrame(
        {"cluster": [0, 0, 1], "kind": ["nearest", "farthest", "nearest"], "rank": 0,
         "image_id": ["r", "b", "x"], "distance": [0.1, 2.0, 0.5]}
    )  # fmt: skip
    paths = pd.Series({"r": files / "red.png", "b": files / "blue.png", "x": files / "s2.tif"})
    sheet = np.asarray(cluster_sheet(examples, paths, size=30))
    assert sheet.shape[0] == 3 * (22 + 30 + 15 + 6) + 6
    assert sheet[6 + 22 + 15, 20].tolist() == [200, 0, 0]  # nearest before farthest
    with pytest.raises(InputError, match="1 examples have no path: x"):
        cluster_sheet(examples, paths.drop("x"))
    with pytest.raises(MissingColumnError, match="no column kind"):
        cluster_sheet(examples.drop(columns="kind"), paths)


def test_drawings(tmp_path, rng):
    curve = pd.DataFrame({"k": [2, 3, 4], "silhouette": [0.3, 0.5, 0.4], "inertia": [9, 4, 3]})
    figure = draw_curve(curve, k=3, path=tmp_path / "curve.png")
    assert len(figure.axes) == 2 and Image.open(tmp_path / "curve.png").width > 500
    colours = pd.DataFrame(
        {"label": rng.uniform(size=40), "cluster": rng.integers(-1, 3, 40), "value": rng.normal(size=40),
         "concept": rng.choice(["water", "city"], 40)}
    )  # fmt: skip
    colours.loc[0, "label"] = np.nan
    drawn = draw_embedding(rng.normal(size=(40, 2)), colours, path=tmp_path / "tsne.png")
    titles = [axis.get_title() for axis in drawn.axes if axis.get_title()]
    assert titles == ["label", "cluster", "value", "concept"] and (tmp_path / "tsne.png").exists()
    with pytest.raises(InputError, match="The curve is empty"):
        draw_curve(curve.iloc[:0])
    with pytest.raises(InputError, match="at least one column"):
        draw_embedding(np.ones((3, 2)), colours)


def test_thumbnails_of_files_and_of_windows_of_rasters(files):
    with rasterio.open(
        files / "wide.tif", "w", driver="GTiff", width=60, height=20, count=3, dtype="uint8", crs="EPSG:3857"
    ) as out:
        out.write(np.repeat(np.array([10, 100, 250], np.uint8), 20)[None, None].repeat(20, 1).repeat(3, 0))
    images = pd.DataFrame(
        {"image_id": ["r", "x", "w", "gone"], "path": ["red.png", "broken.jpg", "wide.tif", "gone.png"],
         "col_off": [np.nan, np.nan, 20, np.nan], "row_off": [np.nan, np.nan, 0, np.nan],
         "width": [np.nan, np.nan, 20, np.nan], "height": [np.nan, np.nan, 20, np.nan]}
    )  # fmt: skip
    found = thumbnails(images, size=24, root=files)
    assert found["r"].shape == (24, 24, 3) and found["r"][12, 12].tolist() == [200, 0, 0]
    assert (found["w"] == 100).all()  # the window, not the raster
    assert found["gone"] == Blank("the file does not exist") and isinstance(found["x"], Blank)
    sheet = np.asarray(contact_sheet([("all", found.tolist())], size=48))
    assert sheet[6 + 22 + 24, 6 + 24].tolist() == [200, 0, 0]
    assert sheet[6 + 22 + 40, 6 + 54 + 40].tolist() == [225, 225, 225]


def test_a_picture_without_data_is_a_blank(files):
    with rasterio.open(
        files / "empty.tif", "w", driver="GTiff", width=9, height=9, count=1, dtype="float32", nodata=-1
    ) as out:
        out.write(np.full((1, 9, 9), -1, np.float32))
    found = thumbnails(pd.DataFrame({"image_id": ["e"], "path": [str(files / "empty.tif")]}))
    assert found["e"] == Blank("the picture has no data")


def test_classes_take_the_colour_of_their_number_and_words_of_their_own(rng):
    colours = pd.DataFrame({"cluster": [2, 2, 0, -1]})
    drawn = draw_embedding(
        rng.normal(size=(4, 2)), colours, palette=["#ff0000", "#00ff00", "#0000ff"], names={2: "kind 2 (2)"}
    )
    legend = drawn.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["0", "kind 2 (2)", "-1"]  # outliers last
    shades = [handle.get_facecolor()[0][:3].round(2).tolist() for handle in legend.legend_handles]
    assert shades[:2] == [[1, 0, 0], [0, 0, 1]] and shades[2][0] == shades[2][1]
