"""What algorithms of a project file have in common: the file, and changes of its settings."""

from pathlib import Path

from qgis.core import QgsProcessingParameterFile, QgsProcessingParameterString

from ..compat import tr
from .worker_algorithm import WorkerAlgorithm, parse_settings


class ProjectAlgorithm(WorkerAlgorithm):
    """An algorithm of a project file."""

    def add_project(self):
        """The project file, which is asked first."""
        self.add(
            QgsProcessingParameterFile(
                "PROJECT",
                tr("Project file"),
                QgsProcessingParameterFile.Behavior.File,
                fileFilter=tr("Project files (*.yaml *.yml);;All files (*)"),
            ),
            tr("The YAML file that says what comes in, which models are compared and what goes out."),
        )

    def add_settings(self, help_text):
        """Changes of the project's settings, for those who know them."""
        self.add(
            QgsProcessingParameterString("SET", tr("Changed settings"), multiLine=True, optional=True),
            help_text,
            advanced=True,
        )

    def checkParameterValues(self, parameters, context):
        try:
            parse_settings(self.parameterAsString(parameters, "SET", context))
        except ValueError as error:
            return False, str(error)
        return super().checkParameterValues(parameters, context)

    def project(self, parameters, context):
        """Path of the project file."""
        return Path(self.parameterAsFile(parameters, "PROJECT", context)).resolve()

    def changes(self, parameters, context):
        """Changed settings, by dotted key."""
        return parse_settings(self.parameterAsString(parameters, "SET", context))
