"""A step of momentum contrast against the published one, written out from its formulae.

The device is the GPU where torch sees one, in bfloat16; else the CPU in single precision, where the encoders
take nearly all of the time on both sides. ``GEOLIVELIHOOD_BENCH_BATCH`` sets the batch.
"""

from __future__ import annotations

import copy
import os
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.harness import Comparison
from geolivelihood.pretraining.moco import Encoder, MoCo, follow
from geolivelihood.pretraining.queue import Origin

_GPU = torch.cuda.is_available()
_DEVICE = torch.device("cuda" if _GPU else "cpu")
_NAME = torch.cuda.get_device_name() if _GPU else "CPU"
_NETWORK, _SIZE = ("resnet50", 224) if _GPU else ("resnet18", 32)
_BATCH = int(os.environ.get("GEOLIVELIHOOD_BENCH_BATCH", "256" if _GPU else "16"))
_STEPS = 30 if _GPU else 4
_KEYS, _DIM, _GROUPS = 65_536, 128, 8
_FOLLOWS = 20


class _Published(nn.Module):
    """The published step: a new tensor per parameter, one matrix of logits, a clone of the queue."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder_q, self.encoder_k = encoder, copy.deepcopy(encoder).requires_grad_(False)
        self.register_buffer("queue", functional.normalize(torch.randn(_DIM, _KEYS), dim=0))
        self.register_buffer("pointer", torch.zeros(1, dtype=torch.long))
        self.queue: Tensor
        self.pointer: Tensor

    @torch.no_grad()
    def follow(self) -> None:
        """θ_k ← m θ_k + (1 - m) θ_q, one parameter after the other."""
        for slow, fast in zip(self.encoder_k.parameters(), self.encoder_q.parameters()):
            slow.data = slow.data * 0.999 + fast.data * (1.0 - 0.999)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        q = functional.normalize(self.encoder_q(query), dim=1)
        with torch.no_grad():
            self.follow()
            order = torch.randperm(len(key), device=key.device)
            k = functional.normalize(self.encoder_k(key[order]), dim=1)[torch.argsort(order)]
        positive = torch.einsum("nc,nc->n", q, k)[:, None]
        negative = torch.einsum("nc,ck->nk", q, self.queue.clone().detach())
        logits = torch.cat([positive, negative], dim=1) / 0.02
        with torch.no_grad():
            start = int(self.pointer)
            self.queue[:, start : start + len(k)] = k.T
            self.pointer[0] = (start + len(k)) % _KEYS
            right = logits.topk(5, dim=1).indices.eq(0)
            [right[:, :first].reshape(-1).float().sum().item() for first in (1, 5)]
        return functional.cross_entropy(logits, logits.new_zeros(len(q), dtype=torch.long))


def _encoder() -> Encoder:
    # both sides normalise in as many groups, so that the same network is timed
    return Encoder.of(_NETWORK, size=_SIZE, dim=_DIM)


def _pictures() -> list[Tensor]:
    return [torch.randn(_BATCH, 3, _SIZE, _SIZE, device=_DEVICE) for _ in range(2)]


def _setup() -> dict[str, Any]:
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    ours = MoCo(_encoder(), dim=_DIM, queue_size=_KEYS, momentum=0.999, temperature=0.02, within=None)
    ours.share_norm(_GROUPS)
    theirs = _Published(copy.deepcopy(ours.encoder_q)).to(_DEVICE)
    data = {
        "ours": ours.to(_DEVICE).to(memory_format=torch.channels_last),
        "theirs": theirs,
        "pictures": _pictures(),
        "origin": Origin.of(_BATCH).to(_DEVICE),
    }
    for side in (_ours, _theirs):  # kernels are chosen, memory is taken
        side(data, steps=1)
    return data


def _ours(data: dict[str, Any], steps: int = _STEPS) -> None:
    moco, origin = data["ours"], data["origin"]
    how: dict[str, Any] = {"fused": True} if _GPU else {"foreach": True}
    optimiser = torch.optim.SGD(moco.encoder_q.parameters(), 0.03, momentum=0.9, weight_decay=1e-4, **how)
    for step in range(steps):
        views = [view.contiguous(memory_format=torch.channels_last) for view in data["pictures"]]
        with torch.autocast(_DEVICE.type, torch.bfloat16, enabled=_GPU):
            done = moco(*views, query_origin=origin, key_origin=origin, step=step)
        optimiser.zero_grad()
        done.loss.backward()
        optimiser.step()
        moco.queue.enqueue(done.keys, done.origin)
    _wait()


def _theirs(data: dict[str, Any], steps: int = _STEPS) -> None:
    moco = data["theirs"]
    settings: dict[str, Any] = {"momentum": 0.9, "weight_decay": 1e-4, "foreach": False}
    optimiser = torch.optim.SGD(moco.encoder_q.parameters(), 0.03, **settings)
    for _ in range(steps):
        loss = moco(*data["pictures"])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()  # the published loop prints its running mean
    _wait()


def _wait() -> None:
    if _GPU:
        torch.cuda.synchronize()


def _setup_follow() -> dict[str, Any]:
    torch.manual_seed(0)
    fast = Encoder.of("resnet50", size=64).to(_DEVICE)
    return {"slow": copy.deepcopy(fast), "fast": fast}


def _follow_ours(data: dict[str, Any]) -> None:
    for _ in range(_FOLLOWS):
        follow(data["slow"], data["fast"], momentum=0.999)
    _wait()


@torch.no_grad()
def _follow_theirs(data: dict[str, Any]) -> None:
    for _ in range(_FOLLOWS):
        for slow, fast in zip(data["slow"].parameters(), data["fast"].parameters()):
            slow.data = slow.data * 0.999 + fast.data * (1.0 - 0.999)
    _wait()


COMPARISONS = (
    Comparison(
        name="moco_step",
        what=f"{_STEPS} steps of MoCo ({_NETWORK}, {_SIZE} px, batch {_BATCH}, {_KEYS:,} keys, {_NAME})",
        against="the published step, single precision",
        # on a CPU both sides spend most of their time in the same convolutions
        goal=1.5 if _GPU else 1.1,
        setup=_setup,
        ours=_ours,
        peer=_theirs,
    ),
    Comparison(
        name="moco_follow",
        what=f"{_FOLLOWS} moves of the key encoder (resnet50 with head, {_NAME})",
        against="a new tensor per parameter",
        goal=2.0,
        setup=_setup_follow,
        ours=_follow_ours,
        peer=_follow_theirs,
    ),
)
