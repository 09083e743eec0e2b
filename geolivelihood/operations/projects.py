"""Stages of a project file: its inputs, a model of its own, that model's predictions, the scores of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geolivelihood.operations.common import done, project_parameters, tell
from geolivelihood.operations.described import Operation, Output, Parameter

__all__ = [
    "CHECK_INPUTS",
    "PREDICT",
    "TRAIN",
    "VALIDATE",
    "check_inputs",
    "predict",
    "train",
    "validate",
]

CHECK_INPUTS = Operation(
    "check_inputs",
    "Check the inputs of a project",
    "Whole jobs",
    "Reads every table that a project file names (survey clusters, pictures, regions) as a run would, and "
    "says how many rows each has and which rows cannot be used, with the reason. Nothing is trained. Faults "
    "of the project file itself are all listed at once, with their lines.",
    "check validate project inputs rejected rows quality",
    project_parameters(),
    Output(
        "table",
        "Rows set aside",
        "A CSV table with one line for each row that cannot be used: stage (which table), row (its id), "
        "column and reason. It has no lines where everything can be used.",
        "check",
    ),
    needs="geolivelihood.recipes.inventory",
)

TRAIN = Operation(
    "train",
    "Train a model",
    "Models",
    "Fits one model of a project file to all its survey clusters and saves it in a folder, with a card that "
    "says what it learned from and how well it did on places that it had not seen. 'Predict with a saved "
    "model' uses it on the cells of this or another project.",
    "train fit model save",
    [
        *project_parameters(),
        Parameter(
            "model",
            "text",
            "Model",
            "Name (or label) of one of the project's models; by default the one that makes its map.",
            optional=True,
        ),
        Parameter(
            "indicator",
            "text",
            "Indicator",
            "What is to be predicted; by default the first indicator of the project.",
            optional=True,
        ),
    ],
    Output("folder", "Model", "A new folder with the weights of the model and its card.", "model"),
    needs="geolivelihood.recipes.steps",
)

PREDICT = Operation(
    "predict",
    "Predict with a saved model",
    "Models",
    "Predicts the H3 cells of a project with a model that 'Train a model' has saved. The pictures of the "
    "project are turned into numbers as those of the model were; where that cannot be, it says so and stops.",
    "predict map cells model",
    [
        Parameter("model", "folder", "Model", "The folder that 'Train a model' has written."),
        *project_parameters(),
    ],
    Output(
        "geopackage",
        "Predictions",
        "A GeoPackage with the styled layer 'cells' (polygons, EPSG:4326): the predicted indicators in the "
        "units of the survey.",
        "prediction",
    ),
    needs="geolivelihood.recipes.steps",
)

VALIDATE = Operation(
    "validate",
    "Score the models of a project",
    "Models",
    "Scores every model of a project file on survey clusters that it had not seen, under several ways to "
    "hold clusters out: random places, whole blocks of land with a buffer, whole regions. Shows how far a "
    "map can be trusted before one is made. It makes no map.",
    "validate cross-validation scores accuracy r2 blocks",
    project_parameters(),
    Output(
        "table",
        "Scores",
        "A CSV table with one line per indicator, model, way of holding out and measure: the value with its "
        "95 % interval (lower, upper), the number of clusters and of blocks.",
        "scores",
    ),
    needs="geolivelihood.recipes.steps",
)


def check_inputs(out: Path, *, project: Path, set: dict[str, Any] | None) -> dict[str, Any]:
    """Say what the tables of a project hold; write what was set aside."""
    from geolivelihood.files import atomic
    from geolivelihood.recipes.inventory import take_inventory

    found = take_inventory(project, overrides=set)
    with atomic(out) as part:
        found.rejected.to_csv(part, index=False)
    tell(f"{row.table}: {row.rows:,} rows. {row.what}" for row in found.tables.itertuples(index=False))
    tell(f"Set aside, {row.stage}: {row.rows:,} rows. {row.reason}" for row in found.reasons().itertuples())
    tell(["The project can be run."])
    return done("table", out, rejected=len(found.rejected), tables=found.tables.to_dict("records"))


def train(
    out: Path, *, project: Path, set: dict[str, Any] | None, model: str | None, indicator: str | None
) -> dict[str, Any]:
    """Fit one model and save it with its card."""
    from geolivelihood.recipes.steps import train_model

    trained = train_model(project, out, model=model, indicator=indicator, overrides=set)
    tell([f"Saved: {trained['name']} for {trained['indicator']}"])
    return done("folder", out, trained=trained["name"], indicator=trained["indicator"])


def predict(out: Path, *, model: Path, project: Path, set: dict[str, Any] | None) -> dict[str, Any]:
    """Predict the cells of a project with a saved model."""
    from geolivelihood.recipes.steps import predict_cells
    from geolivelihood.recipes.written import layer_list

    rows = predict_cells(model, project, out, overrides=set)
    tell(f"{count:,} rows in the layer {name}" for name, count in rows.items())
    return done("geopackage", out, layers=layer_list(rows))


def validate(out: Path, *, project: Path, set: dict[str, Any] | None) -> dict[str, Any]:
    """Score every model under the project's splits."""
    from geolivelihood.recipes import open_project
    from geolivelihood.recipes.results import set_aside
    from geolivelihood.recipes.steps import write_scores

    data, lineup = open_project(project, overrides=set)
    scores = write_scores(lineup, out)
    for row in scores[scores["metric"].eq("r2")].itertuples(index=False):
        tell(
            [
                f"{row.indicator}, {row.model}, {row.split}: r² {row.value:.2f} [{row.lower:.2f}, "
                f"{row.upper:.2f}]"
            ]
        )
    return done("table", out, rejected=len(set_aside(data, lineup)))
