"""What every method promises, asked of every method there is: built-in ones, their arms, third parties'.

A method is covered by its entry (in ``cavl.methods`` or in the entry-point group) and its part in the smoke preset;
nothing is listed here. ``pytest tests/test_methods.py -k NAME`` asks one. Scenes are those of the smoke preset.

    python -m tests.test_methods    renews golden_losses.json, after a change of the numerics that was meant
"""

from __future__ import annotations

import dataclasses
import functools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import methods
from benchmarks.catalogue import TASKS
from benchmarks.datasets.detections import objects_of
from benchmarks.datasets.miniature import Miniature
from benchmarks.methods import BUILT_IN, available, method_class, without_arm
from benchmarks.presets import MethodPreset, load, methods_of
from benchmarks.tasks.localization import training_maps
from benchmarks.training.batching import Batch, Pool, centre_start, clips_of, collate, require_rate, watches
from benchmarks.training.checkpoints import Checkpoints
from benchmarks.training.loop import choose_device, initialise, make_optimizer, set_threads
from cavl.config import ConfigError, from_dict, to_dict
from cavl.curriculum import Stage

PRESET = load("smoke")
GOLDEN = Path(__file__).with_name("golden_losses.json")
RENEW = "python -m tests.test_methods"
UPDATES = 10  # of the short training
MANY = 4  # scenes asked about at once


def every_method() -> dict[str, MethodPreset]:
    """The smoke preset's, and third parties' that bring no part for it, at their defaults."""
    found = methods_of("smoke", PRESET)
    return {**found, **{name: MethodPreset() for name in available() if name not in {*found, *BUILT_IN}}}


METHODS = every_method()


CLASSES = {name: method_class(name) for name in METHODS}


def having(ability: str) -> list[str]:
    """The methods with an ability, known by the class as the suite knows it."""
    return [name for name, cls in CLASSES.items() if hasattr(cls, ability)]


# --- the scenes, and the methods that are asked about them ---------------------------------------------------------


@functools.cache
def scenes(n_sources: int) -> Miniature:
    """The first scenes of the smoke preset's training set: scene i does not depend on how many there are."""
    return Miniature(PRESET.data.world, "train", n_sources, PRESET.training.batch)


@functools.cache
def scene(n_sources: int, index: int) -> Any:
    return scenes(n_sources)[index]


def batch_for(method: Any, size: int, curricula: Sequence[int] = (1, 2)) -> Batch:
    """``size`` scenes of these numbers of sources in turn, in the form that the method wants."""
    of_each = PRESET.training.batch
    chosen = [scene(curricula[i % len(curricula)], i) for i in range(size)]
    numbers = [i % len(curricula) * of_each + i for i in range(size)]  # of the same scenes in the pool
    window = getattr(method, "window", len(chosen[0].waveform))  # without a window: the recording as it is
    starts = [centre_start(len(s.waveform), window) for s in chosen]
    pool = Pool([scenes(n) for n in curricula])
    clips, objects = clips_of(method, pool, numbers, starts), objects_of(method, pool, numbers)
    return collate(chosen, window, starts=starts, clips=clips, objects=objects)


def with_tensors(batch: Batch, change: Callable[[str, Tensor], Tensor]) -> Batch:
    """The batch with each of its tensors replaced by ``change(name, tensor)``."""
    values = {f.name: getattr(batch, f.name) for f in dataclasses.fields(batch)}
    return dataclasses.replace(batch, **{k: change(k, v) for k, v in values.items() if isinstance(v, Tensor)})


def alone(batch: Batch, index: int) -> Batch:
    one = with_tensors(batch, lambda _, tensor: tensor[index : index + 1])
    return dataclasses.replace(one, kinds=batch.kinds[index : index + 1])


def build(name: str, seed: int = 1) -> Any:
    config = from_dict(CLASSES[name].Config, METHODS[name].model, "model")
    return initialise(lambda: CLASSES[name](config), seed)


