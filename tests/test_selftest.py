"""The worker's trial of itself, and that it notices what is wrong."""

import sys

import pytest

from geolivelihood import selftest
from geolivelihood.cli import main


def test_every_trial_passes():
    tried = list(selftest.trials())
    assert {trial.name: trial.said for trial in tried if not trial.passed} == {}
    wanted = {"handshake", "cancel", "end of stdin is cancel", "target that exists"}
    assert wanted <= {trial.name for trial in tried}


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('welcome')", "no protocol"),
        ("", "ended without hello"),
        ('import time; time.sleep(2.5); print(\'{"event": "hello"}\')', "hello took"),
    ],
)
def test_a_worker_that_misbehaves_is_noticed(tmp_path, monkeypatch, program, said):
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\n{program}\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(selftest.sys, "executable", str(script))
    first = next(selftest.trials())
    assert not first.passed and said in first.said


def test_the_command_ends_with_1_if_a_trial_fails(monkeypatch, capsys):
    tried = [selftest.Trial("cancel", False, 1.2, "stopped after 1.20 s")]
    monkeypatch.setattr(selftest, "trials", lambda: iter(tried))
    with pytest.raises(SystemExit) as stop:
        main(["worker", "--selftest"])
    assert stop.value.code == 1 and "1 of 1 trials failed" in capsys.readouterr().out
