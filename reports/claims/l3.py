"""Claims of the summary of L3-Net."""

from __future__ import annotations

from reports.claims.claim import Claim, each
from reports.claims.scores import PROBES

SOURCE = "L3-Net summary"
L3 = ("l3", "avc")

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="L1",
        source=SOURCE,
        quote="L3-net performs equally as the supervised pre-training baseline.",
        reading="at equal compute, AVC needs no supervised pre-training",
        comparisons=each([("l3", "avc-matched")], "about equal", [("l3", "supervised-avc")], "avc"),
    ),
    Claim(
        id="L2",
        source=SOURCE,
        quote="The direct combination baseline actually performed worse",
        reading="direct combination is the worst of the three at AVC, each trained for as long",
        comparisons=(
            *each([L3], "above", [("l3", "supervised")], "avc"),
            *each([("l3", "supervised-avc")], "above", [("l3", "supervised-matched")], "avc"),
        ),
    ),
    Claim(
        id="L3",
        source=SOURCE,
        quote="I wonder if using mel spaced bins would make learning the audio embedding an easier task",
        reading="mel bins give a better audio embedding",
        comparisons=each([("l3:mel", "avc")], "above", [L3], further=PROBES),
    ),
    Claim(
        id="L4",
        source=SOURCE,
        quote="what would be the effect of ditching the spectrogram input, using conv1D layers, and let the network "
        "learn the filters it wants to use on the raw audio by itself?",
        reading="a learned front end is better than the spectrogram, at AVC and as an embedding",
        comparisons=each([("l3:waveform", "avc")], "above", [L3], "avc", further=PROBES),
    ),
    Claim(
        id="L5",
        source=SOURCE,
        quote="adding a recurrent layer and training on a sequence of video frames: could this help the AVC task AND "
        "produce a more meaningful audio embedding?",
        reading="several frames with a recurrent layer help AVC and the embedding",
        comparisons=each([("l3:recurrent", "avc")], "above", [L3], "avc", further=PROBES),
    ),
)
