"""The pictures that a project names, read by the reader that fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geolivelihood import tables
from geolivelihood.recipes.project_file import ProjectFile
from geolivelihood.recipes.settings import ImageSource
from geolivelihood.tables.images import require_paths

__all__ = ["read_source"]


def read_source(project: ProjectFile, source: ImageSource) -> tables.Checked:
    """Read one source of pictures (not chips, which are laid around places).

    Parameters
    ----------
    project
        The project; its ``data`` folder is what paths are relative to.
    source
        One entry of its ``images``.

    Returns
    -------
    Checked
        Images table in EPSG:4326 and what was set aside.
    """
    kind: dict[str, Any] = {"kind": source.kind} if source.kind else {}
    if source.photos is not None:
        return tables.read_photos(project.input(source.photos), **kind)
    if source.geotiffs is not None:
        paths = project.inputs(source.geotiffs)
        return tables.read_geotiffs(paths[0] if len(paths) == 1 and paths[0].is_dir() else paths)
    if source.tiles is not None:
        return tables.read_tiles(project.input(source.tiles), scheme=source.scheme)
    path = project.input(str(source.table))
    root: Path = project.input(source.root) if source.root else path.parent
    checked = tables.read_images(
        path,
        columns=source.columns or None,
        crs=source.crs,
        where=source.where or None,
        root=root,
        files=source.files,
        layer=source.layer,
        numbered=source.numbered,
        **kind,
    )
    if source.encoder is not None:
        require_paths(checked.table, path)
    return checked
