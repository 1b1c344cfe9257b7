"""Separation of mixed sounds by what makes them (§3.3.2, §4.5, Tables 4-6; PROTOCOLS §8).

    python -m benchmarks.tasks.separation with method=cavl ordering=c1 seed=3 preset=miniature
    python -m benchmarks.tasks.separation with evaluation.network.conditioning=center

On top of a pre-trained, frozen method that locates sound-makers a separation network is trained on mixtures of two
training solos; a method that separates by itself is evaluated as it is (trained on the same solos by its own recipe, if
it learns at all), one that is told the kinds learns them from the same solos. Then pairs of test solos of different
kinds are mixed (which: drawn once for all seeds and methods, unless there is a published list; kept as ``pairs.csv``)
and both sounds of each asked back. Rows, all over the same sounds but for what is left out:

``located-mixture``, ``located-solo``   the sound-maker is located with the mixture, or with the clean solo
``shuffled``, ``shuffled-solo``         the control: the sound-maker of another pair, of neither of this pair's kinds
``told-kinds``, ``shuffled-kinds``      the kinds of the sounds are told, or those of another pair (the control)
``oracle-order``                        a method that is told nothing, its estimates in the order that fits best
``audio-assignment``                    the locator's own audio assignment as the mask, without separation network
``mixture``                             the mixture itself as the estimate
``ideal-ratio-mask``, ``ideal-log-mask``   the true mask of the STFT, and of the network's log-frequency grid: bounds

With ``noise=10.0`` the same mixtures are separated once more over a bed of pink noise, 10 dB below each, as recordings
of the world have it (Table 6); a row there is "located-mixture in noise", and so on. Both sounds are asked back, the
noise is not.

What is left out: both sounds of a pair of which one reference is silent, or whose references no filter of BSS Eval can
tell apart, from all rows; an estimate that is silent or not finite, from its own row. Nothing left out counts as 0 dB,
and the result says how many there were and why.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, count
from typing import Any, Literal, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.detections import objects_of
from benchmarks.datasets.scene import Dataset, Scene
from benchmarks.items import ItemTable, write_csv
from benchmarks.metrics import separation as metrics
from benchmarks.tasks import source_maps
from benchmarks.tasks.context import Context
from benchmarks.tasks.task import CardScore, Task
from benchmarks.training.batching import Pool, collate, require_rate
from benchmarks.training.loop import cosine, initialise
from benchmarks.training.seeding import permutation, raw
from benchmarks.training.validation import SeparationMonitor, kind_of
from cavl.config import later
from cavl.curriculum import Stage
from cavl.separation import Separator, masked, mixed_parts, ratio_mask
from cavl.separator_config import SeparatorConfig
from cavl.spectrogram import LogSpectrogram, magnitude
from registry.item_table import ITEMS, condition

Floats = npt.NDArray[np.float64]
Example = dict[str, npt.NDArray[Any]]

#: In dB; ``sdri`` is what the SDR gains over that of the mixture as the estimate.
MEASURES = ("sdr", "sir", "sar", "si_sdr", "sdri")
#: Which test solos are mixed is drawn from this number, not from the run's seed: items must pair (PROTOCOLS §8, §10).
PAIRS_SEED = 0
MIXTURE = "mixture"
#: What follows the rows of the mixtures over a bed of noise; those that there are not: nobody has clean solos there.
IN_NOISE = " in noise"
NOT_IN_NOISE = ("located-solo", "shuffled-solo", "ideal-log-mask")
#: Values of the network that name a variant where they are not the preset's.
UNUSUAL = ("loss", "masks", "mixing", "located")
LOCATED_AT_ONCE = 64  # training solos
#: Abilities of methods on top of which no network is trained.
BY_ITSELF = ("separate", "separate_kinds", "separate_blindly")
#: Row -> the same with the sound-makers of other pairs.
SHUFFLED = {"located-mixture": "shuffled", "located-solo": "shuffled-solo", "told-kinds": "shuffled-kinds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparationConfig:
    """A separation network on top of a frozen, pre-trained method that locates the sound-makers (§6.4), by Adam."""

    network: SeparatorConfig = field(default_factory=SeparatorConfig)
    updates: int = 50_000
    lr: float = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"  # of the learning rate; cosine: a short warm-up, down to 0
    solos: int | None = None  # of an update; None: training.batch
    mixed: Literal["half", "all"] = "half"  # every second of them is mixed with another, or each
    locating: Literal["every-update", "once"] = "every-update"  # once: by the middle window of each training solo
    pairs: int = 75  # mixtures evaluated, of two test scenes each; at least 2: the control asks for another pair's
    examples: int = 4  # pairs kept as pictures and sounds
    batch: int = 16  # pairs evaluated at once
    noise: float | None = later(None)  # dB by which a bed of it lies below each mixture of a second test; None: no such

    def __post_init__(self) -> None:
        if min(self.updates, self.batch) < 1 or self.pairs < 2 or self.lr <= 0 or self.examples < 0:
            raise ValueError("separation needs updates and batch >= 1, pairs >= 2, lr > 0 and examples >= 0")
        if self.noise is not None and not math.isfinite(self.noise):
            raise ValueError(f"noise must be a number of dB, not {self.noise}")
        if self.solos is not None and self.solos < 2:
            raise ValueError(f"an update of separation needs at least 2 solos, not {self.solos}")


def measure(context: Context) -> dict[str, Any]:
    """Train a separation network on top of the method, separate the test mixtures."""
    evaluation, seed = context.config.evaluation, context.config.seed
    network: SeparatorConfig = evaluation.network
    method = context.trained()
    separates: GuidedSeparation
    training: dict[str, Any] = {}
    if hasattr(method, "separate_kinds"):
        separates, primary = ByKinds(method, network.spectrogram.samples), "told-kinds"
        mixtures = draw_mixtures(context, separates, evaluation)
        training = learn_kinds(context, method)
    elif hasattr(method, "separate_blindly"):
        separates, primary = Blindly(method, network.spectrogram.samples), "oracle-order"
        mixtures = draw_mixtures(context, separates, evaluation)
    elif hasattr(method, "separate"):
        separates, primary = ByItself(method), "located-mixture"
        mixtures = draw_mixtures(context, separates, evaluation)
    else:
        separator = make_separator(method, network, seed)
        separates, primary = ByLocation(separator), f"located-{network.located}"
        mixtures = draw_mixtures(context, separates, evaluation)  # first: what cannot be measured is not trained
        training = train(context, separator, evaluation)
        separator.eval()
    updates = training.get("updates", 0)
    items, examples = evaluate(
        context,
        separates,
        mixtures,
        LogSpectrogram(network.spectrogram),
        shown=primary,
        progress=lambda pairs: context.progress(updates + pairs, updates + len(mixtures.pairs)),
    )
    if evaluation.noise is not None:
        noisy = replace(mixtures, noise=evaluation.noise)
        found, _ = evaluate(context, separates, noisy, LogSpectrogram(network.spectrogram), without=NOT_IN_NOISE)
        items += [replace(item, row=item.row + IN_NOISE) for item in found]
    keep(context, mixtures, items, examples)
    shown = source_maps.unmarked(context.data, method) if examples else {}
    if shown:
        located = {n: source_maps.locate(method, context.data.named(s), n, context.device) for n, s in shown.items()}
        source_maps.keep(context, located)
    by_row = {row: [i for i in items if i.row == row] for row in dict.fromkeys(i.row for i in items)}
    names = getattr(mixtures.scenes, "kind_names", None)
    rows = {row: {**summary(some), "by_kind": by_kind(some, names)} for row, some in by_row.items()}
    if not rows[primary]["items"]:
        raise ValueError(
            f"{context.job.name}: none of {len(mixtures.pairs)} pairs could be scored; see the run's items.csv"
        )
    return {
        "score": rows[primary]["sdr"],
        "primary": primary,
        "rows": rows,
        "items": rows[primary]["items"],
        "pairs": len(mixtures.pairs),
        "listed": context.data.pairs() is not None,
        "excluded": dict(Counter(i.excluded for i in by_row[primary] if i.excluded)),
        "coverage": str(mixtures.scenes.coverage),
        "knows": getattr(method, "knows", ""),
        **training,
    }


# -- training --------------------------------------------------------------------------------------------------------


def make_separator(method: Any, config: SeparatorConfig, seed: int) -> Separator:
    """A separation network guided by ``method``, which it contains; the new weights are a function of ``seed``."""
    return cast("Separator", initialise(lambda: Separator(config, method), seed, "separator"))


def train(context: Context, separator: Separator, evaluation: SeparationConfig) -> dict[str, Any]:
    """Train on the solos of the training set; its part of the result."""
    data, settings = context.data, context.config.training
    if evaluation.locating == "once":
        separator.known = located(separator, data.train(1), context.device)
    trained = context.train(
        separator,
        Stage(curricula=(1,), updates=evaluation.updates, lr=evaluation.lr, options={"mixed": evaluation.mixed}),
        Pool([data.train(1)]),
        settings=replace(settings, batch=evaluation.solos or settings.batch),
        rate=cosine(evaluation.lr, evaluation.updates) if evaluation.schedule == "cosine" else None,
        monitor=SeparationMonitor(separator, data.validation(1), context.config.seed, context.device),
        progress=lambda done, total: context.progress(done, total + evaluation.pairs),
    )
    coverage = str(data.train(1).coverage)
    kept = {k: trained[k] for k in ("loss", "weights", "kept")}
    return {**kept, "updates": evaluation.updates, "coverage_training": coverage}


def located(separator: Separator, solos: Dataset, device: torch.device) -> Tensor:
    """Vectors (N, D) of what makes the sound of each solo, its middle window heard."""
    vectors = []
    for first in range(0, len(solos), LOCATED_AT_ONCE):
        chosen = [solos[i] for i in range(first, min(first + LOCATED_AT_ONCE, len(solos)))]
        batch = collate(chosen, separator.window, device)
        vectors.append(separator.to(device).sound_makers(batch.image.unsqueeze(0), batch.waveform.unsqueeze(0))[0])
    return torch.cat(vectors)


def learn_kinds(context: Context, method: Any) -> dict[str, Any]:
    """Let a method that is told the kinds learn them from the solos of the training set; its part of the result."""
    solos = context.data.train(1)
    require_rate(method, solos)
    scenes = (solos[i] for i in range(len(solos)))
    method.fit_kinds((torch.from_numpy(scene.waveform.copy()), kind_of(scene)) for scene in scenes)
    return {"updates": 0, "coverage_training": str(solos.coverage)}


# -- mixtures --------------------------------------------------------------------------------------------------------


def draw_pairs(kinds: Sequence[int], n: int, seed: int) -> list[tuple[int, int]]:
    """``n`` different pairs of solos of different kinds, drawn from ``seed``.

    Every solo is in at most one pair before any is in two (as far as the kinds allow).

    Raises
    ------
    ValueError
        If there are not so many pairs.
    """
    possible = sum(a != b for a, b in combinations(kinds, 2))
    if n > possible:
        raise ValueError(
            f"{len(kinds)} solos make {possible} pairs of different kinds, not {n}; lower evaluation.pairs"
        )
    pairs: dict[tuple[int, int], None] = {}
    for turn in count():
        left = permutation(len(kinds), seed, "pairs", turn).tolist()
        while left:
            first = left.pop()
            second = next((i for i in left if kinds[i] != kinds[first]), None)
            if second is None:
                continue
            left.remove(second)
            pairs[min(first, second), max(first, second)] = None
            if len(pairs) == n:
                return list(pairs)
    raise AssertionError


def of_other_pairs(kinds: Sequence[tuple[int, int]], seed: int) -> npt.NDArray[np.int64]:
    """For each sound of each pair, (P, 2) flattened, the number of a sound of another pair.

    Of neither of its own pair's kinds (the other kind would ask for the wrong sound on purpose); where there is no such
    sound, of another kind than its own.

    Raises
    ------
    ValueError
        If there is one pair only.
    """
    if len(kinds) < 2:
        raise ValueError("the shuffled control needs at least two pairs; raise evaluation.pairs")
    kind = np.array(kinds).reshape(-1)
    order = permutation(len(kind), seed, "shuffled")
    other = np.empty(len(kind), dtype=np.int64)
    for place, item in enumerate(order):
        elsewhere = [j for j in np.roll(order, -place) if j // 2 != item // 2 and kind[j] != kind[item]]
        other[item] = next((j for j in elsewhere if kind[j] not in kinds[item // 2]), elsewhere[0])
    return other


@dataclass(frozen=True, slots=True)
class Mixed:
    """Some of the pairs, mixed."""

    pairs: range  # their numbers
    images: Tensor  # (B, 2, 3, H, W) uint8
    parts: Tensor  # (B, 2, T) float32, the references: with the bed they add up to the mixture
    kinds: Tensor  # (B, 2)
    objects: Tensor | None = None  # (B, 2, M, 5): what is seen in the images, for methods that ask for it
    bed: Tensor | None = None  # (B, T): noise that is in the mixtures, too

    @property
    def mixture(self) -> Tensor:
        """(B, T)"""
        both = self.parts.sum(1)
        return both if self.bed is None else both + self.bed

    @property
    def as_mixture(self) -> Tensor:
        """(B, 2, T): the mixture in each part's place."""
        return self.mixture.unsqueeze(1).expand_as(self.parts)


