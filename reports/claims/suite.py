"""Claims of this suite: that its networks are above rivals that learn little or nothing (PROTOCOLS §5, §6, §8)."""

from __future__ import annotations

from reports.claims.claim import Claim, each

SOURCE = "This suite"
C2, C3 = ("cavl", "c1-c2"), ("cavl", "c1-c2-c3")

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="S1",
        source=SOURCE,
        quote="the counting network is above its cheap rival",
        reading="CAVL counts with a smaller error than boosted trees on spectrogram statistics",
        comparisons=each([C2], "above", [("count-trees", "none")], "counting error rounded"),
    ),
    Claim(
        id="S2",
        source=SOURCE,
        quote="the separation network is above its cheap rival",
        reading="located with the clean solo, CAVL separates better than the mean spectra of the two kinds",
        comparisons=each([C2], "above", [("mean-spectrum", "none")], "SDR solo"),
    ),
    Claim(
        id="S3",
        source=SOURCE,
        quote="the separation network is above its cheap rival, though no clean sound locates",
        reading="located with the mixture, CAVL separates better than the mean spectra of the two kinds",
        comparisons=each([C2], "above", [("mean-spectrum", "none")], "SDR"),
    ),
    Claim(
        id="S4",
        source=SOURCE,
        quote="localization is above its cheap rivals",
        reading="CAVL localizes single sources better than what sees and does not hear",
        comparisons=each([C3], "above", [("edge-density", "none"), ("spectral-residual", "none")], "cIoU"),
    ),
)
