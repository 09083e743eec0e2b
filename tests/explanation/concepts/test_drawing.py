"""The drawing of concept scores: what is sure has a colour, what is not is grey."""

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.concepts.drawing import draw_concept_scores

TABLE = pd.DataFrame(
    {
        "concept": ["water", "dense housing with courtyards", "chance"],
        "score": [-0.4, 1.0, 0.1],
        "lower": [-0.6, 0.8, -0.1],
        "upper": [-0.2, 1.1, 0.3],
        "significant": [True, True, False],
        "q": [0.0001, 0.01, 0.7],
        "accuracy": [0.9, 0.95, 0.5],
    }
)


def test_bars_by_size_and_grey_where_insignificant(tmp_path):
    figure = draw_concept_scores(TABLE, label="income", title="model", path=tmp_path / "bars.png")
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "dense housing with courtyar…",
        "water",
        "chance",
    ]
    (bars,) = axes.containers
    assert [to_hex(bar.get_facecolor()) for bar in bars] == ["#b2182b", "#2166ac", "#b0b0b0"]
    notes = [text.get_text() for text in axes.texts]
    assert notes[1].startswith("q < 0.001") and notes[2].startswith("not significant, q 0.7;")
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


def test_the_band_of_chance_lies_behind():
    (axes,) = draw_concept_scores(TABLE.assign(chance_lower=-0.3, chance_upper=0.2)).axes
    band, bars = axes.containers
    assert band[0].get_x() == -0.3 and band[0].get_width() == pytest.approx(0.5)
    assert len(bars) == 3


def test_what_cannot_be_drawn():
    with pytest.raises(MissingColumnError, match="no column q"):
        draw_concept_scores(TABLE.drop(columns="q"))
    with pytest.raises(InputError, match="no concept"):
        draw_concept_scores(TABLE.iloc[:0])
