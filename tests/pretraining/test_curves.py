from __future__ import annotations

import pandas as pd

from geolivelihood.pretraining.curves import Curves


def test_rows_are_appended(tmp_path):
    curves = Curves(tmp_path / "curves.csv")
    curves.log_metrics({"pretrain/loss": 0.1, "epoch": 0}, step=4)
    curves.log_metrics({"pretrain/loss": 1 / 3, "pretrain/acc1": 50, "epoch": 1}, step=9)
    table = pd.read_csv(tmp_path / "curves.csv")
    assert table.columns.tolist() == ["step", "epoch", "metric", "value"]
    assert table["step"].tolist() == [4, 9, 9]
    assert table["value"].tolist() == [0.1, 1 / 3, 50]


def test_run_that_goes_on_takes_out_what_came_after(tmp_path):
    path = tmp_path / "curves.csv"
    before = Curves(path)
    for step in range(5):
        before.log_metrics({"pretrain/loss": step, "epoch": 0}, step=step)
    with path.open("a") as stream:
        stream.write("5,0,pretr")  # killed while it wrote
    after = Curves(path, start=3)
    after.log_metrics({"pretrain/loss": 30, "epoch": 0}, step=3)
    assert pd.read_csv(path)["value"].tolist() == [0, 1, 2, 30]


def test_new_run_begins_a_new_file(tmp_path):
    path = tmp_path / "curves.csv"
    Curves(path).log_metrics({"pretrain/loss": 1.0, "epoch": 0}, step=0)
    Curves(path).log_metrics({"pretrain/loss": 2.0, "epoch": 0}, step=0)
    assert pd.read_csv(path)["value"].tolist() == [2.0]