@dataclass(frozen=True, slots=True)
class Mixtures:
    """The mixtures of pairs of solos, their middle windows, a batch at a time."""

    scenes: Dataset
    pairs: Sequence[tuple[int, int]]
    window: int
    mixing: Literal["mean", "sum"]
    batch: int
    device: torch.device
    asking: Any = None  # the method, which may ask what is seen
    noise: float | None = None  # dB below each mixture

    def solos(self, pair: int) -> tuple[Scene, Scene]:
        first, second = self.pairs[pair]
        return self.scenes[first], self.scenes[second]

    def kinds(self, pair: int) -> tuple[int, int]:
        first, second = self.solos(pair)
        return kind_of(first), kind_of(second)

    def __iter__(self) -> Iterator[Mixed]:
        for first in range(0, len(self.pairs), self.batch):
            some = range(first, min(first + self.batch, len(self.pairs)))
            objects = objects_of(self.asking, self.scenes, [solo for pair in some for solo in self.pairs[pair]])
            solos = [solo for pair in some for solo in self.solos(pair)]
            batch = collate(solos, self.window, self.device, objects=objects)
            seen = None if batch.objects is None else batch.objects.view(-1, 2, *batch.objects.shape[1:])
            images = batch.image.view(-1, 2, *batch.image.shape[1:])
            parts = mixed_parts(batch.waveform.view(-1, 2, self.window), self.mixing)
            kinds = torch.tensor([self.kinds(pair) for pair in some], device=self.device)
            bed = None if self.noise is None else beds(parts.sum(1), some, self.noise)
            yield Mixed(some, images, parts, kinds, seen, bed)


