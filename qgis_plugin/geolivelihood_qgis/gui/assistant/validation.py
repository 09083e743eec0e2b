"""Fourth page: how honest scores come about."""

from qgis.PyQt.QtWidgets import QCheckBox, QDoubleSpinBox, QSpinBox

from ... import words
from ...compat import tr
from .choosers import CheckList
from .page import Page, warn


class ValidationPage(Page):
    """What is left out to score the models, and how wide intervals are."""

    def __init__(self, description=None):
        super().__init__(
            "Validation",
            tr("4 of 5: Validation"),
            tr(
                "Scores come from places that a model did not see. Near places resemble each other, so that "
                "leaving out single clusters flatters: whole areas are left out, too."
            ),
        )
        self.folds = QSpinBox()
        self.folds.setObjectName("glqAssistantFolds")
        self.folds.setRange(2, 50)
        self.folds.setValue(5)
        self.ask(tr("&Parts"), self.folds, tr("Each part is left out once. Five is usual; more take longer."))
        self.splits = CheckList(
            "glqAssistantSplits", words.described(description, "splits", words.splits()), rows=4
        )
        self.splits.set_value(("random",))
        self.splits.always("blocked")
        self.ask(tr("&Left out"), self.splits, tr("How the parts are cut; each way has scores of its own."))
        self.auto_buffer = QCheckBox(tr("&Automatic distance to what is left out"))
        self.auto_buffer.setObjectName("glqAssistantAutoBuffer")
        self.auto_buffer.setChecked(True)
        self.form.addRow("", self.auto_buffer)
        self.buffer = QDoubleSpinBox()
        self.buffer.setObjectName("glqAssistantBuffer")
        self.buffer.setRange(0, 1_000_000)
        self.buffer.setDecimals(0)
        self.buffer.setSingleStep(1000)
        self.buffer.setSuffix(tr(" m"))
        label = self.ask(
            tr("&Distance"), self.buffer, tr("Clusters nearer than this to a part are not learned from.")
        )
        self.coverage = QSpinBox()
        self.coverage.setObjectName("glqAssistantCoverage")
        self.coverage.setRange(51, 99)
        self.coverage.setValue(90)
        self.coverage.setSuffix("\u00a0%")
        self.ask(
            tr("&Intervals hold"),
            self.coverage,
            tr("In how many of a hundred places the true value should lie within the interval."),
        )
        for widget in (self.buffer, label):
            widget.setEnabled(False)
            self.auto_buffer.toggled.connect(lambda on, widget=widget: widget.setEnabled(not on))
        self.bind("FOLDS", self.folds.value, self.folds.setValue)
        self.bind("SPLITS", self.splits.value, self.splits.set_value, self.splits.told)
        self.bind(
            "BUFFER_M",
            lambda: None if self.auto_buffer.isChecked() else self.buffer.value(),
            self._put_buffer,
        )
        self.bind(
            "COVERAGE", lambda: self.coverage.value() / 100, lambda v: self.coverage.setValue(round(v * 100))
        )
        self.folds.valueChanged.connect(self.refresh)
        self.splits.changed.connect(self.refresh)

    def notices(self):
        """Whether the parts are large enough."""
        clusters = self.wizard() and self.wizard().data.clusters.layer()
        count = clusters.featureCount() if clusters else 0
        found = []
        if 0 < count < 10 * self.folds.value():
            text = tr("{} parts of {} clusters hold fewer than 10 each: scores will vary much.")
            found.append(warn(text.format(self.folds.value(), count)))
        if "region" in self.splits.value():
            found.append(warn(tr("Leaving out regions needs the layer of regions on the next page.")))
        return found

    def _put_buffer(self, value):
        self.auto_buffer.setChecked(value is None)
        if value is not None:
            self.buffer.setValue(value)
