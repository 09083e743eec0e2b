"""One step of momentum contrast, against the published order written out."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.pretraining.moco import Encoder, MoCo, follow
from geolivelihood.pretraining.queue import Origin
from geolivelihood.pretraining.split_norm import SplitBatchNorm2d, key_order


class Tiny(nn.Module):
    """Two layers with batch normalisation, to features of 6 values."""

    def __init__(self, bands=2):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(bands, 5, 3, 2, bias=False), nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 6, 3)
        )

    def forward(self, pictures):
        return self.layers(pictures).mean(dim=(2, 3))


def encoder(norm="split", seed=0, dim=4):
    torch.manual_seed(seed)
    return Encoder.of(Tiny().double(), size=9, bands=2, dim=dim, norm=norm, seed=seed).double()


def moco(norm="split", **options):
    settings = {"dim": 4, "queue_size": 12, "momentum": 0.9, "temperature": 0.2, "within": None} | options
    return MoCo(encoder(norm), **settings).double()


def views(n=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 2, 9, 9, dtype=torch.float64, generator=generator) for _ in range(2)]


def step(model, pictures, number=0, **options):
    origin = options.pop("origin", Origin.of(len(pictures[0])))
    return model(*pictures, query_origin=origin, key_origin=origin, step=number, **options)


def test_resnet50_has_the_size_that_was_published():
    model = Encoder.of("resnet50", size=32)
    assert sum(p.numel() for p in model.parameters()) == 27_966_656
    assert len(model.state_dict()) == 322 and len(model.backbone.state_dict()) == 318
    assert sum(p.numel() for p in model.backbone.parameters()) == 23_508_032
    shapes = [tuple(p.shape) for p in model.head.parameters()]
    assert shapes == [(2048, 2048), (2048,), (128, 2048), (128,)]


def test_the_slow_network_follows_by_its_parameters_alone():
    slow, fast = (nn.BatchNorm1d(1).double() for _ in range(2))
    for parameter in slow.parameters():
        nn.init.constant_(parameter, 0.5)
    for parameter in fast.parameters():
        nn.init.constant_(parameter, 1.0)
    fast.running_mean.fill_(7)
    follow(slow, fast, momentum=0.999)
    assert slow.weight.item() == pytest.approx(0.5005, abs=1e-12)
    for _ in range(2):
        follow(slow, fast, momentum=0.999)
    assert slow.weight.item() == pytest.approx(0.5014985005, abs=1e-12) and slow.running_mean == 0
    assert fast.weight == 1


def literal_step(query_net, key_net, queue, pointer, pictures, order, momentum, temperature):
    """The step as it is published, from its formulae: concatenated logits, a copy of the queue."""
    q = functional.normalize(query_net(pictures[0]), dim=1)
    with torch.no_grad():
        for slow, fast in zip(key_net.parameters(), query_net.parameters()):
            slow.data = slow.data * momentum + fast.data * (1.0 - momentum)
        k = functional.normalize(key_net(pictures[1][order]), dim=1)[torch.argsort(order)]
    positive = torch.einsum("nc,nc->n", q, k)[:, None]
    negative = torch.einsum("nc,ck->nk", q, queue.clone().detach())
    logits = torch.cat([positive, negative], dim=1) / temperature
    loss = functional.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))
    queue[:, pointer : pointer + len(k)] = k.T
    return loss, (pointer + len(k)) % queue.shape[1]


def test_steps_are_those_of_the_published_order():
    model = moco()
    query_net, key_net = copy.deepcopy(model.encoder_q), copy.deepcopy(model.encoder_k)
    queue, pointer = model.queue.keys.T.clone(), 0
    ours = torch.optim.SGD(model.encoder_q.parameters(), 0.1, momentum=0.9)
    theirs = torch.optim.SGD(query_net.parameters(), 0.1, momentum=0.9)
    for number in range(5):
        pictures = views(seed=number)
        done = step(model, pictures, number)
        order = key_order(4, seed=0, step=number)
        loss, pointer = literal_step(query_net, key_net, queue, pointer, pictures, order, 0.9, 0.2)
        assert done.loss.item() == pytest.approx(loss.item(), abs=1e-12)
        for optimiser, value in ((ours, done.loss), (theirs, loss)):
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
        model.queue.enqueue(done.keys, done.origin)
    torch.testing.assert_close(model.queue.keys.T, queue, atol=1e-12, rtol=0)
    assert int(model.queue.pointer) == pointer == 8
    for name, value in key_net.state_dict().items():  # buffers too: the key network normalises by itself
        torch.testing.assert_close(model.encoder_k.state_dict()[name], value, atol=1e-12, rtol=0)
    before, after = moco().encoder_k.state_dict(), model.encoder_k.state_dict()
    assert not before["backbone.layers.1.running_mean"].equal(after["backbone.layers.1.running_mean"])


def test_keys_are_normalised_in_shuffled_groups_and_come_back_in_order():
    model = moco()
    model.share_norm(2)
    pictures = views(8)[1]
    order = key_order(8, seed=0, step=3)
    assert order.tolist() != list(range(8))
    found = model.keys(pictures, step=3)
    plain = copy.deepcopy(model.encoder_k)
    for module in plain.modules():
        if isinstance(module, SplitBatchNorm2d):
            module.groups = 1
    for half in order.split(4):
        by_hand = functional.normalize(plain(pictures[half]), dim=1)
        torch.testing.assert_close(found[half], by_hand, atol=1e-12, rtol=0)


def test_the_loss_of_a_batch_that_is_seen_again_and_again_falls():
    model, pictures = moco(momentum=0.5), views()
    optimiser = torch.optim.Adam(model.encoder_q.parameters(), 0.01)
    losses = []
    for number in range(40):
        done = step(model, pictures, number)
        optimiser.zero_grad()
        done.loss.backward()
        optimiser.step()
        losses.append(done.loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_no_gradient_reaches_the_key_network():
    model = moco()
    step(model, views()).loss.backward()
    assert all(p.grad is None for p in model.encoder_k.parameters())
    assert all(p.grad is not None for p in model.encoder_q.parameters())


def test_symmetric_steps_are_the_mean_of_both_directions():
    pictures = views()
    both = step(moco(symmetric=True, norm="group"), pictures)
    there = step(moco(norm="group"), pictures)
    back = step(moco(norm="group"), pictures[::-1])
    assert both.loss.item() == pytest.approx((there.loss + back.loss).item() / 2, abs=1e-12)
    assert len(both.keys) == len(both.origin.place) == 8


def test_pictures_of_one_place_are_no_negatives_of_each_other():
    model, pictures = moco(within="place"), views()
    origin = Origin.of(4, places=["a", "b", "c", "d"])
    first = step(model, pictures, origin=origin)
    model.queue.enqueue(first.keys, first.origin)
    lowest = torch.finfo(torch.float64).min
    again = step(model, pictures, 1, origin=origin).logits.negative
    assert (again[:, :4].eq(lowest) == torch.eye(4, dtype=torch.bool)).all()
    assert again[:, 4:].gt(lowest).all()
    model.within = None
    assert step(model, pictures, 2, origin=origin).logits.negative.gt(lowest).all()


def test_geography_is_read_from_queries_before_they_are_normalised():
    model = moco(classes=(3,))
    labels = torch.tensor([[0], [1], [2], [0]])
    done = step(model, views(), geo=labels)
    assert done.loss.item() == pytest.approx((done.contrast + done.geo).item(), abs=1e-12)
    again = moco(classes=(3,))
    raw = again.encoder_q(views()[0])
    by_hand = functional.cross_entropy(again.geo_head.linear(raw.clamp_min(0)), labels[:, 0])
    assert done.geo.item() == pytest.approx(by_hand.item(), abs=1e-12) and 0 <= done.geo_accuracy <= 1
    double = step(moco(classes=(3,), geo_weight=2.0), views(), geo=labels)
    assert double.loss.item() == pytest.approx((done.contrast + 2 * done.geo).item(), abs=1e-12)


def test_ml_cpc_is_a_choice():
    pictures = views()
    assert step(moco(objective="ml_cpc"), pictures).loss != step(moco(), pictures).loss


def test_autocast_keeps_logits_and_queue_in_single_precision():
    model = MoCo(encoder().float(), dim=4, queue_size=8)
    pictures = [view.float() for view in views()]
    with torch.autocast("cpu", torch.bfloat16):
        done = step(model, pictures)
    assert {done.loss.dtype, done.logits.negative.dtype, done.keys.dtype} == {torch.float32}
    done.loss.backward()
    model.queue.enqueue(done.keys, done.origin)
    assert model.queue.keys[:4].norm(dim=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_step_in_bfloat16_on_a_gpu():
    model = MoCo(Encoder.of("resnet18", size=64, dim=32), dim=32, queue_size=64).cuda()
    model.to(memory_format=torch.channels_last)
    model.share_norm(2)
    optimiser = torch.optim.SGD(model.encoder_q.parameters(), 0.03, fused=True)
    origin = Origin.of(16, places=list(range(16))).to(torch.device("cuda"))
    losses = []
    for number in range(4):
        pictures = [torch.randn(16, 3, 64, 64, device="cuda") for _ in range(2)]
        pictures = [view.contiguous(memory_format=torch.channels_last) for view in pictures]
        with torch.autocast("cuda", torch.bfloat16):
            done = model(*pictures, query_origin=origin, key_origin=origin, step=number)
        optimiser.zero_grad()
        done.loss.backward()
        optimiser.step()
        model.queue.enqueue(done.keys, done.origin)
        losses.append(done.loss.item())
    assert done.loss.dtype == torch.float32 and all(torch.isfinite(torch.tensor(losses)))
    assert int(model.queue.pointer) == 0 and model.queue.place.ge(0).all()


def test_settings_that_make_no_sense():
    for options, words in (
        ({"momentum": 1.5}, "momentum=1.5"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"within": "city"}, "within='city': choose 'place', 'cell', a radius"),
        ({"within": -5.0}, "within=-5.0: a radius in metres is above 0"),
        ({"objective": "triplet"}, "objective='triplet'"),
    ):
        with pytest.raises(InputError, match=words):
            moco(**options)
    with pytest.raises(InputError, match="norm='none'"):
        encoder(norm="none")
    with pytest.raises(InputError, match=r"returns shape \(1, 2, 7, 7\)"):
        Encoder.of(nn.Conv2d(2, 2, 3), size=9, bands=2)
    with pytest.raises(InputError, match="does not take pictures of 3 bands"):
        Encoder.of(Tiny(), size=9, bands=3)
