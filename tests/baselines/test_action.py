"""The action classifier on video networks that see everything, or nothing."""

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import Tensor, nn

from baselines.action import ActionClassifier, ActionClassifierConfig, labels_of
from benchmarks.training.checkpoints import Checkpoints
from benchmarks.training.loop import make_optimizer


@dataclass
class Batch:
    clip: Tensor | None
    kinds: tuple[tuple[int, ...], ...]


class Shades(nn.Module):
    """The mean brightness of every frame, scaled."""

    clip_frames, clip_fps, image_size, embedding_size = 4, 8.0, 16, 4

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, clip):
        return self.scale * (clip.float().mean((2, 3, 4)) / 255)


def clips(n, seed=0):
    """Brightness of one frame of four; the label says which."""
    labels = torch.arange(n) % 4
    clip = torch.randint(0, 20, (n, 4, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    clip[torch.arange(n), labels] += 200
    return Batch(clip, tuple((int(label),) for label in labels))


def classifier(**config):
    torch.manual_seed(0)
    return ActionClassifier(ActionClassifierConfig(**{"classes": 4, **config}), Shades())


def test_the_loss_is_the_cross_entropy_of_the_labels():
    model, batch = classifier(), clips(6)
    weight, bias = model.head.weight, model.head.bias
    features = batch.clip.float().mean((2, 3, 4)) / 255
    expected = F.cross_entropy(features @ weight.T + bias, torch.tensor([k[0] for k in batch.kinds]))
    loss, logs = model.training_step(batch, torch.Generator())
    torch.testing.assert_close(loss, expected)
    assert logs == {"loss": pytest.approx(float(expected.detach()))}


def test_gradients_reach_the_video_network():
    model = classifier()
    model.training_step(clips(6), torch.Generator())[0].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_it_learns_what_the_network_sees():
    model, batch = classifier(), clips(16)
    optimizer = make_optimizer(model, 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        model.training_step(batch, torch.Generator())[0].backward()
        optimizer.step()
    other = clips(20, seed=1)
    assert model.eval().predict(other.clip).tolist() == [k[0] for k in other.kinds]
    probabilities = model.probabilities(other.clip)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(20))
    assert not probabilities.requires_grad
    assert model.predict(other.clip[:1]).tolist() == [0]


def test_probabilities_are_the_softmax_of_the_logits():
    model, batch = classifier().eval(), clips(5)
    torch.testing.assert_close(model.probabilities(batch.clip), model(batch.clip).softmax(1))
    assert model(batch.clip).shape == (5, 4)


def test_the_window_covers_the_clip():
    assert classifier(sample_rate=11_025).window == 5513  # half a second: four frames of 1/8 s
    assert (classifier().clip_frames, classifier().clip_fps, classifier().image_size) == (4, 8.0, 16)
    assert classifier(sample_rate=8000).sample_rate == 8000


def test_dropout_falls_on_the_embedding_in_training_only():
    model, batch = classifier(dropout=0.5), clips(8)
    model.train()
    torch.manual_seed(1)
    assert not torch.equal(model(batch.clip), model(batch.clip))
    model.eval()
    assert torch.equal(model(batch.clip), model(batch.clip))


def test_the_logits_are_float32_also_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert classifier()(clips(2).clip).dtype == torch.float32


def test_the_state_holds_every_weight_once_and_is_found_again(tmp_path):
    model = classifier()
    state = model.state_dict()
    assert sorted(state) == ["head.bias", "head.weight", "video_network.scale"]
    assert load(save(state)).keys() == state.keys()
    other = classifier()
    with torch.no_grad():
        model.video_network.scale.mul_(3)
    Checkpoints(tmp_path, "key").save_weights(model)
    Checkpoints(tmp_path, "key").load_weights(other)
    assert torch.equal(model(clips(3).clip), other(clips(3).clip))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"classes": 1}, "classes must be at least 2"),
        ({"dropout": 1.0}, "dropout is a share"),
        ({"dropout": float("nan")}, "dropout is a share"),
        ({"sample_rate": 0}, "sample_rate must be at least 1"),
    ],
)
def test_impossible_choices_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        ActionClassifierConfig(**{"classes": 4, **wrong})


@pytest.mark.parametrize(
    ("kinds", "said"), [(((0,), ()), "missing"), (((0,), (4,)), "label is 4"), (((-1,),), "is -1")]
)
def test_scenes_without_a_label_are_refused(kinds, said):
    with pytest.raises(ValueError, match=said):
        labels_of(kinds, 4)


def test_batches_without_clips_are_refused():
    with pytest.raises(ValueError, match="no clips"):
        classifier().training_step(Batch(None, ((0,),)), torch.Generator())
