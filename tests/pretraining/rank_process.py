"""One of two processes that learn together: ``rank_process.py RANK STORE TARGET``; a test starts them."""

import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from geolivelihood.pretraining.rank_n_contrast import rank_n_contrast_loss

STEPS, BATCH = 20, 8


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).double()


def batches():
    """Inputs (views, pictures, 5) and labels with ties, the same in every process."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(STEPS):
        inputs = torch.randn(2, BATCH, 5, dtype=torch.float64, generator=generator)
        yield inputs, torch.randint(0, 4, (BATCH,), generator=generator)


def train(model, mine=slice(None), **options):
    """Losses of all steps on this process's pictures."""
    optimiser = torch.optim.SGD(model.parameters(), 1.0)
    losses = []
    for inputs, labels in batches():
        optimiser.zero_grad()
        features = model(inputs[:, mine].flatten(0, 1)).unflatten(0, (2, -1))
        loss = rank_n_contrast_loss(features, labels[mine], **options)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    rank, store, target = int(sys.argv[1]), *sys.argv[2:]
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    model = DistributedDataParallel(network())
    half = BATCH // 2
    losses = train(model, slice(rank * half, (rank + 1) * half), across_ranks=True)
    torch.save({"losses": losses, "weights": model.module.state_dict()}, target)
    dist.destroy_process_group()