def ready(method: Any, size: tuple[int, int] | None = None) -> Any:
    """As an evaluation has it: what a method learns from scenes without being trained, it has learned.

    Where objects usually are it has learned for images of a ``size``.
    """
    if hasattr(method, "fit"):
        maps = training_maps(scenes(1))
        method.fit(maps if size is None else F.interpolate(maps.unsqueeze(1), size).squeeze(1))
    if hasattr(method, "fit_counts"):
        some = batch_for(method, PRESET.training.batch, (1, 2, 3))
        method.fit_counts(method.features(some.waveform), some.n_sources.numpy())
    if hasattr(method, "fit_kinds"):
        solos = (scene(1, i) for i in range(PRESET.training.batch))
        method.fit_kinds((torch.from_numpy(s.waveform.copy()), s.kinds[0]) for s in solos)
    return method.eval() if isinstance(method, nn.Module) else method


@functools.cache
def asked(name: str) -> tuple[Any, Batch]:
    """The method and a batch for it, shared: :func:`test_asking_changes_nothing` sees to it that asking is harmless."""
    method = ready(build(name))
    return method, batch_for(method, MANY)


# --- the abilities: what is asked, and what an answer must be ------------------------------------------------------

Answers = dict[str, Tensor]
VISION, SOUND = ("image", "clip"), ("waveform",)  # what methods are given of a batch
SENSES = {"vision": VISION, "sound": SOUND}


@dataclass(frozen=True, slots=True)
class Ability:
    ask: Callable[[Any, Batch], Answers]
    check: Callable[[Any, Batch, Tensor], None]  # raises AssertionError where an answer is not what is promised
    reads: tuple[str, ...]  # of the batch
    protocol: type | None = None  # companions of an ability have none
    by_itself: bool = True  # an item's answer does not depend on what else is in the batch


def floats(*sizes: Callable[[Any, Batch], int] | int | None, low: float = -torch.inf, high: float = torch.inf) -> Any:
    """Finite float32 in [low, high], one item for each of the batch; ``sizes``: of an item (None: any)."""

    def check(method: Any, batch: Batch, answer: Tensor) -> None:
        wanted = [size(method, batch) if callable(size) else size for size in sizes]
        assert answer.dtype == torch.float32
        assert answer.ndim == 1 + len(wanted)
        assert answer.shape[0] == len(batch)
        assert all(found and size in (None, found) for size, found in zip(wanted, answer.shape[1:], strict=True))
        assert torch.isfinite(answer).all()
        assert low <= answer.min()
        assert answer.max() <= high
        assert not answer.requires_grad

    return check


def height(method: Any, batch: Batch) -> int:
    return batch.image.shape[-2]


def width(method: Any, batch: Batch) -> int:
    return batch.image.shape[-1]


def heatmaps(method: Any, batch: Batch, answer: Tensor) -> None:
    floats(None, height, width, low=0, high=1)(method, batch, answer)
    if answers_with_masks(method):
        assert set(answer.unique().tolist()) <= {0, 1}, "a mask holds zeros and ones only"


def answers_with_masks(method: Any) -> bool:
    return getattr(method, "heatmaps_are_masks", False)


def pairs(batch: Batch) -> Tensor:
    """Two images for each sound (B, 2, 3, H, W): its own, and the same mirrored."""
    return torch.stack([batch.image, batch.image.flip(-1)], 1)


def localize(method: Any, batch: Batch) -> Answers:
    answers = {f"{n} asked for": method.localize(batch.image, batch.waveform, n) for n in (1, 2, 3)}
    assert [heat.shape[1] for heat in answers.values()] == [1, 2, 3]
    one = method.localize(batch.image, batch.waveform, 1, n_objects=3)
    assert one.shape[1] == 1
    return {**answers, "1 asked for, 3 seen": one}


def localize_controls(method: Any, batch: Batch) -> Answers:
    answers: Answers = {}
    for n in (1, 2):
        rows = method.localize_controls(batch.image, batch.waveform, n, torch.Generator().manual_seed(n))
        assert rows
        assert not {"aligned", "other-audio", "silence", "mask"} & set(rows), "rows of these names are the task's own"
        assert all(heat.shape[1] == n for heat in rows.values())
        answers |= {f"{row}, {n} asked for": heat for row, heat in rows.items()}
    return answers


def corresponds(method: Any, batch: Batch) -> Answers:
    return {"": method.corresponds(batch.clip if watches(method) else batch.image, batch.waveform)}


def embedded(network: Any, given: Tensor | None) -> Answers:
    """What a network embeds, that is to be trained on and so answers with gradients where they are wanted."""
    assert isinstance(network, nn.Module)
    with torch.no_grad():
        answer = network.eval()(given)
    assert answer.shape[1] == network.embedding_size
    return {"": answer}


