"""Stages: whole or absent, kept by what they depend on."""

import pytest

from geolivelihood.errors import InputError
from geolivelihood.recipes.workspace import Workspace, fingerprint


def test_a_stage_is_made_once(tmp_path):
    space, calls = Workspace(tmp_path), []
    stage = space.stage("read", {"a": 1})
    for _ in range(2):
        path = space.make(stage, lambda folder: (calls.append(1), (folder / "x").write_text("1")))
    assert len(calls) == 1 and (path / "x").read_text() == "1"


def test_other_settings_make_another_stage(tmp_path):
    space = Workspace(tmp_path)
    first = space.stage("read", {"a": 1})
    assert space.stage("read", {"a": 2}).key != first.key
    assert space.stage("next", first).key != space.stage("next", space.stage("read", {"a": 2})).key


def test_a_failed_stage_leaves_nothing(tmp_path):
    space = Workspace(tmp_path)
    stage = space.stage("read")

    def fail(folder):
        (folder / "half").write_text("")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        space.make(stage, fail)
    assert list(tmp_path.iterdir()) == []


def test_a_resumable_stage_finds_what_it_wrote(tmp_path):
    space, stage = Workspace(tmp_path), Workspace(tmp_path).stage("embed")

    def build(folder):
        if not (folder / "first").exists():
            (folder / "first").write_text("")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        space.make(stage, build, resumable=True)
    assert not space.done(stage)
    assert (space.make(stage, build, resumable=True) / "first").exists()


def test_fingerprints_follow_the_content(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1")
    before = fingerprint([path])
    path.write_text("2")
    assert fingerprint([path]) != before
    with pytest.raises(InputError, match="does not exist"):
        fingerprint([tmp_path / "none"])
