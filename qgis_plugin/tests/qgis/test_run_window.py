"""The window of a run: stages, what is left, and how it ended."""

from geolivelihood_qgis.gui.eta import Remaining, duration
from geolivelihood_qgis.gui.run_window import RunWindow, written
from geolivelihood_qgis.gui.tasks import Feedback
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QLabel, QProgressBar, QPushButton


class Clock:
    """A clock that is turned by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_what_is_left_comes_from_the_stage_s_own_pace(plugin):
    clock = Clock()
    remaining = Remaining(clock)
    remaining.begin("embed")
    remaining.see(10)
    clock.now = 3
    remaining.see(13)
    assert remaining.seconds() is None  # too soon to say
    clock.now = 30
    remaining.see(40)
    assert remaining.seconds() == 60
    assert remaining.told() == "about 60 s left in this stage"
    remaining.begin("train")
    assert remaining.told() == ""
    remaining.see(50)
    remaining.see(20)  # a stage of the same name begins again
    assert remaining.seconds() is None


def test_lengths_of_time(plugin):
    assert [duration(s) for s in (0.2, 45, 100, 3600, 9000)] == [
        "1 s",
        "45 s",
        "2 min",
        "60 min",
        "2 h 30 min",
    ]


class Task:
    def __init__(self):
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class Run:
    def __init__(self):
        self.feedback, self.task = Feedback(), Task()


def test_it_shows_the_stage_and_can_cancel(plugin):
    run = Run()
    window = RunWindow("A run", run)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    bar = window.findChild(QProgressBar)
    assert bar.maximum() == 0  # nothing is known
    run.feedback.setProgressText("embed: pictures")
    run.feedback.setProgress(40)
    run.feedback.pushInfo("a note")
    run.feedback.reportError("trouble")
    assert window.findChild(QLabel, "glqRunStage").text() == "embed: pictures"
    assert (bar.maximum(), bar.value()) == (100, 40)
    assert window.log.toPlainText().splitlines() == ["a note", "trouble"]
    run.feedback.setProgressText("train: ridge")
    assert bar.maximum() == 0
    window.findChild(QPushButton, "glqRunCancel").click()
    assert run.task.cancelled
    window.ended("Cancelled.")
    run.feedback.setProgressText("late: news")
    assert window.findChild(QLabel, "glqRunStage").text() == "Cancelled."
    assert not window.findChild(QPushButton, "glqRunCancel").isEnabled()
    window.deleteLater()


def test_scores_and_report_are_found(tmp_path):
    out = tmp_path / "map.gpkg"
    assert written({"OUTPUT": str(out)}) == written({}) == {}
    (tmp_path / "scores.csv").touch()
    (tmp_path / "map.report.html").touch()
    (tmp_path / "report.html").touch()
    found = written({"OUTPUT": str(out)})
    assert found == {"scores": tmp_path / "scores.csv", "report": tmp_path / "map.report.html"}
    (tmp_path / "elsewhere.csv").touch()
    named = written({"OUTPUT": str(out), "SCORES": str(tmp_path / "elsewhere.csv")})
    assert named["scores"].name == "elsewhere.csv"