def counted(method: Any, batch: Batch) -> list[Tensor]:
    return [torch.from_numpy(answer).float() for answer in method.count_sources(batch.waveform)]


def known_kinds(method: Any, batch: Batch) -> Tensor:
    """Two kinds that the method knows, for each of the batch."""
    return torch.tensor(sorted(method.spectra)[:2]).expand(len(batch), 2)


ABILITIES = {
    "audio_embedding": Ability(
        lambda m, b: {"": m.audio_embedding(b.waveform)}, floats(None), SOUND, methods.EmbedsAudio
    ),
    "localize": Ability(localize, heatmaps, (*VISION, *SOUND), methods.Localizes),
    "localize_controls": Ability(localize_controls, heatmaps, VISION, by_itself=False),
    "scene_distances": Ability(
        lambda m, b: {"": m.scene_distances(b.image, b.waveform, b.n_sources)},
        floats(lambda m, b: len(b)),
        (*VISION, *SOUND),
    ),
    "corresponds": Ability(corresponds, floats(), (*VISION, *SOUND), methods.TellsCorrespondence),
    "synchronised": Ability(
        lambda m, b: {"": m.synchronised(b.clip, b.waveform)}, floats(), (*VISION, *SOUND), methods.TellsSynchrony
    ),
    "audio_network": Ability(
        lambda m, b: embedded(m.audio_network(), b.waveform), floats(None), SOUND, methods.LearnsToCount
    ),
    "count_sources": Ability(
        lambda m, b: dict(zip(("mode", "rate"), counted(m, b), strict=True)),
        floats(low=0),
        SOUND,
        methods.CountsByItself,
    ),
    "video_network": Ability(
        lambda m, b: embedded(m.video_network(), b.clip), floats(None), VISION, methods.WatchesVideo
    ),
    "sound_maker": Ability(
        lambda m, b: {how: m.sound_maker(b.image, b.waveform, how) for how in ("center", "mask")},
        floats(lambda m, b: m.sound_maker_size),
        (*VISION, *SOUND),
        methods.FindsSoundMakers,
    ),
    "audio_assignments": Ability(
        lambda m, b: {"": m.audio_assignments(b.waveform, pairs(b))},
        floats(2, None, None, low=0, high=1),
        (*VISION, *SOUND),
    ),
    "separate": Ability(
        lambda m, b: {"": m.separate(b.waveform, pairs(b))},
        floats(2, lambda m, b: b.waveform.shape[1]),
        (*VISION, *SOUND),
        methods.Separates,
    ),
    "separate_kinds": Ability(
        lambda m, b: {"": m.separate_kinds(b.waveform, known_kinds(m, b))},
        floats(2, lambda m, b: b.waveform.shape[1]),
        SOUND,
        methods.SeparatesKinds,
    ),
    "separate_blindly": Ability(
        lambda m, b: {"": m.separate_blindly(b.waveform, 2)},
        floats(2, lambda m, b: b.waveform.shape[1]),
        SOUND,
        methods.SeparatesBlindly,
    ),
}

ASKED = [(name, ability) for name in METHODS for ability in ABILITIES if name in having(ability)]
every_ability = pytest.mark.parametrize(("name", "ability"), ASKED)


def reading(fields: tuple[str, ...]) -> list[tuple[str, str]]:
    """Methods and their abilities that read these of a batch. Masks read nothing, and say so."""
    masks = [name for name in METHODS if answers_with_masks(CLASSES[name])]
    return [(n, a) for n, a in ASKED if n not in masks and set(fields) <= set(ABILITIES[a].reads)]


def ask(ability: str, method: Any, batch: Batch) -> Answers:
    """The method's answers, checked."""
    answers = ABILITIES[ability].ask(method, batch)
    for what, answer in answers.items():
        try:
            ABILITIES[ability].check(method, batch, answer)
        except AssertionError as error:
            error.add_note(
                f"{ability} {what}: {answer.dtype} {tuple(answer.shape)} of {answer.min()} to {answer.max()}"
            )
            raise
    return answers


def everything(method: Any, batch: Batch) -> Answers:
    """The answers of all abilities."""
    return {
        f"{ability} {what}": answer
        for ability in ABILITIES
        if hasattr(type(method), ability)
        for what, answer in ask(ability, method, batch).items()
    }


