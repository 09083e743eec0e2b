"""Which input pixels the cells of a layer's map look at."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Kind", "Registration", "extent", "registration"]

Kind = Literal["receptive_field", "extent"]
_CHECKED_PX = 448
_PICTURES = 2
_CLOSE_PX = 1.0  # kernels of random weights are not symmetric, so that a centroid is never exact
_log = logging.getLogger(__name__)


class Registration(NamedTuple):
    """Cell i of a map looks at input pixel-edge coordinate ``start + i * jump``, down and across alike.

    Attributes
    ----------
    start
        Place of cell 0; pixel 0 reaches from 0 to 1.
    jump
        Input pixels from one cell to the next.
    """

    start: float
    jump: float

    @property
    def kind(self) -> str:
        """``extent`` where the map is laid over the picture edge to edge, else ``receptive_field``."""
        return "extent" if abs(self.start - self.jump / 2) < 1e-6 * self.jump else "receptive_field"

    def nodes(self, cells: int) -> npt.NDArray[np.float64]:
        """Places of ``cells`` cells in input pixels, shape (cells,)."""
        return self.start + self.jump * np.arange(cells, dtype=np.float64)


def extent(pixels: float, cells: int) -> Registration:
    """The map laid over the picture edge to edge: ``cells`` cells over ``pixels`` input pixels.

    Right for patch transformers and for maps of the input's own resolution; for convolutional networks it is
    up to half a jump too far right and down, which is what enlarging a map with ``align_corners=False`` does.
    """
    return Registration(pixels / cells / 2, pixels / cells)


def registration(
    network: nn.Module,
    layer: str | nn.Module,
    *,
    size: int | tuple[int, int] = 224,
    kind: Kind = "receptive_field",
    channels: int = 3,
) -> Registration:
    """Where the cells of a layer look, in input pixels.

    Kernel, padding and stride of every step on the way to the layer give the centre of each cell's receptive
    field [1]_. The answer is checked where the network allows: at 448 pixels, the centroid of the input
    gradient of a cell in the middle must lie within a quarter of a jump, or a pixel, of it. Else the map
    is laid over the picture edge to edge, and a warning is logged. This sets right the mean shift only: a
    filter may fire anywhere in its field.

    Parameters
    ----------
    network
        Takes pictures (n, channels, height, width), float. It is left as it was found.
    layer
        Name of a module of ``network``, or the module. Its output is a map (n, c, h, w), (n, h, w, c), or
        tokens (n, t, c) with or without one class token.
    size
        Side, or height and width, of the pictures that are explained.
    kind
        ``"receptive_field"``, or ``"extent"`` for edge to edge.
    channels
        Bands of the pictures.

    Returns
    -------
    Registration
        ``start, jump`` and, as ``kind``, which of the two it is.

    Raises
    ------
    InputError
        If there is no such layer, its output is no map, or the map's cells are not square.

    References
    ----------
    .. [1] Araujo, Norris & Sim (2019), Computing receptive fields of convolutional neural networks.
       Distill 4(11).
    """
    from geolivelihood.explanation.ground.receptive_field import traced_steps

    if kind not in ("receptive_field", "extent"):
        msg = f"registration={kind!r}: choose 'receptive_field' or 'extent'."
        raise InputError(msg)
    module = _module(network, layer)
    height, width = (size, size) if isinstance(size, int) else size
    steps, output = traced_steps(network, module, _noise(network, 1, channels, height, width))
    rows, columns = _grid(output, layer)
    down, across = extent(height, rows), extent(width, columns)
    if kind == "receptive_field" and steps is not None:
        found = Registration(*steps[:2]), Registration(*steps[2:])
        if _checked(network, module, found, channels, (height, width)):
            down, across = found
        else:
            _log.warning("The receptive field of %s is not where its kernels say; laid edge to edge.", layer)
    if not np.allclose(down, across):
        msg = (
            f"The cells of layer {layer} are {down.jump:g} pixels high and {across.jump:g} wide, from "
            f"{down.start:g} and {across.start:g}. Give square pictures, and a layer with square kernels."
        )
        raise InputError(msg)
    return across


def _module(network: nn.Module, layer: str | nn.Module) -> nn.Module:
    if not isinstance(layer, str):
        return layer
    names = dict(network.named_modules())
    if layer not in names:
        msg = f"The network has no layer {layer!r}. Its layers are: {', '.join(filter(None, names))}."
        raise InputError(msg)
    return names[layer]


def _noise(network: nn.Module, count: int, channels: int, height: int, width: int) -> Tensor:
    import torch

    noise = torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(0))
    like = next(network.parameters(), noise)
    return noise.to(device=like.device, dtype=like.dtype)


def _grid(output: Any, layer: Any) -> tuple[int, int]:
    """Rows and columns of a layer's output."""
    shape = tuple(getattr(output, "shape", ()))
    if len(shape) == 4:
        return (shape[1], shape[2]) if _channels_last(shape) else (shape[2], shape[3])
    if len(shape) == 3:
        side = int(np.sqrt(shape[1]))
        if side * side in (shape[1], shape[1] - 1):
            return side, side
    msg = f"Layer {layer} gives {shape or type(output).__name__}: choose one that gives a map (n, c, h, w)."
    raise InputError(msg)


@dataclass(frozen=True)
class _Cell:
    """Picks the values (n, channels) of one cell out of a layer's output."""

    row: int
    column: int
    channels_last: bool

    def __call__(self, output: Tensor) -> Tensor:
        """Values of the cell."""
        if self.channels_last:
            return output[:, self.row, self.column]
        return output[:, :, self.row, self.column]


def _channels_last(shape: Sequence[int]) -> bool:
    return shape[1] == shape[2] != shape[3]


def _checked(
    network: nn.Module,
    module: nn.Module,
    found: tuple[Registration, Registration],
    channels: int,
    size: tuple[int, int],
) -> bool:
    """Whether a cell in the middle answers to where ``found`` says; True where the network cannot tell."""
    from geolivelihood.explanation.ground.receptive_field import central_offset, traced_steps

    for sides in ((_CHECKED_PX, _CHECKED_PX), size):
        picture = _noise(network, _PICTURES, channels, *sides)
        try:
            steps, output = traced_steps(network, module, picture[:1])
        except (RuntimeError, ValueError, AssertionError):  # takes pictures of one size only
            continue
        if steps is None or len(output.shape) != 4:
            break
        places = [axis.nodes(cells) for axis, cells in zip(found, _grid(output, module))]
        row, column = (int(np.argmin(np.abs(at - side / 2))) for at, side in zip(places, sides))
        seen = central_offset(network, module, picture, _Cell(row, column, _channels_last(output.shape)))
        expected = places[0][row], places[1][column]
        near = (max(axis.jump / 4, _CLOSE_PX) for axis in found)
        return all(abs(a - b) <= most for a, b, most in zip(seen, expected, near))
    return all(axis.kind == "extent" for axis in found)  # patch transformers, for which both ways agree
