"""From a project file to an encoder, as it is run."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from geolivelihood.cli import app
from geolivelihood.errors import InputError, OutputError, ProjectError
from geolivelihood.features import encoder
from geolivelihood.recipes.pretraining import pretrain_project

SMALL = {
    "epochs": 1,
    "batch_size": 16,
    "cache_px": 16,
    "options": {"queue_size": 32, "bn_groups": 2, "dim": 16},
}


def test_geography_and_time_end_as_an_encoder_with_its_card(project, tmp_path):
    path = project(pretraining=SMALL | {"temporal": True, "geo": {"kind": "sphere", "clusters": 5}})
    made = pretrain_project(path)
    card = json.loads((made.encoder / "card.json").read_text())
    assert card["method"]["method"] == "MoCo-v2+Geo+TP" and card["method"]["temperature"] == 0.1
    assert len(card["method"]["geo"]["levels"][0]["centroids"]) == 5
    assert card["extent"]["type"] == "Polygon" and card["pictures"] == 300
    assert made.training.steps == 6  # 100 places, 16 at a time
    assert "not for change detection" in made.remarks[0]
    assert made.curves.stat().st_size > 10_000
    assert encoder(str(made.encoder)).dim == 512


def test_an_encoder_learns_the_order_of_a_label_and_is_watched(project):
    settings = SMALL | {
        "method": "rank_n_contrast",
        "target": [{"column": "east", "table": "known.csv"}],
        "options": {},
        "monitor": {"labels": {"column": "half", "table": "known.csv"}, "every": 1, "folds": 2},
    }
    made = pretrain_project(project(pretraining=settings))
    assert made.training.metrics["val/knn_acc"] > 0.4
    assert made.training.best is not None


def test_a_run_that_is_done_is_not_done_again(project):
    path = project(pretraining=SMALL)
    first, again = pretrain_project(path), pretrain_project(path)
    assert again.training.resumed_from == first.training.steps == again.training.steps
    with pytest.raises(InputError, match="made with other settings"):
        pretrain_project(path, overrides={"pretraining.options.temperature": 0.2})


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"options": {"queue": 3}}, ProjectError, "unknown option 'queue'; there are: dim, queue_size"),
        ({"options": {"geo": 8}}, ProjectError, "unknown option 'geo'"),
        ({"options": {"queue_size": "many"}}, ProjectError, "options, queue_size: .*integer.*'many'"),
        ({"optimisation": {"learning_rate": "fast"}}, ProjectError, "learning_rate: .*number.*'fast'"),
        ({"optimisation": {"milestones": "never"}}, ProjectError, "milestones: "),
        (
            {"temporal": True, "pairs": {"temporal": False}},
            ProjectError,
            "pairs: unknown option 'temporal'",
        ),
        ({"precision": "half"}, ProjectError, "pretraining.precision: "),
        ({"options": {"queue_size": 40, "bn_groups": 2}}, InputError, "multiple"),
        ({"optimisation": {"lr": 3}}, ProjectError, "unknown option 'lr'"),
        ({"batch_size": 512}, InputError, "512"),
        (
            {"method": "supervised", "target": [{"column": "half", "table": "known.csv"}]},
            InputError,
            "no number",
        ),
    ],
)
def test_what_cannot_work_is_said_before_the_first_step(project, settings, error, message):
    with pytest.raises(error, match=message):
        pretrain_project(project(pretraining=SMALL | settings))


def test_what_is_no_encoder_is_found_in_its_place_before_training(project, tmp_path):
    mine = tmp_path / "out" / "pretrained"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="nothing of yours is replaced"):
        pretrain_project(project(pretraining=SMALL))
    assert not (tmp_path / "out" / "training").exists()


def test_of_the_processes_of_torchrun_one_writes_the_results(project, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    made = pretrain_project(project(pretraining=SMALL))
    assert made.curves is None and {path.name for path in (tmp_path / "out").iterdir()} == {
        "training",
        "cache",
    }


def test_a_project_without_pretraining_says_so(project, tmp_path):
    with pytest.raises(ProjectError, match="says nothing of 'pretraining'"):
        pretrain_project(project(pretraining=None))


@pytest.mark.slow
def test_two_processes_from_the_command_line(project, tmp_path):
    path = project(pretraining=SMALL | {"devices": 2, "accelerator": "cpu"})
    done = subprocess.run(
        [sys.executable, "-m", "geolivelihood.cli", "pretrain", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Trained for 1 epochs" in done.stdout
    curves = pd.read_csv(tmp_path / "out" / "training" / "curves.csv")
    assert curves["value"].notna().all()


def test_the_commands_tell_how_they_are_used():
    for name in ("pretrain", "probe", "finetune", "import-weights"):
        shown = CliRunner().invoke(app, [name, "--help"])
        assert shown.exit_code == 0 and "Example" in shown.output