def assert_same(found: Answers, expected: Answers, tolerance: float = 0.0) -> None:
    assert found.keys() == expected.keys()
    for what, answer in found.items():
        about = functools.partial("{}: {}".format, what)
        torch.testing.assert_close(answer, expected[what], rtol=tolerance, atol=tolerance, msg=about)


def tensors_of(batch: Batch) -> Answers:
    """Copies of a batch's tensors."""
    copy = with_tensors(batch, lambda _, tensor: tensor.clone())
    return {f.name: v for f in dataclasses.fields(copy) if isinstance(v := getattr(copy, f.name), Tensor)}


# --- what a method says of itself ----------------------------------------------------------------------------------


def test_every_built_in_method_is_covered():
    """By a part in the smoke preset; and every ability that the suite knows has its questions here."""
    assert set(BUILT_IN) <= set(METHODS), "give these a part in benchmarks/presets/smoke.py"
    assert {a for task in TASKS.built_in for a in TASKS.load(task).abilities} <= set(ABILITIES)


@pytest.mark.parametrize("name", METHODS)
def test_it_says_what_it_wants(name):
    method = build(name)
    require_rate(method, scenes(1))
    window = getattr(method, "window", 1)  # without one it takes a recording as it is
    assert isinstance(window, int)
    assert 1 <= getattr(method, "probe_hop", 1) <= window
    if {name} & {*having("localize"), *having("training_step")}:
        assert method.image_size is None or method.image_size > 0
        assert method.window > 0
    assert hasattr(method, "clip_frames") == hasattr(method, "clip_fps")
    if watches(method):
        assert method.clip_frames >= 1
        assert 0 <= (method.clip_frames - 1) / method.clip_fps <= window / method.sample_rate, (
            "windows hold their clips"
        )
    assert any(name in having(ability) for ability in ABILITIES), "there is nothing to measure it by"
    for ability, about in ABILITIES.items():
        if name in having(ability) and about.protocol is not None:
            assert isinstance(method, about.protocol), f"{ability} needs all that {about.protocol.__name__} names"


@pytest.mark.parametrize("name", METHODS)
def test_configurations_are_plain_typed_and_closed(name):
    cls, model = CLASSES[name].Config, METHODS[name].model
    assert cls.__dataclass_params__.frozen
    assert dataclasses.is_dataclass(cls())  # all choices have defaults
    config = from_dict(cls, model, "model")
    assert from_dict(cls, json.loads(json.dumps(to_dict(config)))) == config
    with pytest.raises(ConfigError, match=r"unknown configuration key model\.no_such_choice"):
        from_dict(cls, {**model, "no_such_choice": 1}, "model")


# --- weights -------------------------------------------------------------------------------------------------------


def disturb(seed: int) -> None:
    """Put every global generator into another state: what is drawn from them unseeded, differs."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@pytest.mark.parametrize("name", METHODS)
def test_the_seed_decides_the_initial_weights(name):
    disturb(1)
    first = build(name, seed=1)
    disturb(2)
    second, other = build(name, seed=1), build(name, seed=2)
    if not isinstance(first, nn.Module):
        batch = batch_for(first, 2)
        assert_same(everything(ready(second), batch), everything(ready(first), batch))
        return
    assert_identical(second.state_dict(), first.state_dict())
    assert all(p.dtype == torch.float32 for p in first.parameters())
    if list(first.parameters()):
        pairs_of_weights = zip(first.parameters(), other.parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs_of_weights), "another seed gives other weights"


def assert_identical(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    different = [name for name in found if not torch.equal(found[name], expected[name])]
    assert not different


MODULES = [name for name in METHODS if issubclass(CLASSES[name], nn.Module)]


@pytest.mark.parametrize("name", MODULES)
def test_weights_round_trip_through_safetensors(name, tmp_path):
    """As the suite keeps them: what is loaded into a method of other weights answers alike, to the bit."""
    method = build(name)
    if name in having("training_step"):  # so that no state is still as it was drawn
        training = Training(name, next(iter(stages(name))))
        training.update()
        method = training.method
    kept = Checkpoints(tmp_path, "key")
    digest = kept.save_weights(method)
    other = build(name, seed=2)
    assert kept.load_weights(other, digest=digest) == digest
    assert_identical(other.state_dict(), method.state_dict())
    batch = batch_for(method, 2)
    assert_same(everything(ready(other), batch), everything(ready(method), batch))


@pytest.mark.parametrize("name", MODULES)
def test_all_of_it_moves_to_another_device(name):
    """To torch's meta device, which every machine has; no tensor or layer is hidden where ``to`` does not find it."""
    method = build(name).to("meta")
    tensors = {**dict(method.named_parameters()), **dict(method.named_buffers())}
    assert [n for n, t in tensors.items() if t.device.type != "meta"] == []
    layers, registered = set(method.modules()), {id(t) for t in tensors.values()}
    hidden = [
        f"{type(layer).__name__}.{attribute}: {type(found).__name__}"
        for layer in layers
        for attribute, value in vars(layer).items()
        if attribute not in ("_parameters", "_buffers", "_modules")
        for found in inside(value)
        if (isinstance(found, Tensor) and id(found) not in registered)
        or (isinstance(found, nn.Module) and found not in layers)
    ]
    assert hidden == [], "register these as parameters, buffers or submodules"


