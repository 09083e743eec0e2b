from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from geolivelihood.errors import (
    Cancelled,
    EnvironmentMissingError,
    InputError,
    OutputError,
    TooManyRejectedError,
)
from geolivelihood.pretraining.batch_saver import load_batch
from geolivelihood.pretraining.saving import differences, read_checkpoint
from geolivelihood.pretraining.training import run_training
from geolivelihood.progress import listening

SCRIPT = Path(__file__).with_name("training_script.py")
spec = importlib.util.spec_from_file_location("training_script", SCRIPT)
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    script.places(folder)
    return folder


def train(pictures, out, *, module=None, **options):
    module = module or script.Tiny()
    given = {"epochs": 3, "accelerator": "cpu", "loggers": ()} | options
    return run_training(module, given.pop("views", None) or script.views(pictures), out=out, **given), module


def weights(path):
    return read_checkpoint(path)["state_dict"]


def assert_same_weights(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


class Seen(Callback):
    """The rows of each step."""

    def __init__(self):
        self.rows = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.rows.append((trainer.current_epoch, batch_idx, batch.position.tolist()))


class StopAt(Callback):
    """Breaks off after a step, as a crash would."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            raise KeyError("crash")


class Listener:
    def __init__(self):
        self.steps, self.stages, self.stop = [], [], False

    def stage(self, name):
        self.stages.append(name)

    def step(self, done, total, text):
        self.steps.append((done, total))

    def cancelled(self):
        return self.stop


class Ask(Callback):
    """Asks to stop after a step."""

    def __init__(self, listener, step):
        self.listener, self.step = listener, step

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.listener.stop = trainer.global_step == self.step


def test_result_and_files(pictures, tmp_path):
    result, module = train(pictures, tmp_path, keep=2, loggers=("csv",))
    assert (result.epochs, result.steps, result.resumed_from) == (3, 9, None)
    assert {"pretrain/loss", "pretrain/batch_time", "pretrain/data_time"} <= result.metrics.keys()
    assert sorted(path.name for path in tmp_path.glob("*.ckpt")) == [
        "epoch_0002.ckpt",
        "epoch_0003.ckpt",
        "last.ckpt",
    ]
    assert_same_weights(dict(module.state_dict()), weights(result.checkpoint))


def test_learns(pictures, tmp_path):
    start = script.Tiny(norm=False).state_dict()
    _, module = train(pictures, tmp_path, module=script.Tiny(norm=False))
    assert any(not torch.equal(value, start[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 8])
def test_resumes_at_any_step_with_the_same_batches_and_weights(pictures, tmp_path, step):
    whole = Seen()
    straight, _ = train(pictures, tmp_path / "straight", callbacks=[whole])
    with pytest.raises(KeyError, match="crash"):
        train(pictures, tmp_path / "broken", save_every_steps=1, callbacks=[StopAt(step)])
    rest = Seen()
    resumed, _ = train(pictures, tmp_path / "broken", save_every_steps=1, callbacks=[rest])
    # the callback that crashes comes before the one that saves
    assert resumed.resumed_from == (step - 1 if step > 1 else None)
    assert rest.rows == whole.rows[step - 1 :]
    assert_same_weights(weights(straight.checkpoint), weights(resumed.checkpoint))
    assert resumed.steps == 9


def test_finished_training_is_not_run_again(pictures, tmp_path):
    first, trained = train(pictures, tmp_path)
    seen = Seen()
    again, module = train(pictures, tmp_path, callbacks=[seen])
    assert again == first._replace(resumed_from=9)
    assert seen.rows == []
    assert_same_weights(dict(trained.state_dict()), dict(module.state_dict()))


def test_resume_false_begins_anew(pictures, tmp_path):
    train(pictures, tmp_path, epochs=2)
    result, _ = train(pictures, tmp_path, epochs=1, resume=False)
    assert (result.resumed_from, result.epochs) == (None, 1)
    assert not (tmp_path / "epoch_0002.ckpt").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"epochs": 4}, "epochs: 3 before, 4 now"),
        ({"seed": 1}, "seed: 0 before, 1 now"),
        ({"batch_size": 6}, "views.batch_size: 4 before, 6 now"),
        ({"module": {"norm": False}}, "network: "),
    ],
)
def test_resume_with_other_settings_is_refused(pictures, tmp_path, changed, said):
    train(pictures, tmp_path)
    module = script.Tiny(**changed.pop("module", {}))
    views = script.views(pictures, batch_size=changed.pop("batch_size", 4))
    with pytest.raises(InputError, match=f"other settings: .*{said}"):
        train(pictures, tmp_path, module=module, views=views, **changed)


def test_differences_name_the_path_of_each_setting():
    lines = differences({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 4}, "e": 5})
    assert lines == ["a.c: 2 before, 4 now", "d: 3 before, absent now", "e: absent before, 5 now"]


def test_checkpoints_hold_nothing_that_could_be_executed(pictures, tmp_path):
    result, _ = train(pictures, tmp_path, epochs=1)
    assert torch.load(result.checkpoint, weights_only=True)["global_step"] == 3


def test_module_with_odd_settings_is_refused_when_saved(pictures, tmp_path):
    module = script.Tiny()
    module.save_hyperparameters({"network": Path("x")})
    with pytest.raises(
        InputError, match=r"\['hyper_parameters'\]\['network'\] \(PosixPath\) cannot be saved"
    ):
        train(pictures, tmp_path, module=module, epochs=1)


def test_damaged_checkpoint_says_what_to_do(pictures, tmp_path):
    train(pictures, tmp_path, epochs=1)
    (tmp_path / "last.ckpt").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"damaged .*Remove it, or give resume=False"):
        train(pictures, tmp_path, epochs=1)


def test_monitor_keeps_the_best_epochs(pictures, tmp_path):
    class Score(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            pl_module.log("probe/r2", [0.3, 0.9, 0.1, 0.5][trainer.current_epoch])

    result, _ = train(pictures, tmp_path, epochs=4, keep=2, monitor="probe/r2", callbacks=[Score()])
    assert sorted(path.name for path in tmp_path.glob("epoch_*")) == ["epoch_0002.ckpt", "epoch_0004.ckpt"]
    assert result.best == tmp_path / "epoch_0002.ckpt"
    assert read_checkpoint(result.best)["geolivelihood"]["epochs"] == 2


def test_loss_is_best_at_its_least(pictures, tmp_path):
    class Score(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            pl_module.log("val/loss", [0.3, 0.1, 0.2][trainer.current_epoch])

    result, _ = train(pictures, tmp_path, keep=1, monitor="val/loss", callbacks=[Score()])
    assert result.best == tmp_path / "epoch_0002.ckpt"


def test_metric_of_an_earlier_epoch_does_not_count_twice(pictures, tmp_path):
    class Once(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 0:
                pl_module.log("probe/r2", 0.5)

    train(pictures, tmp_path, keep=2, monitor="probe/r2", callbacks=[Once()])
    assert [path.name for path in tmp_path.glob("epoch_*")] == ["epoch_0001.ckpt"]


def test_nan_stops_at_once_with_the_batch(pictures, tmp_path):
    module = script.Tiny(nan_at=4)
    with pytest.raises(InputError, match=r"became nan at step 2 of epoch 2 \(step 5 of all\).*learning_rate"):
        train(pictures, tmp_path, module=module)
    saved = load_batch(tmp_path / "broken_batch_5_0")
    assert saved.batch.query.shape == (4, 3, 8, 8)
    assert saved.query_ids == [f"image{row}" for row in saved.batch.position.tolist()]
    assert saved.where["step_of_epoch"] == 2
    # the weights had not been touched, nor saved
    assert all(value.isfinite().all() for value in module.state_dict().values())
    assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == 3


def test_progress_and_cancel(pictures, tmp_path):
    with listening(Listener()) as listener:
        train(pictures, tmp_path / "a")
    assert listener.steps[0] == (0, 9)
    assert listener.steps[-1] == (9, 9)
    assert any("images/s" in stage and "loss" in stage for stage in listener.stages)
    with listening(Listener()) as listener, pytest.raises(Cancelled):
        train(pictures, tmp_path / "b", callbacks=[Ask(listener, 4)])
    resumed, _ = train(pictures, tmp_path / "b")
    assert resumed.resumed_from == 4  # in the middle of an epoch: nothing is lost
    assert_same_weights(weights(tmp_path / "a" / "last.ckpt"), weights(resumed.checkpoint))


def test_corrupt_pictures_are_written_down(pictures, tmp_path):
    script.places(tmp_path / "p")
    (tmp_path / "p" / "3.png").write_bytes(b"no picture")
    views = script.views(tmp_path / "p")
    train(None, tmp_path / "out", views=views)
    rejected = pd.read_csv(tmp_path / "out" / "rejected.csv")
    assert rejected.to_dict("records") == [
        {"image_id": "image3", "reason": "not a picture, or its header is damaged"}
    ]
    again = script.views(tmp_path / "p")
    train(None, tmp_path / "out", views=again)
    assert again.rejected.equals(views.rejected)  # of a run that was finished before, too
    for k in range(12):
        (tmp_path / "p" / f"{k}.png").write_bytes(b"no picture")
    with pytest.raises(TooManyRejectedError, match=r"max_rejected=0\.1"):
        train(tmp_path / "p", tmp_path / "many")
    assert len(pd.read_csv(tmp_path / "many" / "rejected.csv")) > 2


def test_module_checks_before_anything_is_written(pictures, tmp_path):
    class Picky(script.Tiny):
        def check(self, views):
            msg = "queue_size=7 is no multiple of 4."
            raise InputError(msg)

    with pytest.raises(InputError, match="queue_size=7"):
        train(pictures, tmp_path / "out", module=Picky())
    assert not (tmp_path / "out").exists()


def test_views_of_one_rank_are_no_views_for_a_training(pictures, tmp_path):
    views = script.views(pictures, rank=0, world_size=2)
    with pytest.raises(InputError, match="Leave both out"):
        train(pictures, tmp_path, views=views)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epochs": 0}, "at least one epoch"),
        ({"accelerator": "tpu"}, "choose 'auto', 'cpu' or 'gpu'"),
        ({"devices": 0}, "at least one of each"),
        ({"devices": 3}, "multiple of 3"),
        ({"loggers": "csv"}, "give a list of csv"),
        ({"loggers": ["mlflow"]}, "give a list of csv"),
        ({"mode": "least"}, "choose 'min'"),
        ({"save_every_steps": 0}, "at least one step"),
    ],
)
def test_options_are_checked(pictures, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        train(pictures, tmp_path, **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_that_is_not_there(pictures, tmp_path):
    with pytest.raises(EnvironmentMissingError, match="accelerator='cpu'"):
        train(pictures, tmp_path, accelerator="gpu")


def test_folder_that_cannot_be_made(pictures, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="Choose another folder"):
        train(pictures, tmp_path / "file" / "out", epochs=1)


def test_full_disk_is_an_output_error(pictures, tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match="Free the disk"):
        train(pictures, tmp_path, epochs=1)


def test_random_numbers_of_the_caller_are_left_alone(pictures, tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    module = script.Tiny()
    torch.manual_seed(7)
    train(pictures, tmp_path, module=module, epochs=1)
    assert torch.equal(torch.rand(1), expected)


def test_curves_go_on_where_a_run_went_on(pictures, tmp_path):
    train(pictures, tmp_path / "straight", loggers=["csv"])
    with pytest.raises(KeyError):
        train(pictures, tmp_path / "b", loggers=["csv"], save_every_steps=2, callbacks=[StopAt(5)])
    train(pictures, tmp_path / "b", loggers=["csv"], save_every_steps=2)
    a, b = (
        pd.read_csv(tmp_path / name / "curves.csv").query("metric == 'pretrain/loss'")
        for name in ("straight", "b")
    )
    pd.testing.assert_frame_equal(a.reset_index(drop=True), b.reset_index(drop=True))
    assert a["step"].tolist() == [2, 5, 8]


def test_tensorboard(pictures, tmp_path):
    pytest.importorskip("tensorboard")
    train(pictures, tmp_path, epochs=1, loggers=["csv", "tensorboard"])
    assert list(tmp_path.rglob("events.out.tfevents*"))
    assert (tmp_path / "curves.csv").exists()


# Slow: Weights & Biases starts a service of its own.
@pytest.mark.slow
def test_wandb_stays_offline(pictures, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    train(pictures, tmp_path, epochs=1, loggers=["wandb"])
    assert list(tmp_path.rglob("*.wandb"))


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_loggers_that_are_not_installed_say_how_to_get_them(pictures, tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EnvironmentMissingError, match=rf"{name} is not installed.*geolivelihood\[track\]"):
        train(pictures, tmp_path, epochs=1, loggers=[name])


def run_script(*arguments, launcher=(), **options):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, *launcher, str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def finished(process):
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output[-3000:]


# Slow: a killed process and its successor, each loading PyTorch.
@pytest.mark.slow
def test_killed_in_mid_epoch_and_resumed_ends_with_the_same_weights(pictures, tmp_path):
    # each run in a process of its own: what other tests have set in this one changes the last digits
    finished(run_script(pictures, tmp_path / "straight"))
    killed = run_script(pictures, tmp_path / "killed", "--slow", "0.5")
    last = tmp_path / "killed" / "last.ckpt"
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and killed.poll() is None:
        # the second save of the run: step 4, in the middle of the second epoch
        if last.exists() and read_checkpoint(last)["global_step"] >= 4:
            break
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    step = read_checkpoint(last)["global_step"]
    assert step in (4, 6, 8)
    finished(run_script(pictures, tmp_path / "killed"))
    told = json.loads((tmp_path / "killed" / "told.json").read_text())
    assert told["resumed_from"] == step
    straight, resumed = (weights(tmp_path / name / "last.ckpt") for name in ("straight", "killed"))
    assert_same_weights(straight, resumed)


# Slow: processes that each load PyTorch; they are what is tested.
@pytest.mark.slow
@pytest.mark.parametrize("by", ["spawn", "torchrun"])
def test_two_processes_are_one_with_the_same_global_batch(pictures, tmp_path, by):
    one, _ = train(pictures, tmp_path / "one", module=script.Tiny(norm=False))
    launcher = (
        ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2") if by == "torchrun" else ()
    )
    arguments = [pictures, tmp_path / "two", "--no-norm"] + (["--devices", 2] if by == "spawn" else [])
    finished(run_script(*arguments, launcher=launcher))
    a, b = weights(one.checkpoint), weights(tmp_path / "two" / "last.ckpt")
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-6)
    told = json.loads((tmp_path / "two" / "told.json").read_text())
    # the weights are in the module of the caller, too
    assert told["steps"] == 9
    assert told["first_weight"] == b["backbone.0.weight"].flatten()[0].item()
