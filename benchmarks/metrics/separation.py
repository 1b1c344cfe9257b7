"""Sound separation: how much of an estimated sound is its source, how much the other sources, how much neither?

Task
----
A mixture of n sources, the references, is separated into n estimates, each of which names its source.

Conventions
-----------
Arrays are (source, sample). BSS Eval version 3 [1]_: an estimate may differ from its source by any filter of 512 taps,
so levels, and thereby the scale of a mixture, do not matter. The estimate is projected on its source delayed by 0 to
511 samples: that is allowed. What the projection on *all* sources so delayed adds is interference; what is left after
it, artifacts. What is undefined has no score: silence, NaN, or sources that such a filter turns into one another are
errors, never 0 dB.

Metrics
-------
:func:`bss_eval`: signal to distortion, interference and artifacts ratios (SDR, SIR, SAR) in dB. The algorithm is that
of ``mir_eval.separation.bss_eval_sources`` without permutation, and the numbers agree to 1e-6 dB, with two exceptions:

* Where nothing is left but rounding (any sum of the sources has no artifacts) mir_eval returns some 200 to 280 dB, a
  ratio to its own rounding errors; here it is infinite.
* Where the sources' own matrix is singular to double precision, here is an error: for sources that are copies of one
  another or too short, and for those with empty bands in their spectra (a tone in floating point that fades in and out
  without any noise). mir_eval's numbers then move by up to several dB with the last bits of its input. Recordings of 16
  bits are far from it, rounding is noise enough: the smallest reciprocal condition number of 539 real ones was 5e-11.

:func:`si_sdr`: scale-invariant SDR [2]_, the same with a filter of one tap: only the estimate's level does not matter.

:func:`best_order`: the order in which estimates that name no source are scored.

References
----------
.. [1] Vincent, Gribonval, Févotte, "Performance measurement in blind audio source separation", IEEE Transactions on
   Audio, Speech and Language Processing 14(4), 2006.
.. [2] Le Roux, Wisdom, Erdogan, Hershey, "SDR - half-baked or well done?", ICASSP 2019.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import LinAlgError, cho_factor, cho_solve, toeplitz
from scipy.linalg.lapack import dpocon

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Spectra = npt.NDArray[np.complex128]

TAPS = 512  # of the filters by which an estimate may differ from its source
EXACT = 150.0  # dB; a ratio above it divides by rounding errors
SINGULAR = 1e-14  # reciprocal condition number below which double precision cannot tell a matrix from a singular one


class SingularReferences(ValueError):
    """References between which a filter of 512 taps cannot tell: interference and artifacts are undefined."""


def validate(references: Array, estimates: Array) -> None:
    """Check references (n, T) and estimates (..., n, T) as :func:`bss_eval` needs them.

    Raises
    ------
    ValueError
        For shapes that do not fit, NaN or infinity, or an all-zero signal.
    SingularReferences
        If they are too short: n (T, 512) matrices of delayed references span everything when n * 512 >= T + 511.
    """
    validate_signals(references, estimates)
    n, samples = references.shape
    if n * TAPS >= samples + TAPS - 1:
        raise SingularReferences(
            f"{n} references of {samples} samples are too short: filters of {TAPS} taps make anything of them; "
            f"at least {(n - 1) * TAPS + 2} samples are needed"
        )


def validate_signals(references: Array, estimates: Array) -> None:
    """Check references (n, T), estimates (..., n, T) of any length; raises ``ValueError`` as :func:`validate`."""
    if references.ndim != 2 or not references.size:
        raise ValueError(f"references must be (sources, samples), not {references.shape}")
    if estimates.shape[-2:] != references.shape:
        raise ValueError(f"estimates must end with the references' shape {references.shape}, not {estimates.shape}")
    for signals, what in ((references, "reference"), (estimates, "estimate")):
        if not np.all(np.isfinite(signals)):
            raise ValueError(f"a {what} holds NaN or infinite samples")
        if not np.all(np.any(signals, axis=-1)):
            raise ValueError(f"a {what} is silent: its ratios are undefined; leave it out and say so")


def bss_eval(references: Array, estimates: Array) -> tuple[Floats, Floats, Floats]:
    """SDR, SIR and SAR of estimates by any number of methods, all of one mixture's sources.

    Parameters
    ----------
    references
        (n, T), the sources.
    estimates
        (..., n, T): the j-th estimate is one of the j-th source. The matrices of the references are factored once for
        all of them; in mir_eval they are what takes the time.

    Returns
    -------
    sdr, sir, sar
        (..., n) in dB; ``inf`` where the ratio exceeds 150 dB (:data:`EXACT`), as SIR always does for one source.

    Raises
    ------
    ValueError
        As :func:`validate`; :class:`SingularReferences` also if a filter turns references into one another.
    """
    validate(references, estimates)
    n, samples = references.shape
    length = samples + TAPS - 1  # of everything filtered
    size = next_fast_len(length, real=True)
    spectra = rfft(references.astype(np.float64), size)
    gram = gram_matrix(spectra, size)
    every = factor(gram)
    sdr, sir, sar = np.empty((3, *estimates.shape[:-1]))
    for j in range(n):
        estimate = np.zeros((*estimates.shape[:-2], length))
        estimate[..., :samples] = estimates[..., j, :]
        products = inner_products(spectra, rfft(estimate, size), size)
        own = slice(j * TAPS, (j + 1) * TAPS)
        allowed = project(spectra[j : j + 1], factor(gram[own, own]), products[..., own], size)[..., :length]
        found = project(spectra, every, products, size)[..., :length]
        sdr[..., j] = decibels(allowed, estimate - allowed)
        sir[..., j] = decibels(allowed, found - allowed)
        sar[..., j] = decibels(found, estimate - found)
    return sdr, sir, sar


def si_sdr(references: Array, estimates: Array) -> Floats:
    """Scale-invariant SDR (..., n) in dB of estimates (..., n, T) of references (n, T), infinite above 150 dB.

    The estimate is projected on its reference; what is left is distortion. No mean is taken off.

    Raises
    ------
    ValueError
        For shapes that do not fit, NaN or infinity, or an all-zero signal.
    """
    validate_signals(references, estimates)
    target = references.astype(np.float64)
    scale = (estimates * target).sum(-1) / np.square(target).sum(-1)
    allowed = scale[..., None] * target
    return decibels(allowed, estimates - allowed)


def best_order(references: Array, estimates: Array) -> Array:
    """Estimates (n, T), which do not say whose they are, in the order of the references (n, T): an oracle.

    As in BSS Eval the permutation with the highest mean SIR; as they came where ratios are undefined.
    """
    orders = np.array(list(permutations(range(len(references)))))
    try:
        _, sir, _ = bss_eval(references, estimates[orders])
    except ValueError:
        return estimates
    ordered: Array = estimates[orders[sir.mean(-1).argmax()]]
    return ordered


def gram_matrix(spectra: Spectra, size: int) -> Floats:
    """Inner products (n * 512, n * 512) of the references, each delayed by 0 to 511 samples."""
    correlations = irfft(spectra[:, None] * spectra.conj(), size)  # (n, n, size), lags modulo size
    rows = [[toeplitz(_backwards(c), c[:TAPS]) for c in row] for row in correlations]
    return np.block(rows)


def inner_products(spectra: Spectra, estimate: Spectra, size: int) -> Floats:
    """Inner products (..., n * 512) of an estimate with the delayed references."""
    correlations = irfft(spectra * estimate[..., None, :].conj(), size)  # (..., n, size)
    return _backwards(correlations).reshape(*correlations.shape[:-2], -1)


def _backwards(correlation: Floats) -> Floats:
    """Lags 0, -1, ..., -511 of a circular correlation (..., size)."""
    return np.concatenate([correlation[..., :1], correlation[..., :-TAPS:-1]], axis=-1)


def factor(gram: Floats) -> tuple[Floats, bool]:
    """Cholesky factor; raises :class:`SingularReferences` if there is none in double precision."""
    try:
        cholesky, lower = cho_factor(gram)
        reciprocal, _ = dpocon(cholesky, np.abs(gram).sum(0).max(), uplo="L" if lower else "U")
    except LinAlgError:
        reciprocal = 0.0
    if reciprocal < SINGULAR:
        raise SingularReferences(
            f"the references are singular: a filter of {TAPS} taps turns them into one another (copies, delayed or "
            "filtered copies), or there are empty bands in their spectra; leave them out and say so"
        )
    return cholesky, lower


def project(spectra: Spectra, gram: tuple[Floats, bool], products: Floats, size: int) -> Floats:
    """Projections (..., size) on the delayed references: solve for the filters, filter, and sum over references."""
    filters = cho_solve(gram, products.reshape(-1, products.shape[-1]).T).T
    filters = filters.reshape(*products.shape[:-1], len(spectra), TAPS)
    return np.asarray(irfft((spectra * rfft(filters, size)).sum(-2), size))


def decibels(signal: Floats, rest: Floats) -> Floats:
    """Ratio of the energies of two (..., T) in dB; infinite above :data:`EXACT`."""
    with np.errstate(divide="ignore"):
        ratio = 10 * np.log10(np.square(signal).sum(-1) / np.square(rest).sum(-1))
    return np.where(ratio > EXACT, np.inf, ratio)