def inside(value: Any) -> Iterator[Any]:
    """``value`` and what the containers in it hold."""
    yield value
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
    for item in items:
        yield from inside(item)


ACCELERATORS = [name for name in ("cuda", "mps") if getattr(torch, name).is_available()]


@pytest.mark.parametrize("device", ACCELERATORS)
@pytest.mark.parametrize("name", METHODS)
def test_it_answers_and_trains_where_its_inputs_are(name, device):
    method = build(name)
    if isinstance(method, nn.Module):
        method.to(choose_device(device))
    method = ready(method)
    batch = with_tensors(batch_for(method, MANY), lambda _, tensor: tensor.to(device))
    assert {answer.device.type for answer in everything(method, batch).values()} <= {device}
    if name in having("training_step"):
        stage = next(iter(stages(name).values()))
        batch = with_tensors(batch_for(method, MANY, stage.curricula), lambda _, tensor: tensor.to(device))
        loss, _ = step(method, batch, stage)
        loss.backward()
        assert loss.device.type == device


# --- answers -------------------------------------------------------------------------------------------------------


@every_ability
def test_one_is_answered_as_among_many(name, ability):
    method, batch = asked(name)
    many = ask(ability, method, batch)
    for index in (0, MANY - 1):
        one = ask(ability, method, alone(batch, index))
        if ABILITIES[ability].by_itself:
            rows = {what: answer[index : index + 1] for what, answer in many.items()}
            if ability == "scene_distances":
                rows = {what: answer[:, index : index + 1] for what, answer in rows.items()}
            assert_same(one, rows, tolerance=1e-4)


@every_ability
def test_asking_changes_nothing(name, ability):
    """Neither what is asked about, nor the method, nor the next answer, whatever the global generators hold."""
    method, batch = asked(name)
    before = tensors_of(batch)
    weights = {k: v.clone() for k, v in method.state_dict().items()} if isinstance(method, nn.Module) else {}
    disturb(1)
    first = ask(ability, method, batch)
    disturb(2)
    assert_same(ask(ability, method, batch), first)
    assert_same(tensors_of(batch), before)
    if isinstance(method, nn.Module):
        assert_identical(method.state_dict(), weights)
        assert not any(layer.training for layer in method.modules())


@pytest.mark.parametrize(("name", "ability"), reading(SOUND))
def test_sounds_may_be_int16_or_float(name, ability):
    method, batch = asked(name)
    as_float = dataclasses.replace(batch, waveform=batch.waveform.float() / 32768)
    assert_same(ask(ability, method, as_float), ask(ability, method, batch), tolerance=1e-5)


@pytest.mark.parametrize("value", [0, 128, 255])
@every_ability
def test_silence_and_constant_images_are_answered(name, ability, value):
    method, batch = asked(name)
    constants = {**dict.fromkeys(VISION, value), **dict.fromkeys(SOUND, 0)}
    empty = with_tensors(batch, lambda k, tensor: torch.full_like(tensor, constants[k]) if k in constants else tensor)
    ask(ability, method, empty)


@every_ability
def test_images_may_have_any_size(name, ability):
    """Heatmaps come back at the image's own."""
    batch = asked(name)[1]
    method = ready(build(name), size=(48, 80))

    def resized(field: str, tensor: Tensor) -> Tensor:
        if field not in VISION:
            return tensor
        images = F.interpolate(tensor.flatten(0, -4).float(), (48, 80), mode="bilinear")
        return images.round().to(torch.uint8).view(*tensor.shape[:-2], 48, 80)

    ask(ability, method, with_tensors(batch, resized))