def beds(mixtures: Tensor, pairs: Sequence[int], below: float) -> Tensor:
    """Pink noise (B, T), each ``below`` dB less loud than its mixture (B, T), and a pair's whoever separates it."""
    samples = mixtures.shape[-1]
    white = np.stack([raw(samples, PAIRS_SEED, "bed", pair) / 2.0**64 - 0.5 for pair in pairs])
    falling = np.arange(samples // 2 + 1).clip(1) ** -0.5
    pink = torch.from_numpy(np.fft.irfft(np.fft.rfft(white) * falling, samples)).to(mixtures)
    levels = mixtures.square().mean(-1, keepdim=True) / pink.square().mean(-1, keepdim=True)
    return pink * (levels * 10 ** (-below / 10)).sqrt()


def draw_mixtures(context: Context, separates: GuidedSeparation, evaluation: SeparationConfig) -> Mixtures:
    """The test mixtures: the same of the same data for every method, ordering and seed.

    Raises
    ------
    ValueError
        If the method wants another sample rate than the scenes have, or there are not so many pairs.
    """
    scenes = context.data.test(1)
    require_rate(separates, scenes)
    listed = context.data.pairs()
    if listed is not None:  # all of them; only a rehearsal takes fewer
        pairs = list(listed if context.data.config.limit is None else listed[: evaluation.pairs])
    else:
        pairs = draw_pairs([kind_of(scenes[i]) for i in range(len(scenes))], evaluation.pairs, PAIRS_SEED)
    how = (separates.window, evaluation.network.mixing, evaluation.batch, context.device)
    return Mixtures(scenes, pairs, *how, getattr(separates, "method", None))


# -- separation ------------------------------------------------------------------------------------------------------


#: One tensor, or several together.
Guide = Tensor | tuple[Tensor, ...]


class GuidedSeparation(Protocol):
    """What guides a separation, and the separation by it."""

    sample_rate: int
    window: int

    def guides(self, mixed: Mixed) -> Mapping[str, Guide]:
        """Row -> what tells the two sounds of each mixture apart (B, 2, ...)."""
        ...

    @property
    def separate(self) -> Callable[..., Tensor]:
        """(B, T), guides (B, 2, ...) each -> (B, 2, T)."""
        ...

    def unguided(self, mixed: Mixed) -> dict[str, Tensor]:
        """Row -> sounds (B, 2, T) by other means."""
        ...

    def heatmaps(self, mixed: Mixed) -> Tensor | None:
        """(B, 2, H, W): where in each image the sound-maker is seen; None for methods that do not say."""
        ...


class ByLocation:
    """A separation network, guided by what is seen of the sound-makers that its locator finds."""

    def __init__(self, separator: Separator) -> None:
        self.separator, self.locator = separator, cast("Any", separator.locator)
        self.sample_rate, self.window = separator.sample_rate, separator.window
        self.separate = separator.separate_with

    def guides(self, mixed: Mixed) -> dict[str, Tensor]:
        return {
            "located-mixture": self.separator.sound_makers(mixed.images, mixed.as_mixture, mixed.images.shape[1]),
            "located-solo": self.separator.sound_makers(mixed.images, mixed.parts),
        }

    def unguided(self, mixed: Mixed) -> dict[str, Tensor]:
        if not hasattr(self.locator, "audio_assignments"):
            return {}
        masks = self.locator.audio_assignments(mixed.mixture, mixed.images)
        return {"audio-assignment": masked(self.separator.spectrogram, mixed.mixture, masks)}

    def heatmaps(self, mixed: Mixed) -> Tensor | None:
        if self.separator.config.located == "solo":
            return heatmaps(self.locator, mixed.images, mixed.parts)
        return heatmaps(self.locator, mixed.images, mixed.as_mixture, mixed.images.shape[1])


class ByItself:
    """A method that separates by the images themselves, and by what is seen in them where it asks for that."""

    def __init__(self, method: Any) -> None:
        self.method = method
        self.sample_rate, self.window = method.sample_rate, method.window
        self.separate = method.separate

    def guides(self, mixed: Mixed) -> dict[str, Guide]:
        return {"located-mixture": mixed.images if mixed.objects is None else (mixed.images, mixed.objects)}

    def unguided(self, mixed: Mixed) -> dict[str, Tensor]:
        return {}

    def heatmaps(self, mixed: Mixed) -> Tensor | None:
        return heatmaps(self.method, mixed.images, mixed.as_mixture)


class ByKinds:
    """A method that is told which two kinds of sounds are mixed; the window is the network's: the sounds must pair."""

    def __init__(self, method: Any, window: int) -> None:
        self.sample_rate, self.window = method.sample_rate, window
        self.separate = method.separate_kinds

    def guides(self, mixed: Mixed) -> dict[str, Tensor]:
        return {"told-kinds": mixed.kinds}

    def unguided(self, mixed: Mixed) -> dict[str, Tensor]:
        return {}

    def heatmaps(self, mixed: Mixed) -> Tensor | None:
        return None


class Blindly:
    """A method that is told nothing, whose estimates an oracle orders; the window is the network's, as above."""

    def __init__(self, method: Any, window: int) -> None:
        self.sample_rate, self.window = method.sample_rate, window
        self.method = method

    def guides(self, mixed: Mixed) -> dict[str, Tensor]:
        return {}

    def separate(self, mixture: Tensor, guides: Tensor) -> Tensor:
        raise AssertionError("nothing guides it")

    def unguided(self, mixed: Mixed) -> dict[str, Tensor]:
        found = self.method.separate_blindly(mixed.mixture, mixed.parts.shape[1])
        pairs = zip(mixed.parts.cpu().double().numpy(), found.cpu().double().numpy(), strict=True)
        ordered = np.stack([metrics.best_order(references, estimates) for references, estimates in pairs])
        return {"oracle-order": torch.from_numpy(ordered).to(found)}

    def heatmaps(self, mixed: Mixed) -> Tensor | None:
        return None


def heatmaps(locator: Any, images: Tensor, sounds: Tensor, sources: int = 1) -> Tensor | None:
    """Where in the images (B, 2, 3, H, W) a method that may localize sees what makes the sounds (B, 2, T).

    ``sources``: how many a sound is of; in an image one of them is seen.
    """
    heat: Tensor
    if hasattr(locator, "sound_maker_map"):
        heat = locator.sound_maker_map(images.flatten(0, 1), sounds.flatten(0, 1), sources)
    elif hasattr(locator, "localize"):
        heat = locator.localize(images.flatten(0, 1), sounds.flatten(0, 1), 1)
    else:
        return None
    return heat.view(*images.shape[:2], *heat.shape[-2:])


def all_guides(separates: GuidedSeparation, mixtures: Mixtures, seed: int) -> dict[str, tuple[Tensor, ...]]:
    """Row -> the guides of all pairs (P, 2, ...) each: the method's own, and the same shuffled among the pairs."""
    by_batch = [separates.guides(mixed) for mixed in mixtures]
    own = {
        row: tuple(map(torch.cat, zip(*(together(guides[row]) for guides in by_batch), strict=True)))
        for row in by_batch[0]
    }
    other = of_other_pairs([mixtures.kinds(pair) for pair in range(len(mixtures.pairs))], seed)
    shuffled = {
        SHUFFLED[row]: tuple(one.flatten(0, 1)[other].view_as(one) for one in guides) for row, guides in own.items()
    }
    return own | shuffled


def together(guide: Guide) -> tuple[Tensor, ...]:
    return (guide,) if isinstance(guide, Tensor) else guide


def common_rows(spectrogram: LogSpectrogram, mixed: Mixed) -> dict[str, Tensor]:
    """The rows that no method has a part in, (B, 2, T) each: the mixture itself, and the true masks."""
    mixture, samples = mixed.mixture, mixed.parts.shape[-1]
    parts = spectrogram.stft(mixed.parts.flatten(0, 1))
    parts = parts.view(*mixed.parts.shape[:2], *parts.shape[1:])  # (B, 2, linear bins, frames)
    whole = spectrogram.stft(mixture).unsqueeze(1)
    ideal = ratio_mask(magnitude(parts), magnitude(whole)) * whole
    on_grid = ratio_mask(*(spectrogram.to_log_frequency(magnitude(z)) for z in (parts, whole)))
    return {
        MIXTURE: mixed.as_mixture,
        "ideal-ratio-mask": spectrogram.istft(ideal.flatten(0, 1), samples).view_as(mixed.parts),
        "ideal-log-mask": masked(spectrogram, mixture, on_grid),
    }


# -- scores ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeparatedSound:
    """One sound asked back, in one row."""

    pair: int
    item: str  # id of the solo asked back
    kind: int
    row: str
    sdr: float  # dB, as the four below; NaN where excluded
    sir: float
    sar: float
    si_sdr: float
    sdri: float  # NaN also where the mixture itself has no score
    excluded: str  # why; empty where it counts


def ratios_of(references: Floats, estimates: Mapping[str, Floats]) -> tuple[Floats, npt.NDArray[np.object_]]:
    """Ratios (measures, rows, n) in dB of estimates (n, T) of the sources (n, T), why it has none (rows, n).

    One of the rows is the mixture.
    """
    stacked = np.stack(list(estimates.values()))  # (rows, n, T)
    why = np.full(stacked.shape[:2], "", dtype=object)
    why[~stacked.any(-1)] = "silent estimate"
    why[~np.isfinite(stacked).all(-1)] = "estimate not finite"
    ratios = np.full((len(MEASURES), *why.shape), np.nan)
    if not references.any(-1).all():
        why[:] = "silent reference"
    else:
        # In an unusable estimate's place the reference itself: all others can then be scored at once.
        usable = np.where((why == "")[..., None], stacked, references)
        try:
            sdr, sir, sar = metrics.bss_eval(references, usable)
            gain = sdr - sdr[list(estimates).index(MIXTURE)]
            ratios = np.where(why == "", (sdr, sir, sar, metrics.si_sdr(references, usable), gain), np.nan)
        except metrics.SingularReferences:
            why[:] = "singular references"
    return ratios, why


def score(
    pair: int, solos: Sequence[Scene], references: Floats, estimates: Mapping[str, Floats]
) -> list[SeparatedSound]:
    """The sounds of one pair, references (2, T), as every row estimates them, (2, T) each."""
    ratios, why = ratios_of(references, estimates)
    items = []
    for number, row in enumerate(estimates):
        for which, solo in enumerate(solos):
            found = dict(zip(MEASURES, ratios[:, number, which].tolist(), strict=True))
            items.append(SeparatedSound(pair, solo.id, kind_of(solo), row, **found, excluded=why[number, which]))
    return items


def summary(items: Sequence[SeparatedSound]) -> dict[str, float]:
    """One row of the result, of that row's items."""
    counted = [i for i in items if not i.excluded]
    means = {m: float(np.mean([getattr(i, m) for i in counted])) if counted else float("nan") for m in MEASURES}
    return {**means, "items": len(counted), "excluded": len(items) - len(counted)}


def by_kind(items: Sequence[SeparatedSound], names: Sequence[str] | None) -> dict[str, float]:
    """Kind -> the mean SDR of its sounds that count, of one row's items; by its name, where kinds have names."""
    found: dict[int, list[float]] = {}
    for item in sorted(items, key=lambda item: item.kind):
        if not item.excluded:
            found.setdefault(item.kind, []).append(item.sdr)
    return {names[kind] if names else str(kind): float(np.mean(sdr)) for kind, sdr in found.items()}


def evaluate(
    context: Context,
    separates: GuidedSeparation,
    mixtures: Mixtures,
    spectrogram: LogSpectrogram,
    shown: str = "",
    progress: Callable[[int], None] = lambda pairs: None,
    without: Sequence[str] = (),
) -> tuple[list[SeparatedSound], list[Example]]:
    """Every mixture separated and scored by every row but some; the first as pictures and sounds of one, ``shown``."""
    spectrogram = spectrogram.to(context.device)
    guides = {
        row: guide for row, guide in all_guides(separates, mixtures, context.config.seed).items() if row not in without
    }
    wanted = context.config.evaluation.examples if shown else 0
    items: list[SeparatedSound] = []
    examples: list[Example] = []
    for mixed in mixtures:
        some = slice(mixed.pairs.start, mixed.pairs.stop)
        rows = {row: separates.separate(mixed.mixture, *(one[some] for one in all_)) for row, all_ in guides.items()}
        rows |= separates.unguided(mixed) | common_rows(spectrogram, mixed)
        estimates = {row: sounds.cpu().double().numpy() for row, sounds in rows.items() if row not in without}
        references = mixed.parts.cpu().double().numpy()
        heat = separates.heatmaps(mixed) if len(examples) < wanted else None
        for i, pair in enumerate(mixed.pairs):
            scored = score(pair, mixtures.solos(pair), references[i], {row: e[i] for row, e in estimates.items()})
            items += scored
            sdr = [item.sdr for item in scored if item.row == shown and not item.excluded]
            if len(sdr) == 2 and len(examples) < wanted:
                examples.append(example(mixed, i, rows[shown][i], heat, sdr, spectrogram))
        progress(mixed.pairs.stop)
    return items, examples


# -- files -----------------------------------------------------------------------------------------------------------


def example(
    mixed: Mixed, i: int, estimates: Tensor, heat: Tensor | None, sdr: Sequence[float], spectrogram: LogSpectrogram
) -> Example:
    """The i-th pair with its estimates (2, T), as pictures and sounds."""
    sounds = torch.cat([mixed.mixture[i].unsqueeze(0), mixed.parts[i], estimates])  # (5, T)
    specs = spectrogram(sounds).squeeze(1).half()  # log magnitude on the log-frequency axis
    pcm = (sounds * 32768).round().clamp(-32768, 32767).short()
    tensors = {
        "images": mixed.images[i].permute(0, 2, 3, 1),
        "mixture_spec": specs[0],
        "reference_specs": specs[1:3],
        "estimate_specs": specs[3:],
        "mixture": pcm[0],
        "references": pcm[1:3],
        "estimates": pcm[3:],
    }
    if heat is not None:
        tensors["heatmaps"] = heat[i].half()
    arrays = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
    return arrays | {"sdr": np.array(sdr), "pair": np.array(mixed.pairs[i])}


def keep(context: Context, mixtures: Mixtures, items: Sequence[SeparatedSound], examples: Sequence[Example]) -> None:
    """Keep the run's files: ``pairs.csv``, ``items.csv`` and, where there are examples, ``examples.npz``."""
    numbers = range(len(mixtures.pairs))
    pairs = [(pair, *(solo.id for solo in mixtures.solos(pair)), *mixtures.kinds(pair)) for pair in numbers]
    header = ("pair", "first", "second", "kind_first", "kind_second")
    context.add_file("pairs.csv", lambda path: write_csv(path, header, pairs))
    table = ItemTable()
    for item in items:
        values = {measure: getattr(item, measure) for measure in MEASURES}
        table.add_all(item.item, condition({"row": item.row}, pair=item.pair, kind=item.kind), values, item.excluded)
    context.add_file(ITEMS, table.write)
    if not examples:
        return
    names = getattr(mixtures.scenes, "kind_names", None)
    kinds = [[names[kind] if names else str(kind) for kind in mixtures.kinds(int(e["pair"]))] for e in examples]
    arrays: dict[str, Any] = {name: np.stack([e[name] for e in examples]) for name in examples[0]}
    arrays |= {"kinds": np.array(kinds), "sample_rate": mixtures.scenes.sample_rate}
    context.add_file("examples.npz", lambda path: np.savez_compressed(path, **arrays))


def separates_by_itself(method: Any) -> bool:
    return any(hasattr(method, ability) for ability in BY_ITSELF)


class Separation(Task):
    Config = SeparationConfig
    abilities = ("sound_maker", *BY_ITSELF)
    network = Separator
    frozen = True
    weights = "A network that separates mixed sounds, guided by a pre-trained one that sees their sources."
    scores = (
        CardScore(text="SDR in dB, located with the mixture", place="rows.located-mixture.sdr"),
        CardScore(text="SDR in dB, located with the clean solo", place="rows.located-solo.sdr"),
        CardScore(text="SDR in dB, located as in another pair (control)", place="rows.shuffled.sdr"),
        CardScore(text="SDR in dB of the mixture itself (control)", place="rows.mixture.sdr"),
    )
    measure = staticmethod(measure)

    @classmethod
    def sets(cls, evaluation: SeparationConfig, data: DataModule, method: Any) -> tuple[str, ...]:
        """The solos, and recordings of which there are pictures only."""
        learned = ["train 1", "validation 1"]
        if hasattr(method, "separate_kinds") or hasattr(method, "separate_blindly"):
            learned = ["train 1"] if hasattr(method, "separate_kinds") else []
        return tuple(dict.fromkeys([*learned, "test 1", *source_maps.unmarked(data, method).values()]))

    @classmethod
    def variant(cls, evaluation: SeparationConfig, usual: SeparationConfig, method: Any) -> str | None:
        if separates_by_itself(method):
            return None
        values = ((getattr(evaluation.network, name), getattr(usual.network, name)) for name in UNUSUAL)
        return " ".join([evaluation.network.conditioning, *(value for value, as_ever in values if value != as_ever)])

    @classmethod
    def updates(cls, evaluation: SeparationConfig, method: Any) -> int:
        return 0 if separates_by_itself(method) else evaluation.updates

    @classmethod
    def rehearsed(cls, evaluation: SeparationConfig, n: int) -> SeparationConfig:
        return replace(super().rehearsed(evaluation, n), solos=None, pairs=2, batch=2, examples=2)

    @classmethod
    def schedule(cls, evaluation: Mapping[str, Any]) -> tuple[str, int, str]:
        how = f"{evaluation['network']['conditioning']} conditioning, {evaluation['network']['loss']} L1"
        falls = ", falling by a cosine" if evaluation.get("schedule") == "cosine" else ""  # older records do not say
        return f"separating two mixed solos ({how})", evaluation["updates"], f"{evaluation['lr']:g}{falls}"


if __name__ == "__main__":
    from benchmarks.orchestration.experiment import command_line

    command_line("separation")
