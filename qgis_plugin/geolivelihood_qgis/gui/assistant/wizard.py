"""The assistant itself: five pages, one algorithm."""

import json

from qgis.core import QgsApplication, QgsProcessingContext, QgsProject, QgsSettings
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QDialog, QWizard

from ...compat import tr
from ...env import settings
from ...env.unfinished import portable
from . import command
from .data import DataPage
from .indicator import IndicatorPage
from .model import ModelPage
from .output import OutputPage
from .validation import ValidationPage

MEMORY = settings.PREFIX + "assistant"
NOT_REMEMBERED = ("OUTPUT",)


class Assistant(QWizard):
    """Gathers the parameters of "From clusters and photos to a map"; ``start`` is emitted with them."""

    start = pyqtSignal(dict)

    def __init__(self, parent=None, description=None):
        super().__init__(parent)
        self.description = description
        self.setObjectName("glqAssistant")
        self.setWindowTitle(tr("From clusters and photos to a map"))
        self.setWizardStyle(QWizard.WizardStyle.ClassicStyle)  # the colours of the theme
        self.setOption(QWizard.WizardOption.NoBackButtonOnStartPage)
        self.setOption(QWizard.WizardOption.NoDefaultButton, False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setButtonText(QWizard.WizardButton.FinishButton, tr("&Make the map"))
        self.data = DataPage(description)
        self.indicator = IndicatorPage(description)
        self.model = ModelPage(description)
        self.validation = ValidationPage(description)
        self.output = OutputPage(description)
        for page in self.pages():
            self.addPage(page)
        self._name_buttons()
        self.restore()
        self.resize(760, 720)

    def pages(self):
        """The pages, in order."""
        return [self.data, self.indicator, self.model, self.validation, self.output]

    def values(self):
        """All that was chosen, in the words of the library, by parameter."""
        return {name: value for page in self.pages() for name, value in page.values().items()}

    def parameters(self):
        """All that was chosen, as the algorithm takes it."""
        algorithm = QgsApplication.processingRegistry().algorithmById(command.ALGORITHM)
        if algorithm is None:
            return self.values()
        return command.fitted(self.values(), algorithm, self.description)

    def refusal(self):
        """Why the algorithm would not run with this, or an empty text."""
        algorithm = QgsApplication.processingRegistry().algorithmById(command.ALGORITHM)
        if algorithm is None:
            return ""
        context = QgsProcessingContext()
        context.setProject(QgsProject.instance())
        good, reason = algorithm.checkParameterValues(self.parameters(), context)
        return "" if good else reason

    def told(self):
        """What will be run, in words."""
        said = {name: say() for page in self.pages() for name, say in page.said.items()}
        return command.summary(self.values(), said)

    def command(self):
        """What will be run, for a shell."""
        known = self.parameters()
        return command.shell_command({name: value for name, value in self.values().items() if name in known})

    def restore(self):
        """Set the pages as they were the last time."""
        try:
            values = json.loads(QgsSettings().value(MEMORY, "{}", type=str))
        except ValueError:
            return
        for page in self.pages() if isinstance(values, dict) else ():
            page.restore(values)

    def remember(self):
        """Keep what was chosen for the next time."""
        values = {name: value for name, value in self.values().items() if name not in NOT_REMEMBERED}
        QgsSettings().setValue(MEMORY, json.dumps(portable(values) or {}))

    def done(self, result):
        """Finished or closed: what was chosen is kept."""
        self.remember()
        if result == QDialog.DialogCode.Accepted:
            self.start.emit(self.parameters())
        super().done(result)

    def _name_buttons(self):
        for button, name in (
            (QWizard.WizardButton.BackButton, "Back"),
            (QWizard.WizardButton.NextButton, "Next"),
            (QWizard.WizardButton.FinishButton, "Finish"),
            (QWizard.WizardButton.CancelButton, "Cancel"),
        ):
            self.button(button).setObjectName(f"glqAssistant{name}")