@pytest.mark.parametrize("value", [float("nan"), float("inf")], ids=["nan", "inf"])
@pytest.mark.parametrize(
    ("name", "ability", "what"), [(*who, what) for what in ("vision", "sound") for who in reading(SENSES[what])]
)
def test_nan_is_refused_in_a_sentence(name, ability, what, value):
    method, batch = asked(name)

    def damaged(field: str, tensor: Tensor) -> Tensor:
        if field not in SENSES[what]:
            return tensor
        tensor = tensor.float() / (255 if field in VISION else 32768)
        tensor[1].flatten()[5] = value  # one number of one item
        return tensor

    with pytest.raises(ValueError, match=r"NaN|infinite"):
        ABILITIES[ability].ask(method, with_tensors(batch, damaged))


# --- single abilities ----------------------------------------------------------------------------------------------


NETWORKS = [(name, network) for network in ("audio_network", "video_network") for name in having(network)]


@pytest.mark.parametrize(("name", "network"), NETWORKS)
def test_networks_to_be_trained_on_share_the_weights(name, network):
    method = build(name)
    part = getattr(method, network)()
    own = {id(p) for p in method.parameters()}
    assert [n for n, p in part.named_parameters() if id(p) not in own] == []
    batch = batch_for(method, 2)
    part.train()(batch.waveform if network == "audio_network" else batch.clip).square().sum().backward()
    gradients = [p.grad for p in method.parameters() if p.grad is not None]
    assert any(g.any() for g in gradients)
    assert all(torch.isfinite(g).all() for g in gradients)
    wants = ("sample_rate", "window") if network == "audio_network" else ("clip_frames", "clip_fps", "image_size")
    assert [getattr(part, w) for w in wants] == [getattr(method, w) for w in wants]


@pytest.mark.parametrize("name", having("scene_distances"))
def test_scene_distances_take_the_options_of_every_stage(name):
    method, batch = asked(name)
    for stage in stages(name).values():
        s = method.scene_distances(batch.image, batch.waveform, batch.n_sources, **stage.options)
        ABILITIES["scene_distances"].check(method, batch, s)


# --- training ------------------------------------------------------------------------------------------------------


def stages(name: str) -> dict[str, Stage]:
    """The method's stages in the smoke preset, one for each set of options (as JSON)."""
    orderings = METHODS[name].orderings(1).values()
    found = {json.dumps(s.options, sort_keys=True): s for stages in orderings for s in reversed(stages)}
    return found or {"{}": Stage(curricula=(1,), updates=1, lr=1e-3)}  # a third party's without a part for the preset


TRAINED = [(name, options) for name in having("training_step") for options in stages(name)]
every_training = pytest.mark.parametrize(("name", "options"), TRAINED)


def step(method: Any, batch: Batch, stage: Stage) -> tuple[Tensor, dict[str, float]]:
    """One step as the training loop makes it, always with the same draws."""
    torch.manual_seed(1)
    loss, logs = method.train().training_step(batch, torch.Generator().manual_seed(2), **stage.options)
    return loss, logs


class Training:
    """Updates on one batch with the same draws, so that the loss has nothing but the weights to follow."""

    def __init__(self, name: str, options: str) -> None:
        set_threads(1)
        self.method, self.stage = build(name), stages(name)[options]
        self.optimizer = make_optimizer(self.method, self.stage.lr)
        self.batch = batch_for(self.method, PRESET.training.batch, self.stage.curricula)

    def update(self) -> float:
        loss, _ = step(self.method, self.batch, self.stage)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


def short_training(name: str, options: str) -> tuple[float, float]:
    """The losses of the first and of the last update."""
    training = Training(name, options)
    losses = [training.update() for _ in range(UPDATES)]
    return losses[0], losses[-1]


def golden() -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = json.loads(GOLDEN.read_text())
    return found


@every_training
def test_a_short_training_lowers_the_loss_to_the_golden_one(name, options):
    """A change of the numerics must show here. Third parties' methods have no golden losses."""
    first, last = short_training(name, options)
    assert last < first
    if without_arm(name) in BUILT_IN:
        known = golden().get(name, {}).get(options)
        assert known, f"{name} has no golden losses for the options {options}: {RENEW} writes them"
        assert first == pytest.approx(known[0], rel=1e-4), RENEW
        assert last == pytest.approx(known[1], rel=1e-2), RENEW  # rounding differs between processors and grows


