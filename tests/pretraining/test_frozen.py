"""Frozen means frozen: buffers, weights and modes."""

import copy

import lightning.pytorch as pl
import pytest
import torch
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.features import headless
from geolivelihood.models.training import _quiet
from geolivelihood.pretraining.frozen import Frozen, as_it_was, frozen


@pytest.fixture
def network():
    return headless("resnet18", size=16, seed=2)[0].train()


class Probing(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network, self.head = network, nn.Linear(512, 2)

    def training_step(self, batch, index):
        return self.head(self.network(batch)).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


class Batches:
    def __iter__(self):
        return iter([torch.randn(4, 3, 16, 16) + 3 for _ in range(2)])


def train(module):
    with _quiet():
        trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=2,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, Batches())


def test_every_buffer_stays_though_lightning_calls_train(network):
    before = copy.deepcopy(network.state_dict())
    still = Frozen(network)
    module = Probing(still)
    head = copy.deepcopy(module.head.state_dict())
    train(module)
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert sum("running_" in key or "num_batches" in key for key in before) == 60
    still.check()
    assert not torch.equal(head["weight"], module.head.weight)


def test_requires_grad_alone_does_not_freeze(network):
    # why there is a class for it: this is the published probe's trap
    before = copy.deepcopy(network.state_dict())
    train(Probing(network.requires_grad_(False)))
    moved = [key for key, value in network.state_dict().items() if not torch.equal(before[key], value)]
    assert moved and all("running_" in key or "num_batches" in key for key in moved)


def test_train_reaches_no_part(network):
    still = Frozen(network)
    nn.Sequential(still).train()
    assert not any(module.training for module in still.modules())
    assert not any(p.requires_grad for p in still.parameters())


def test_changes_are_found(network):
    still = Frozen(network)
    network.bn1.running_mean += 1e-3
    with pytest.raises(InputError, match="has changed"):
        still.check()


def test_block_gives_the_network_back_as_it_was(network):
    network.train()
    network.layer1.eval()
    network.conv1.weight.requires_grad_(False)
    modes = [module.training for module in network.modules()]
    with frozen(network) as still:
        assert not any(module.training for module in still.modules())
    assert [module.training for module in network.modules()] == modes
    learns = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert learns == {"conv1.weight"}
    with pytest.raises(InputError, match="has changed"), frozen(network):
        network.bn1.running_mean += 1
    with as_it_was(network):
        network.train()
    assert [module.training for module in network.modules()] == modes
