"""Small networks of the kinds that attribution meets."""

import pytest
import torch
from torch import nn


class Residual(nn.Module):
    """A block that uses one in-place ReLU twice and adds in place, as torchvision's ResNets do."""

    def __init__(self, width):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x
        return self.relu(out)


def small_resnet(outputs=2, bands=3, pool=2, seed=0):
    """Convolution, pooling, two residual blocks and a linear head; statistics as after training."""
    torch.manual_seed(seed)
    network = nn.Sequential()
    network.stem = nn.Sequential(nn.Conv2d(bands, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(pool, 2))
    network.body = nn.Sequential(Residual(6), Residual(6))
    network.pool, network.flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    network.fc = nn.Linear(6, outputs)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network


class Plain(nn.Module):
    """Convolutions whose ReLUs serve once and copy, which captum can follow."""

    def __init__(self, outputs=3):
        super().__init__()
        torch.manual_seed(3)
        self.conv1, self.relu1 = nn.Conv2d(3, 5, 3, padding=1), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(5, 7, 3, padding=1, stride=2), nn.ReLU()
        self.fc = nn.Linear(7, outputs)

    def forward(self, x):
        x = self.relu2(self.conv2(self.relu1(self.conv1(x))))
        return self.fc(x.mean(dim=(2, 3)))


@pytest.fixture
def make_resnet():
    return small_resnet


@pytest.fixture
def network():
    return small_resnet()


@pytest.fixture
def plain():
    return Plain().eval()


@pytest.fixture(scope="session")
def pictures():
    return torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(1))
