"""``geolivelihood reproduce`` as a user types it."""

from __future__ import annotations

import pytest

from geolivelihood.cli import main


def call(capsys, *arguments):
    try:
        main([str(argument) for argument in arguments])
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    said = capsys.readouterr()
    return code, said.out, said.err


def test_from_nothing_to_a_table_and_again(capsys, tmp_path):
    command = ["reproduce", tmp_path / "street", "--invent", "--steps", 1, "-o", tmp_path / "out"]
    command += ["--models", "random", "--models", "gcn-obj", "--indicators", "bmi"]
    code, said, _ = call(capsys, *command)
    assert code == 0
    assert "IN bmi" in said and "GCN obj" in said and "published" in said and "89.4" not in said
    assert (tmp_path / "out" / "results_paper.md").is_file()
    code, said, _ = call(capsys, *command)
    assert code == 0 and "3 cells kept" in said


def test_help_has_an_example(capsys):
    code, said, _ = call(capsys, "reproduce", "--help")
    assert code == 0 and "Example:" in said


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [([], 6, "has no data.csv"), (["--mode", "fast"], 2, "fast"), (["--steps", "0"], 2, "steps")],
)
def test_wrong_use(capsys, tmp_path, more, code, message):
    found, _, said = call(capsys, "reproduce", tmp_path, "-o", tmp_path / "out", *more)
    assert found == code and message in said