def test_no_golden_loss_is_left_over():
    there = {(name, options) for name, options in TRAINED if without_arm(name) in BUILT_IN}
    assert {(name, options) for name, losses in golden().items() for options in losses} <= there, RENEW


@every_training
def test_a_training_step_keeps_its_promises(name, options):
    method, stage = build(name), stages(name)[options]
    assert isinstance(method, methods.Trainable)
    batch = batch_for(method, MANY, stage.curricula)
    before = tensors_of(batch)
    loss, logs = step(method, batch, stage)
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert logs["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
    assert all(type(value) is float for value in logs.values())
    loss.backward()
    gradients = {n: p.grad for n, p in method.named_parameters() if p.grad is not None}
    assert [n for n, g in gradients.items() if not torch.isfinite(g).all()] == []
    assert any(g.any() for g in gradients.values())
    assert_same(tensors_of(batch), before)


@every_training
def test_interrupted_training_ends_alike(name, options, tmp_path):
    """An update follows from the weights, the batch, ``draw`` and torch's global generator, which the training loop
    seeds for every one: nothing else is drawn from, nothing is kept that is not in the state."""
    disturb(1)
    whole = Training(name, options)
    expected = [whole.update(), whole.update()]
    np.random.seed(2)
    random.seed(2)
    interrupted, resumed, kept = Training(name, options), Training(name, options), Checkpoints(tmp_path, "key")
    found = [interrupted.update()]
    kept.save_state(1, interrupted.method, interrupted.optimizer)
    assert kept.resume(resumed.method, resumed.optimizer) == 1
    assert [*found, resumed.update()] == expected
    assert_identical(resumed.method.state_dict(), whole.method.state_dict())


@every_training
def test_losses_are_float32_under_autocast(name, options):
    method, stage = build(name), stages(name)[options]
    batch = batch_for(method, MANY, stage.curricula)
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = step(method, batch, stage)
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    exact, _ = step(build(name), batch, stage)
    assert float(loss.detach()) == pytest.approx(float(exact.detach()), rel=0.1, abs=0.1)


@pytest.mark.parametrize("what", SENSES)
@pytest.mark.parametrize("name", having("training_step"))
def test_nan_does_not_get_into_the_weights(name, what):
    """Some stage reads each of what a method is given, and refuses what is damaged."""
    method = build(name)
    refused = []
    for stage in stages(name).values():
        batch = with_tensors(
            batch_for(method, MANY, stage.curricula),
            lambda field, tensor: (
                torch.full_like(tensor, float("nan"), dtype=torch.float32)
                if field in SENSES[what] or (what == "sound" and field == "recording")
                else tensor
            ),
        )
        try:
            loss, _ = step(method, batch, stage)
        except ValueError as error:
            refused.append(str(error))
        else:
            assert torch.isfinite(loss), "what is read is refused"
    assert refused
    assert all("NaN" in sentence for sentence in refused)


@pytest.mark.parametrize("name", having("training_step"))
def test_recipes_make_an_optimizer(name):
    method = build(name)
    assert isinstance(method, nn.Module)
    recipe = CLASSES[name].recipe
    assert json.loads(json.dumps(recipe)) == recipe, "a recipe is plain data, part of the run's key"
    optimizer = make_optimizer(method, 0.125)
    given = [p for group in optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in given} == {id(p) for p in method.parameters()}
    assert all(group["lr"] == 0.125 for group in optimizer.param_groups)


def renew() -> None:
    """Write the golden losses of every built-in method, and say which of them have changed."""
    old = golden() if GOLDEN.is_file() else {}
    new: dict[str, dict[str, list[float]]] = {}
    for name, options in TRAINED:
        if without_arm(name) in BUILT_IN:
            found = [float(f"{loss:.6g}") for loss in short_training(name, options)]
            new.setdefault(name, {})[options] = found
            was = old.get(name, {}).get(options)
            print(f"{name} {options}: {found}" + ("" if was == found else f" (was {was})"))
    GOLDEN.write_text(json.dumps(new, indent=2) + "\n")


if __name__ == "__main__":
    renew()
