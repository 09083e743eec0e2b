"""Embeddings laid out in the plane, coloured by place, region or label; files for TensorBoard's projector."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from geolivelihood.errors import InputError
from geolivelihood.explanation.cluster_drawing import draw_embedding
from geolivelihood.explanation.contact_sheet import Blank, thumbnails
from geolivelihood.explanation.feature_clusters import embedding_coordinates
from geolivelihood.files import atomic

__all__ = ["Projection", "draw_projection", "project_embeddings"]

_ITERATIONS = 1000
_MOST_CLASSES = 12  # colours that one can tell apart
_SPRITE_SIDE, _THUMBNAIL = 8192, 64  # pixels; TensorBoard shows no larger sprite
_BLANK = 210  # grey of pictures that cannot be read


class Projection(NamedTuple):
    """A layout in the plane, and how it came about.

    Attributes
    ----------
    coordinates
        Shape (n, 2).
    parameters
        ``method, perplexity, learning_rate, init, iterations, components, random_state, n``: enough to make
        it again.
    """

    coordinates: npt.NDArray[np.float64]
    parameters: dict[str, Any]


def project_embeddings(
    features: npt.ArrayLike, *, perplexity: float = 30.0, random_state: int = 0
) -> Projection:
    """t-SNE of embeddings, as published for encoders of places [1]_.

    Started from principal components, learning rate max(n/48, 50), 1,000 iterations. Distances between far
    groups, and the sizes of groups, mean nothing.

    Parameters
    ----------
    features
        Shape (n, d), at least four; of more than 50 columns the first 50 principal components are used.
    perplexity
        Effective number of neighbours; at most a third of the other pictures.
    random_state
        Seed.

    Raises
    ------
    InputError
        If there are fewer than four embeddings, all are the same, or one is not finite.

    References
    ----------
    .. [1] Obadic et al. (2024), "Contrastive Pretraining for Visual Concept Explanations of Socioeconomic
       Outcomes", CVPR Workshops.
    """
    table = _checked(features, perplexity)
    n, d = table.shape
    spots = embedding_coordinates(
        table, perplexity=perplexity, max_iter=_ITERATIONS, random_state=random_state
    )
    parameters = {
        "method": "tsne",
        "perplexity": min(perplexity, max((n - 1) / 3, 1.0)),
        # what scikit-learn chooses by itself: n / early exaggeration / 4
        "learning_rate": max(n / 48, 50.0),
        "init": "pca" if d > 1 else "random",
        "iterations": _ITERATIONS,
        "components": 50 if min(n, d) > 50 else d,
        "random_state": random_state,
        "n": n,
    }
    return Projection(spots, parameters)


def draw_projection(
    features: npt.ArrayLike,
    colours: Mapping[str, Any] | pd.DataFrame,
    folder: str | os.PathLike[str],
    *,
    ids: Any,
    images: pd.DataFrame | None = None,
    root: str | os.PathLike[str] | None = None,
    perplexity: float = 30.0,
    seed: int = 0,
) -> Path:
    """Draw embeddings in one panel per colouring, and write them for TensorBoard's projector.

    The folder then holds ``projection.png``, ``projection.csv`` (``image_id, tsne_1, tsne_2`` and the
    colourings), ``projection.json`` (how it was made), and the projector's ``tensors.tsv``,
    ``metadata.tsv``, ``projector_config.pbtxt`` and, where pictures are given, ``sprite.png``. Show the
    latter with ``tensorboard --logdir <folder>``, or load them at projector.tensorflow.org.

    Parameters
    ----------
    features
        Shape (n, d).
    colours
        Place, region, label...: a column each, n long. Of more than 12 classes the rarer are grey.
    folder
        Where to; made if it is not there.
    ids
        ``image_id`` of each embedding.
    images
        Table with ``image_id`` and ``path``, for the sprite of small pictures.
    root
        Folder that relative paths start from.
    perplexity, seed
        Of :func:`project_embeddings`.

    Returns
    -------
    pathlib.Path
        The PNG.

    Raises
    ------
    InputError
        If lengths differ, there is nothing to colour by, or as in :func:`project_embeddings`.
    """
    table = _checked(features, perplexity)
    names = pd.Index(np.asarray(ids).astype(str), name="image_id")
    columns = pd.DataFrame({str(name): np.asarray(values) for name, values in _lengths(colours, len(table))})
    if len(names) != len(table) or columns.empty:
        msg = (
            f"{len(table)} embeddings, {len(names)} ids, {len(columns.columns)} colourings: give an id for "
            "each embedding and at least one colouring."
        )
        raise InputError(msg)
    target = Path(folder)
    made = project_embeddings(table, perplexity=perplexity, random_state=seed)
    spots = pd.DataFrame(made.coordinates, columns=["tsne_1", "tsne_2"])
    _text(
        target / "projection.csv",
        pd.concat([names.to_frame(index=False), spots, columns], axis=1).to_csv(index=False),
    )
    _text(target / "projection.json", json.dumps(made.parameters, indent=1) + "\n")
    _write_projector(target, table, pd.concat([names.to_frame(index=False), columns], axis=1), images, root)
    draw_embedding(made.coordinates, _few_classes(columns), path=target / "projection.png")
    return target / "projection.png"


def _checked(features: npt.ArrayLike, perplexity: float) -> npt.NDArray[np.float64]:
    table = np.asarray(features, dtype=np.float64)
    if table.ndim != 2 or len(table) < 4 or not table.shape[1]:
        msg = f"Embeddings have shape {table.shape}: give (n, d), at least four."
        raise InputError(msg)
    if not np.isfinite(table).all():
        msg = f"{int((~np.isfinite(table)).any(axis=1).sum())} embeddings are not finite. Leave them out."
        raise InputError(msg)
    if not np.ptp(table, axis=0).any():
        msg = "All embeddings are the same: the encoder has collapsed, and there is nothing to lay out."
        raise InputError(msg)
    if not perplexity >= 1:
        msg = f"perplexity={perplexity}: give at least 1 neighbour."
        raise InputError(msg)
    return table


def _lengths(colours: Mapping[str, Any] | pd.DataFrame, n: int) -> list[tuple[str, Any]]:
    wrong = {str(name): len(values) for name, values in colours.items() if len(values) != n}
    if wrong:
        msg = f"Colourings of another length than the {n} embeddings: {wrong}."
        raise InputError(msg)
    return list(colours.items())


def _few_classes(columns: pd.DataFrame) -> pd.DataFrame:
    """Columns as they are drawn: of many classes the commonest, the others grey as if they were missing."""
    drawn = {}
    for name, column in columns.items():
        count = column.nunique()
        if pd.api.types.is_numeric_dtype(column) or count <= _MOST_CLASSES:
            drawn[str(name)] = column
            continue
        common = column.value_counts(sort=True).index[:_MOST_CLASSES]
        drawn[f"{name} ({_MOST_CLASSES} commonest of {count})"] = column.where(column.isin(common))
    return pd.DataFrame(drawn)


def _write_projector(
    folder: Path,
    table: npt.NDArray[np.float64],
    metadata: pd.DataFrame,
    images: pd.DataFrame | None,
    root: str | os.PathLike[str] | None,
) -> None:
    with atomic(folder / "tensors.tsv") as part:
        np.savetxt(part, table, fmt="%.6g", delimiter="\t")
    # of one column TensorBoard expects no header; here are always two or more
    plain = metadata.astype(object).where(metadata.notna(), "").map(str)
    plain = plain.replace(r"[\t\r\n]+", " ", regex=True)
    _text(
        folder / "metadata.tsv",
        "\n".join("\t".join(row) for row in [plain.columns, *plain.to_numpy()]) + "\n",
    )
    sprite = ""
    if images is not None:
        side = _write_sprite(folder / "sprite.png", metadata["image_id"], images, root)
        sprite = f'  sprite {{\n    image_path: "sprite.png"\n    single_image_dim: [{side}, {side}]\n  }}\n'
    _text(
        folder / "projector_config.pbtxt",
        'embeddings {\n  tensor_name: "embeddings"\n  tensor_path: "tensors.tsv"\n'
        f'  metadata_path: "metadata.tsv"\n{sprite}}}\n',
    )


def _write_sprite(
    path: Path, ids: pd.Series, images: pd.DataFrame, root: str | os.PathLike[str] | None
) -> int:
    """One square picture of all pictures, row by row; returns the side of each in pixels."""
    across = math.ceil(math.sqrt(len(ids)))
    side = min(_THUMBNAIL, _SPRITE_SIDE // across)
    table = images.assign(image_id=images["image_id"].astype(str)).set_index("image_id", drop=False)
    absent = ids[~ids.isin(table.index)]
    if len(absent) or side < 1:
        msg = (
            f"{len(absent)} of {len(ids)} embedded pictures are not in images, such as {absent.tolist()[:3]}."
        )
        raise InputError(msg)
    shown = thumbnails(table.loc[ids].reset_index(drop=True), size=side, root=root)
    sheet = np.full((across * side, across * side, 3), _BLANK, dtype=np.uint8)
    for k, small in enumerate(shown):
        top, left = side * (k // across), side * (k % across)
        if not isinstance(small, Blank):
            sheet[top : top + side, left : left + side] = small
    with atomic(path) as part:
        Image.fromarray(sheet).save(part, format="PNG")
    return side


def _text(path: Path, content: str) -> None:
    with atomic(path) as part:
        part.write_text(content, encoding="utf-8")
