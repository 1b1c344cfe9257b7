"""Trained network for use elsewhere: sounds of any sampling rate and length, images of any size, NumPy or torch.

    from cavl import load

    model = load(12)  # a run, its folder, or a folder that `cavl-bench export` wrote
    features = model.audio_embedding(waveform, 44_100)

The networks hear windows of a fixed length at a fixed rate (CAVL at the paper's sizes 10 s at 11,025 Hz). Sounds are
mixed down, resampled and cut here, and what comes out is put together again. This is the one module of the package that
reads files, and it reads plain ones: JSON and safetensors, nothing that could hold code.
"""

from __future__ import annotations

import hashlib
import json
import numbers
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load as read_safetensors
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from cavl.config import ConfigError, from_dict
from cavl.counting import Counter, CounterConfig, most_probable_count
from cavl.methods import UnknownMethod, method_class
from cavl.resampling import RATES, resampled
from cavl.separation import INAUDIBLE, Separator, as_audible
from cavl.separator_config import SeparatorConfig
from cavl.spectrogram import lacking

#: What the caller has, comes back: NumPy for NumPy, torch (on the CPU) for torch.
Array = TypeVar("Array", npt.NDArray[Any], Tensor)

AT_ONCE = 16  # windows in one forward pass
STEREO = 2  # more channels of one sound must be said
MOST_CHANNELS = 8  # more are samples, in an array that lies on its side
LOUDEST = 100.0  # floating-point samples lie in [-1, 1], or a little outside; these are integers that were converted

WEIGHTS, CONFIG = "weights.safetensors", "config.json"

#: Ability -> the task whose runs have it.
TASKS = {"audio_embedding": "pretrain", "localize": "pretrain", "separate": "separation", "count": "counting"}


class ModelError(RuntimeError):
    """A model that cannot be loaded, or that has not learned what it is asked for."""


def load(run: int | str | os.PathLike[str], device: torch.device | str = "cpu") -> Extractor:
    """A trained network, ready for use.

    Parameters
    ----------
    run
        A run's number (its folder lies in ``$CAVL_HOME``, default ``./runs``), a run's folder, or a folder that
        ``cavl-bench export`` wrote. An evaluation stands for the network that it measured.
    device
        Where to compute.

    Raises
    ------
    ModelError
        If there is no such run or folder, or the run left no weights, or they are damaged.
    """
    saved, weights = find(run)
    try:
        with torch.random.fork_rng(devices=[]):  # initial weights are drawn and replaced: the caller's draws stay
            network, abilities = saved.build()
    except (ConfigError, UnknownMethod) as error:
        raise ModelError(f"{run}: {error}; is the package that it was trained with installed?") from error
    if weights is not None:
        tensors = _verified(weights, saved.weights)
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            raise ModelError(f"{weights} holds the weights of another network: {error}") from error
    for part in (network, *abilities.values()):
        if isinstance(part, nn.Module):
            part.to(device).eval()
    return Extractor(saved.method, abilities, torch.device(device))


