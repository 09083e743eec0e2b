"""Second page: what is mapped."""

from qgis.PyQt.QtWidgets import QLineEdit

from ...compat import tr
from . import checks
from .choosers import CheckList
from .page import Page, stop, warn


class IndicatorPage(Page):
    """Which columns of the clusters become maps."""

    def __init__(self, description=None):
        super().__init__(
            "Indicator",
            tr("2 of 5: Indicator"),
            tr(
                "What do you want to map? Each ticked column becomes a map of its own. The first is drawn, "
                "the others come with the results."
            ),
        )
        self.fields = CheckList("glqAssistantIndicators", rows=8)
        self.ask(tr("Co&lumns"), self.fields, tr("Columns of numbers: wealth index, income, schooling."))
        self.label = QLineEdit()
        self.label.setObjectName("glqAssistantLabel")
        self.label.setPlaceholderText(tr("for example: Wealth index (standard deviations)"))
        self.ask(
            tr("N&ame on the map"), self.label, tr("How the first is called in the legend, with its unit.")
        )
        self.wanted = []
        self.layer = None
        self.bind("INDICATORS", self.fields.value, self._want)
        self.bind("LABEL", lambda: self.label.text().strip() or None, lambda v: self.label.setText(v or ""))
        self.fields.changed.connect(self.refresh)

    def show_layer(self, layer, leave_out=()):
        """Show the columns of this layer, but not those that mean something else."""
        ticked = self.fields.value() or self.wanted
        names = [name for name in checks.numeric_fields(layer) if name not in leave_out]
        self.layer = layer
        self.fields.fill([(name, name) for name in names], ticked)

    def initializePage(self):
        data = self.wizard().data
        given = data.values()
        self.show_layer(data.clusters.layer(), (given["CLUSTER_ID"], given["URBAN"]))
        super().initializePage()

    def notices(self):
        """Whether something is ticked, and has values."""
        ticked = self.fields.value()
        if not ticked:
            return [stop(tr("Tick at least one column."))]
        found = []
        for name in ticked if self.layer is not None else ():
            index = self.layer.fields().lookupField(name)
            values = self.layer.uniqueValues(index, 2) if index >= 0 else ()
            if len(values) < 2:
                text = tr("{} has the same value everywhere or none at all: there is nothing to learn.")
                found.append(warn(text.format(name)))
        return found

    def _want(self, names):
        self.wanted = list(names or ())
        self.fields.set_value(self.wanted)
