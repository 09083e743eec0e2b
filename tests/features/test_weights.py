"""Weights: nothing is executed, nothing is silently random."""

from __future__ import annotations

import pickle
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.features import load_weights, read_state
from geolivelihood.features.weights import published_state, state_hash


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def changed(state):
    return {k: v + 1 if v.is_floating_point() else v for k, v in state.items()}


@pytest.mark.parametrize("nest", [None, "state_dict", "model"])
def test_pytorch_files(tmp_path, network, nest):
    state = network.state_dict()
    torch.save(state if nest is None else {nest: state, "epoch": 3}, tmp_path / "w.pth")
    assert state_hash(read_state(tmp_path / "w.pth")) == state_hash(state)


def test_safetensors(tmp_path, network):
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    assert state_hash(read_state(tmp_path / "w.safetensors")) == state_hash(network.state_dict())


class _Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("bomb-went-off"),))


def test_code_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"a": torch.zeros(1)}, "extra": _Bomb()}, "zip.pth")
    Path("plain.pth").write_bytes(pickle.dumps(_Bomb()))
    for name in ("zip.pth", "plain.pth"):
        with pytest.raises(InputError):
            read_state(name)
    assert not Path("bomb-went-off").exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_damaged_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError):
        read_state(tmp_path / name)


def test_missing_file_and_no_tensors(tmp_path):
    with pytest.raises(InputError, match="no weights file"):
        read_state(tmp_path / "absent.pth")
    torch.save({"epoch": 1}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="no state dict"):
        read_state(tmp_path / "w.pth")


def test_report_and_prefix(network):
    wanted = changed(network.state_dict())
    state = {f"module.{k}": v for k, v in wanted.items()} | {"module.fc.weight": torch.zeros(2, 2)}
    del state["module.1.num_batches_tracked"]
    report = load_weights(network, state, source="file")
    assert set(report.matched) == set(wanted) - {"1.num_batches_tracked"}
    assert report.missing == ("1.num_batches_tracked",)
    assert report.unexpected == ("module.fc.weight",)
    torch.testing.assert_close(network.state_dict()["0.weight"], wanted["0.weight"])


def test_missing_weights_raise_and_change_nothing(network):
    before = state_hash(network.state_dict())
    state = changed(network.state_dict())
    del state["1.weight"]
    with pytest.raises(InputError, match=r"lacks 1 of 7 weights.*1\.weight"):
        load_weights(network, state, source="file")
    assert state_hash(network.state_dict()) == before


def test_wrong_shape_raises(network):
    state = network.state_dict() | {"0.weight": torch.zeros(4, 6, 3, 3)}
    with pytest.raises(InputError, match=r"0\.weight \(4, 6, 3, 3\) instead of \(4, 3, 3, 3\)"):
        load_weights(network, state, source="file")


def test_two_networks_in_one_file_need_a_prefix(network):
    state = {f"{p}.{k}": v for p in ("query", "key") for k, v in changed(network.state_dict()).items()}
    with pytest.raises(InputError, match=r"several networks \(query\., key\.\)"):
        load_weights(network, state, source="file")
    assert load_weights(network, state, source="file", prefix="query.").matched


def test_published_weights_offline(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def offline(*args, **options):
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(EnvironmentMissingError) as caught:
        published_state("resnet18", "DEFAULT")
    assert str(tmp_path / "checkpoints" / "resnet18-f37072fd.pth") in str(caught.value)
    assert "https://download.pytorch.org/models/resnet18-f37072fd.pth" in str(caught.value)


def test_published_weights_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    torch.save({"conv1.weight": torch.ones(2)}, tmp_path / "checkpoints" / "resnet18-f37072fd.pth")
    name, state = published_state("resnet18", "DEFAULT")
    assert name == "IMAGENET1K_V1"
    assert list(state) == ["conv1.weight"]


def test_unknown_published_weights():
    with pytest.raises(InputError, match="IMAGENET1K_V1"):
        published_state("resnet18", "IMAGENET21K")


def test_hash_depends_on_names_and_values_not_on_order():
    a, b = torch.arange(3.0), torch.zeros(2, dtype=torch.int64)
    assert state_hash({"a": a, "b": b}) == state_hash({"b": b, "a": a})
    assert state_hash({"a": a}) != state_hash({"c": a})
    assert state_hash({"a": a}) != state_hash({"a": a + 1})
    assert state_hash({"n": torch.tensor(3)}) != state_hash({"n": torch.tensor(4)})