class Extractor:
    """What a trained network can do, on sounds and images as they are.

    A *sound* is mono (T,), or stereo (2, T), which is mixed down; int16, or floating point in [-1, 1]. More than two
    channels must be said, ``channels=6``: they could be meant as several sounds, which have a way of their own
    (:meth:`audio_embeddings`). ``sr`` is its sampling rate in Hz. An *image* is RGB, (H, W, 3) or (3, H, W); uint8, or
    floating point in [0, 1]; a PIL image will do. Answers are NumPy arrays for NumPy sounds and tensors on the CPU for
    tensors.

    Attributes
    ----------
    abilities
        Which of ``audio_embedding``, ``localize``, ``separate`` and ``count`` the network has learned; the others raise
        :class:`ModelError`, naming the task whose runs have them. Sounds and images that cannot be meant (empty, NaN,
        of another shape or type) raise ``ValueError``.
    """

    def __init__(self, name: str, abilities: Mapping[str, Any], device: torch.device) -> None:
        self.name = name
        self.abilities = tuple(sorted(abilities))
        self._networks = dict(abilities)
        self._device = device

    def __repr__(self) -> str:
        return f"<Extractor of {self.name}: {', '.join(self.abilities)}>"

    @torch.no_grad()
    def audio_embedding(self, waveform: Array, sr: int, *, channels: int | None = None) -> Array:
        """Sound -> (D,); sounds of equal length, (B, channels, T) -> (B, D).

        The mean over windows that follow one another; the last one, or a sound shorter than one, is continued from the
        sound's own beginning.
        """
        network = self._able_to("audio_embedding")
        sounds, several = _sounds(waveform, sr, network.sample_rate, channels)
        features = self._mean_over_windows(network, sounds, network.audio_embedding)
        return _like(waveform, features if several else features[0])

    def audio_embeddings(self, waveforms: Iterable[Array], sr: int, *, channels: int | None = None) -> Array:
        """Several sounds of any lengths -> (n, D): of each its :meth:`audio_embedding`; an array holds one in a row.

        The answer is a tensor where the first sound is one.
        """
        try:
            sounds = [] if isinstance(waveforms, str | bytes | os.PathLike) else list(waveforms)
        except TypeError:  # a number, None
            sounds = []
        if not sounds:
            raise ValueError("audio_embeddings takes a list of sounds, or (sounds, samples); this is none")
        for sound in sounds:
            _refuse(np.ndim(sound) > 2, sound)
        rows = [torch.as_tensor(self.audio_embedding(sound, sr, channels=channels)) for sound in sounds]
        return _like(sounds[0], torch.stack(rows))

    @torch.no_grad()
    def count(self, waveform: Array, sr: int, *, channels: int | None = None) -> Array:
        """Sound -> its number of sources, 1 to 5, a whole number (); (B, channels, T) -> (B,).

        The most probable one under the expectation that is the mean over the sound's windows.
        """
        network = self._able_to("count")
        sounds, several = _sounds(waveform, sr, network.sample_rate, channels)
        sounds = padded(sounds, network.window)
        counts = most_probable_count(self._mean_over_windows(network, sounds, network))
        return _like(waveform, counts if several else counts[0])

    @torch.no_grad()
    def localize(self, image: Any, waveform: Array, sr: int, n: int = 1, *, channels: int | None = None) -> Array:
        """Where in the image are the ``n`` sources of the sound? Heatmaps (n, H, W) in [0, 1], of the image's size.

        The mean over the sound's windows. The sources have no order; those of one window are matched with those of the
        windows before it by the overlap of their heatmaps.
        """
        network = self._able_to("localize")
        if not isinstance(n, numbers.Integral) or n < 1:
            raise ValueError(f"n must be a whole number, at least 1 source, not {n!r}")
        sound, several = _sounds(waveform, sr, network.sample_rate, channels)
        _refuse(several, waveform)
        picture = _image(image).to(self._device)
        parts = windows(padded(sound, network.window), network.window)[0]
        total = torch.zeros(n, *picture.shape[-2:])
        for answers in self._in_batches(
            parts, lambda some: network.localize(picture.expand(len(some), -1, -1, -1), some, n)
        ):
            for heatmaps in answers:
                total += in_order_of(total, heatmaps)
        return _like(waveform, total / len(parts))

    @torch.no_grad()
    def separate(self, mixture: Array, images: Any, sr: int, *, channels: int | None = None) -> Array:
        """The sound of each object, (n, T), from their mixture and an image of each: as long as it, at its rate.

        Parameters
        ----------
        mixture
            A sound (T,) or (channels, T).
        images
            n images, which may differ in size.

        Notes
        -----
        The network separates windows; they overlap by half and are cross-faded. What the mixture holds above half of
        the network's own rate (5.5 kHz at the paper's 11,025 Hz) is gone from its parts.
        """
        network = self._able_to("separate")
        sound, several = _sounds(mixture, sr, network.sample_rate, channels)
        _refuse(several, mixture)
        as_audible(sound)  # the whole of it: a window may well be all but silent
        pictures = _images(images, network.image_size).to(self._device)
        answers = self._in_batches(
            silenced(overlapping(sound[0], network.window)),
            lambda some: network.separate(some, pictures.expand(len(some), -1, -1, -1, -1)),
        )
        separated = overlap_add(torch.cat(list(answers)), sound.shape[1])
        return _like(mixture, resampled(separated, network.sample_rate, sr)[:, : np.shape(mixture)[-1]])

    def _able_to(self, ability: str) -> Any:
        if ability not in self._networks:
            task = TASKS[ability]
            raise ModelError(
                f"this network of {self.name} cannot {ability.replace('audio_embedding', 'embed')}; it can: "
                f"{', '.join(self.abilities)}. Load a run of the {task} task: cavl-bench runs list --task {task}"
            )
        return self._networks[ability]

    def _mean_over_windows(self, network: Any, sounds: Tensor, answer: Callable[[Tensor], Tensor]) -> Tensor:
        """Sounds (B, T), answered (windows, length) -> (windows, ...) at a time: (B, ...)."""
        length = getattr(network, "window", sounds.shape[1])  # a network without a window takes a sound whole
        parts = windows(sounds, length, getattr(network, "probe_hop", length))
        answers = torch.cat(list(self._in_batches(parts.flatten(0, 1), answer)))
        return answers.view(*parts.shape[:2], *answers.shape[1:]).mean(1)

    def _in_batches(self, parts: Tensor, answer: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
        for first in range(0, len(parts), AT_ONCE):
            yield answer(parts[first : first + AT_ONCE].to(self._device)).cpu()


# ---- files ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Which network, and which weights: the ``config.json`` of an exported model."""

    method: str
    model: Mapping[str, Any]
    weights: str | None  # sha256 of their file; None for a method that has none
    counter: CounterConfig | None = None  # a counting network was trained on top of the method's
    separator: SeparatorConfig | None = None  # a separation network was trained beside it

    def build(self) -> tuple[Any, dict[str, Any]]:
        """The network that the weights fit, and by ability what has it."""
        cls = method_class(self.method)
        method = cls(from_dict(cls.Config, self.model, "model"))
        if self.counter is not None:
            counter = Counter(self.counter, method.audio_network())  # shares the method's audio pathway
            return counter, {"audio_embedding": method, "count": counter}
        abilities = {a: method for a in ("audio_embedding", "localize", "separate") if hasattr(method, a)}
        if self.separator is not None:
            separator = Separator(self.separator, method)
            return separator, {**abilities, "separate": separator}
        return method, abilities


def find(run: int | str | os.PathLike[str]) -> tuple[Saved, Path | None]:
    """What :func:`load` would load, and the file of its weights (None for a method that has none).

    Raises
    ------
    ModelError
        As :func:`load`; that the weights are whole is not looked at.
    """
    if isinstance(run, int | np.integer) or (isinstance(run, str) and run.isdecimal()):
        home = _expanded(os.environ.get("CAVL_HOME") or "runs")  # as the registry has it
        if not (home / str(run)).is_dir():
            raise ModelError(f"there is no run {run} in {home}; set CAVL_HOME to the folder of your runs")
        return _of_record(home / str(run))
    if not isinstance(run, str | os.PathLike):
        raise ModelError(f"a run is named by its number or a folder, not {run!r}")
    folder = _expanded(run)
    if (folder / "run.json").is_file():
        return _of_record(folder)
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder} is neither a run (it has no run.json) nor an exported model (no {WEIGHTS})")
    try:
        return from_dict(Saved, _json(folder / CONFIG)), folder / WEIGHTS
    except (ConfigError, TypeError) as error:
        raise ModelError(f"{folder / CONFIG} does not describe a model: {error}") from error


