"""Third page: what learns."""

from qgis.PyQt.QtWidgets import QComboBox

from ... import words
from ...compat import tr
from .choosers import CheckList
from .page import Page, choose, stop, warn

USUAL = ("mean", "knn", "ridge")
KNOWN_FROM_PICTURES = ("ridge", "boosting", "graph", "cell")
PLACES_ONLY = ("mean", "knn", "idw", "gp")


class ModelPage(Page):
    """How pictures become numbers, and which models are compared."""

    def __init__(self, description=None):
        super().__init__(
            "Model",
            tr("3 of 5: Model"),
            tr(
                "Several models are compared under the same rules. Simple ones show what the pictures add: "
                "keep the mean and the nearest places among them."
            ),
        )
        self.encoder = QComboBox()
        self.encoder.setObjectName("glqAssistantEncoder")
        for value, title in words.described(description, "encoder", words.encoders()):
            self.encoder.addItem(title, value)
        self.ask(tr("&Reading of pictures"), self.encoder, tr("How a picture becomes a row of numbers."))
        self.titles = words.described(description, "models", words.models())
        self.models = CheckList("glqAssistantModels", self.titles, rows=8)
        self.models.set_value(USUAL)
        self.ask(tr("Mo&dels"), self.models, tr("What is compared. Ticking fewer is faster."))
        self.map_model = QComboBox()
        self.map_model.setObjectName("glqAssistantMapModel")
        self.ask(tr("Model of the ma&p"), self.map_model, tr("Which of them draws the map."))
        self._models_changed()
        self.bind_box("ENCODER", self.encoder)
        self.bind("MODELS", self.models.value, self.models.set_value, self.models.told)
        self.bind_box("MAP_MODEL", self.map_model)
        self.models.changed.connect(self._models_changed)
        self.map_model.currentIndexChanged.connect(self.refresh)

    def notices(self):
        """Whether the comparison says something."""
        ticked = self.models.value()
        if not ticked:
            return [stop(tr("Tick at least one model."))]
        found = []
        if not set(ticked) & set(KNOWN_FROM_PICTURES):
            found.append(warn(tr("None of these models looks at the pictures: the map shows nearness only.")))
        if not set(ticked) & set(PLACES_ONLY):
            found.append(
                warn(tr("Without the mean or nearest places nothing tells how much the pictures add."))
            )
        if {"graph", "cell"} & set(ticked):
            found.append(warn(tr("Networks are slow without a GPU: a run may take hours.")))
        return found

    def restore(self, values):
        super().restore({name: value for name, value in values.items() if name != "MAP_MODEL"})
        self._models_changed()
        choose(self.map_model, values.get("MAP_MODEL"))

    def _models_changed(self):
        chosen, ticked = self.map_model.currentData(), self.models.value()
        blocked = self.map_model.blockSignals(True)
        self.map_model.clear()
        self.map_model.addItem(tr("Automatic"), "auto")
        for value, title in self.titles:
            if value in ticked:
                self.map_model.addItem(words.head(title), value)
        choose(self.map_model, chosen)
        self.map_model.blockSignals(blocked)
        self.refresh()
