"""Lists from text: each from its own."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.tables.json_lists import json_lists


def alone(text):
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def test_lists_do_not_shift_between_rows():
    assert json_lists(["[1],[2]", "[3", "4]"]) == [None, None, None]
    assert json_lists(["[1, 2]", "[]", "x", "[[3]]", '["a]"]', "{}"]) == [
        [1, 2],
        [],
        None,
        [[3]],
        ["a]"],
        None,
    ]
    assert json_lists(['["a]', '[",1]', "[5]"]) == [None, None, [5]]
    assert json_lists(["[" * 100_000, "[1]"]) == [None, [1]]
    assert json_lists([]) == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet='[],1"\\ ', max_size=8), max_size=6))
def test_every_text_is_read_as_if_it_were_alone(texts):
    assert json_lists(texts) == [alone(text) for text in texts]