def _expanded(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise ModelError(f"{path}: this user has no home folder; write the path in full, or set HOME") from None


def _of_record(folder: Path) -> tuple[Saved, Path | None]:
    try:
        return _of_run(folder)
    except (KeyError, TypeError, IndexError) as error:
        raise ModelError(f"the record of run {folder.name} in {folder.parent} is damaged: no {error}") from error


def _of_run(folder: Path) -> tuple[Saved, Path | None]:
    """Of a run in the registry; its weights lie beside the runs, in ``checkpoints/<run key>/``."""
    run, config, pedigree = (_json(folder / name) for name in ("run.json", CONFIG, "pedigree.json"))
    if run["status"] != "COMPLETED":
        raise ModelError(f"run {folder.name} in {folder.parent} is {run['status']}; only a finished run can be loaded")
    task, evaluation, result = config["task"], config["evaluation"], run["result"]
    model = {"method": config["method"], "model": config["model"]}
    if "weights" in result:
        parts: dict[str, Any] = {}
        if task == "counting":
            parts["counter"] = CounterConfig(hidden=evaluation["hidden"])
        elif task == "separation":
            parts["separator"] = from_dict(SeparatorConfig, evaluation["network"], "evaluation.network")
        return Saved(**model, **parts, weights=result["weights"]), _weights_of(folder, pedigree["key"], None)
    if pedigree["parents"]:
        path = _weights_of(folder, pedigree["parents"][0], config["step"])
        return Saved(**model, weights=pedigree["parent_digests"][0]), path
    if hasattr(method_class(config["method"]), "training_step"):
        raise ModelError(
            f"run {folder.name} in {folder.parent} measured initial weights, which are kept nowhere; "
            "load a run of an ordering that trains: cavl-bench runs list --task pretrain"
        )
    return Saved(**model, weights=None), None


def _weights_of(folder: Path, key: str, step: int | None) -> Path:
    path = folder.parent / "checkpoints" / key / (WEIGHTS if step is None else f"weights@{step}.safetensors")
    if not path.is_file():
        raise ModelError(f"the weights of run {folder.name} are not at {path}; run it again: it trains them anew")
    return path


def _verified(path: Path, digest: str | None) -> dict[str, Tensor]:
    """The tensors of a file of weights with this sha256."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(f"{path} is damaged, or not the file that belongs here (its digest is not the recorded one)")
    try:
        return read_safetensors(content)
    except SafetensorError as error:
        raise ModelError(f"{path} holds no weights: {error}") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


# ---- sounds ---------------------------------------------------------------------------------------------------------


def windows(sounds: Tensor, length: int, hop: int | None = None) -> Tensor:
    """(B, T) -> (B, windows, length), every sample in at least one; ``hop`` apart, as a rule following one another.

    Where the sound ends inside the last one, it is continued from its own beginning.
    """
    hop = hop or length
    samples = sounds.shape[1]
    number = 1 + max(0, -(-(samples - length) // hop))
    continued = sounds[:, torch.arange((number - 1) * hop + length) % samples]
    return continued.unfold(1, length, hop)


def padded(sounds: Tensor, length: int) -> Tensor:
    """(B, T), with silence behind what lacks hardly anything of a window, as in the tasks (PROTOCOLS §1)."""
    samples = sounds.shape[1]
    return F.pad(sounds, (0, length - samples)) if lacking(samples, length) else sounds


def overlapping(sound: Tensor, length: int) -> Tensor:
    """(T,) -> (windows, length), which overlap by half; the last one ends where the sound does and may overlap by more.

    A sound shorter than a window is repeated to fill it.
    """
    if len(sound) < length:
        return windows(sound.unsqueeze(0), length)[0]
    return torch.stack([sound[start : start + length] for start in _starts(len(sound), length)])


def silenced(parts: Tensor) -> Tensor:
    """Windows (windows, length), those all but silent as silence: in a sound that is heard they are no mistake."""
    return parts * (parts.abs().amax(-1, keepdim=True) >= INAUDIBLE)


def overlap_add(parts: Tensor, samples: int) -> Tensor:
    """Windows (windows, n, length) that stand as :func:`overlapping` has cut them -> (n, T).

    They fade into each other by squared sines, which add up to one where two windows overlap by half.
    """
    length = parts.shape[-1]
    if samples < length:
        return parts[0, :, :samples]
    fade = torch.sin(torch.pi * (torch.arange(length) + 0.5) / length) ** 2
    total, weight = torch.zeros(parts.shape[1], samples), torch.zeros(samples)
    for start, part in zip(_starts(samples, length), parts, strict=True):
        total[:, start : start + length] += fade * part
        weight[start : start + length] += fade
    return total / weight


def _starts(samples: int, length: int) -> list[int]:
    return [*range(0, samples - length, length // 2), samples - length]


def _sounds(waveform: Any, sr: int, rate: int, said: int | None) -> tuple[Tensor, bool]:
    """Mono float32 (B, T) at ``rate``, and whether the caller gave several; ``said`` are the channels of each."""
    if isinstance(waveform, list | tuple) and not all(isinstance(sample, numbers.Real) for sample in waveform):
        raise ValueError(
            "a sound is an array, not a list; several sounds: audio_embeddings([first, second], sr), or one call each"
        )
    given = _tensor(waveform, "waveform, sr = soundfile.read(path); waveform = waveform.T")
    if not 1 <= given.ndim <= 3 or not given.numel():
        raise ValueError(
            "a sound must be (samples,) or (channels, samples), several (sounds, channels, samples), and not empty; "
            f"this one is {tuple(given.shape)}"
        )
    channels = 1 if given.ndim == 1 else given.shape[-2]
    if channels > MOST_CHANNELS:
        raise ValueError(
            f"a sound of {channels} channels, of which there are at most {MOST_CHANNELS}: channels come first, so "
            "transpose what is (samples, channels); several mono sounds are (sounds, 1, samples)"
        )
    if said is not None and (np.ndim(said) or said != channels):
        raise ValueError(f"channels={said!r}, but the sound {tuple(given.shape)} has {channels}")
    if said is None and channels > STEREO:
        raise ValueError(
            f"{channels} channels of one sound, or {channels} sounds? Say channels={channels} for surround; several "
            "sounds: audio_embeddings(sounds, sr), or one call each"
        )
    if given.dtype == torch.int16:
        sounds = given.float() / 32768
    elif given.is_floating_point():
        sounds = given.float()
    else:
        raise ValueError(f"samples must be int16, or floating point in [-1, 1], not {given.dtype}")
    if not torch.isfinite(sounds).all():
        raise ValueError("the sound holds NaN or infinite samples; the recording it came from is damaged")
    if sounds.abs().max() > LOUDEST:
        raise ValueError("floating-point samples lie in [-1, 1]; divide what has been int16 by 32768")
    if np.ndim(sr) or sr not in RATES:
        raise ValueError(
            f"the sampling rate must be a whole number of Hz from {RATES[0]:,} to {RATES[-1]:,}, not {sr!r}"
        )
    mono = sounds.reshape(-1, channels, sounds.shape[-1]).mean(1)
    return resampled(mono, sr, rate), given.ndim == 3


def _refuse(several: bool, waveform: Any) -> None:
    if several:
        raise ValueError(f"one sound at a time, (samples,) or (channels, samples), not {tuple(np.shape(waveform))}")


# ---- images ---------------------------------------------------------------------------------------------------------


def _images(images: Any, size: int | None) -> Tensor:
    """One image of each source -> (1, n, 3, H, W), resized where the network wants one size."""
    if not len(images):
        raise ValueError("separation needs an image of each source; there is none")
    pictures = [_image(image) for image in images]
    if size is not None:
        pictures = [F.interpolate(p, (size, size), mode="bilinear", antialias=True) for p in pictures]
    elif len({p.shape for p in pictures}) > 1:
        raise ValueError("this method takes images as they are, so all of them must have one size")
    return torch.cat(pictures).unsqueeze(0)


def _image(image: Any) -> Tensor:
    """-> (1, 3, H, W) float32 in [0, 1]."""
    given = _tensor(image, "PIL.Image.open(path).convert('RGB')")
    if given.ndim == 3 and given.shape[-1] == 3:
        given = given.permute(2, 0, 1)
    if given.ndim != 3 or given.shape[0] != 3 or not given.numel():
        raise ValueError(
            f"an image must be RGB, (height, width, 3) or (3, height, width), not {tuple(given.shape)}; of a PIL image "
            "take .convert('RGB')"
        )
    if given.dtype == torch.uint8:
        return given.unsqueeze(0).float() / 255
    if not given.is_floating_point() or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(f"an image must be uint8, or floating point in [0, 1] without NaN; this one is {given.dtype}")
    return given.unsqueeze(0).float()


# ---- arrays ---------------------------------------------------------------------------------------------------------


def _tensor(values: Any, reading: str) -> Tensor:
    """NumPy, torch, or what NumPy takes for an array -> a tensor on the CPU; a path is refused with its ``reading``."""
    if isinstance(values, str | os.PathLike):
        raise ValueError(f"{values} is a path; read the file first: {reading}")
    if isinstance(values, Tensor):
        return values.detach().cpu()
    array = np.asarray(values)
    try:
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))
    except TypeError as error:
        raise ValueError(f"an array of numbers is needed, not {type(values).__name__} of {array.dtype}") from error


def _like(given: Array, answer: Tensor) -> Array:
    return answer if isinstance(given, Tensor) else answer.numpy()


def in_order_of(heatmaps: Tensor, others: Tensor) -> Tensor:
    """``others`` (n, H, W), each beside the one of ``heatmaps`` (n, H, W) that it overlaps with (Hungarian)."""
    overlap = heatmaps.flatten(1) @ others.flatten(1).mT
    return others[linear_sum_assignment(overlap.numpy(), maximize=True)[1]]
