"""Run a project file in the worker, and load what it has written."""

from ..compat import tr
from .project_algorithm import ProjectAlgorithm


class RunProject(ProjectAlgorithm):
    """Runs a whole job: pictures and survey clusters in, a map with honest scores out."""

    GROUP = "jobs"
    ID = "run_project"
    OPERATION = "run"
    TITLE = "Run project"
    HELP = (
        "Runs a geolivelihood project file (.yaml): reads pictures and survey clusters, trains and scores "
        "the models under random and spatially blocked validation, writes the map and loads it. "
        "It runs in a separate Python that has the library (Plugins ▸ Geolivelihood ▸ Settings) and "
        "can be cancelled; what was computed until then is kept for the next run."
    )
    TAGS = "livelihood wealth poverty predict map survey pictures"

    def initAlgorithm(self, configuration=None):
        self.add_project()
        self.add_settings(tr("Changes to the project, one per line: validation.folds = 10"))
        self.add_output(
            tr("A new GeoPackage. Left empty: a new folder in the results folder, or beside the project.")
        )

    def processAlgorithm(self, parameters, context, feedback):
        project = self.project(parameters, context)
        changes = self.changes(parameters, context)
        out = self.target(parameters, context, project.parent / "results", project.stem)
        result = self.work({"project": str(project), "set": changes}, out, feedback)
        return {"OUTPUT": str(out), "LAYERS": self.load(out, self.described(out, result), context)}
