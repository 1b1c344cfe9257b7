"""Sound files that are read whole, as libsndfile reads them: ESC-50's, DCASE's, those of composite scenes."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.datasets.scene import DamagedError, reason_of
from cavl.resampling import RATES

LONGEST = 600  # seconds
#: Samples that libsndfile names where a file's header does not: FFmpeg's FLAC from a pipe, for example.
UNKNOWN = (1 << 63) - 1


class _Forwards(soundfile.SoundFile):  # type: ignore[misc]
    """Read from beginning to end: else soundfile seeks where it has read to, which fails at an end that is unknown."""

    def seekable(self) -> bool:
        return False


def read(content: bytes, name: str, least_rate: int = 1) -> tuple[npt.NDArray[np.float32], int]:
    """The samples (T, C) in a file's content, and how many there are a second.

    Raises :class:`DamagedError` if it is empty, cannot be decoded, holds NaN, is cut off, or has a sample rate or
    length that no recording has.
    """
    if not content:
        raise DamagedError(f"{name} is empty (0 bytes)")
    try:
        with _Forwards(io.BytesIO(content)) as file:
            rate, said = file.samplerate, UNKNOWN if file.format == "MP3" else file.frames  # MP3: an estimate
            if not least_rate <= rate <= RATES[-1]:
                allowed = f"{least_rate:,} are the least" if rate < least_rate else f"{RATES[-1]:,} are the most"
                raise DamagedError(f"{name} has {rate:,} samples a second; {allowed}")
            if LONGEST * rate < said < UNKNOWN:
                raise DamagedError(f"{name} lasts {said / rate:,.0f} s; {LONGEST} are the most")
            samples = file.read(min(said, LONGEST * rate + 1), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise DamagedError(f"{name} cannot be decoded ({reason_of(error)})") from error
    if len(samples) > LONGEST * rate:
        raise DamagedError(f"{name} lasts longer than {LONGEST} s, which are the most")
    if len(samples) < said < UNKNOWN:
        raise DamagedError(f"{name} is cut off: {len(samples):,} of {said:,} samples")
    if not np.all(np.isfinite(samples)):
        raise DamagedError(f"{name} holds NaN or infinite samples")
    return samples, rate


def mono(samples: npt.NDArray[np.float32], rate: int, sample_rate: int) -> npt.NDArray[np.float32]:
    """The mean of channels (T, C) at ``sample_rate`` Hz, in whole numbers of int16."""
    mean = samples.mean(axis=1)
    if rate != sample_rate:
        import torch  # here: slow to import, and who asks for the lists alone needs it not

        from cavl.resampling import resampled

        mean = resampled(torch.from_numpy(mean), rate, sample_rate).numpy()
    return np.clip(np.rint(mean * 32768), -32768, 32767)
