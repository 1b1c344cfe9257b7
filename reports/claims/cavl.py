"""Claims of the paper (Hu et al. 2020), §4 and §6, and the matched arms that decide them (PROTOCOLS §11)."""

from __future__ import annotations

from reports.claims.claim import Claim, each
from reports.claims.scores import PROBES

SOURCE = "CAVL (Hu et al. 2020)"

UNTRAINED, C0, C1, C2, C3 = (("cavl", o) for o in ("untrained", "c0", "c1", "c1-c2", "c1-c2-c3"))
#: C1 for as many updates as C2 had, and at the same rates.
C1_MATCHED, C2_SCENE, ORIGINAL, ONLY_C3 = (("cavl", o) for o in ("c1-matched", "c1-c2scene", "original", "c3"))
MIXED_MATCHED, HARD_TO_EASY = ("cavl", "mixed-matched"), ("cavl", "hard-to-easy")
C3_LATE = ("cavl", "c3-late")  # from random weights, with the updates and the rate of the curriculum's third stage
RIVALS = ("attention", "dmc")
LEARNED = ("pair_accuracy", "train_pair_accuracy")
SYSTEMS = {name: (name, "c1") for name in ("sound-of-pixels", "co-separation")}
SYSTEMS |= {name: (name, "none") for name in ("nmf-mfcc", "av-miml")}

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C1",
        source=SOURCE,
        quote="the network trained with the simple curriculum of C1 enjoys the fastest convergence and lowest training "
        "loss, while the one trained with C3 suffers from the worst performance (§4.3.1)",
        reading="C1 is learned faster than all scenes mixed, and these faster than C3",
        comparisons=each([C1], "above", [ORIGINAL], *LEARNED) + each([ORIGINAL], "above", [ONLY_C3], *LEARNED),
    ),
    Claim(
        id="C2",
        source=SOURCE,
        quote="the model initialized from C2 enjoys the great advantages compared with the random one (§4.3.1)",
        reading="C3 is learned better from C2 than from random weights, in as many updates on C3, also at the same "
        "learning rate",
        comparisons=each(
            [C3],
            "above",
            [ONLY_C3, C3_LATE],
            *(f"{measured} last stage" for measured in LEARNED),
            about=("updates", "learning rates"),  # of the stages before C3: those on C3 are compared
        ),
    ),
    Claim(
        id="C3",
        source=SOURCE,
        quote="learning with simple curriculum can provide more proper initialization (§4.3.2, Table 1)",
        reading="C2 after C1 gives better audio features than C1 for as many updates",
        comparisons=each([C2], "above", [C1_MATCHED], further=PROBES),
    ),
    Claim(
        id="C4",
        source=SOURCE,
        quote="sound-source matching better utilizes the audiovisual concurrency than scene-level matching, especially "
        "in the complex scene (§4.3.2, Table 1)",
        reading="on C2, alignment of sources gives better audio features than alignment of scenes",
        comparisons=each([C2], "above", [C2_SCENE], further=PROBES),
    ),
    Claim(
        id="C5",
        source=SOURCE,
        quote="direct video-level matching in the complex scene may deteriorate the pre-trained network (§4.3.2)",
        reading="C2 with alignment of scenes gives worse audio features than C1 for as many updates",
        comparisons=each([C1_MATCHED], "above", [C2_SCENE], further=PROBES),
    ),
    Claim(
        id="C6",
        source=SOURCE,
        quote="Compared to the chance results, the audio Poisson regression network has a great superiority in both "
        "accuracy and Mean Average Error (§4.3.3, Table 2)",
        reading="the counting network, not pre-trained, is better than a random guess and than any constant",
        comparisons=tuple(
            comparison
            for score in ("counting accuracy", "counting error")
            for rival in ("by chance", "of a constant")
            for comparison in each([UNTRAINED], "above", [UNTRAINED], score, beside=f"{score} {rival}")
        ),
    ),
    *(
        Claim(
            id=f"C{number}",
            source=SOURCE,
            quote=quote,
            reading=reading,
            comparisons=each([first], "above", [second], "counting accuracy", "counting error"),
        )
        for number, first, second, quote, reading in (
            (
                7,
                C0,
                UNTRAINED,
                "the results can be further improved by adopting the network pre-trained with audiovisual learning "
                "objective (§4.3.3, Table 2)",
                "pre-training with alignment of scenes helps counting",
            ),
            (
                8,
                C1,
                C0,
                "CAVL-C0 47.0 and 0.701, CAVL-C1 49.6 and 0.616 (Table 2)",
                "alignment of sources helps counting more than alignment of scenes",
            ),
            (
                9,
                C2,
                C1_MATCHED,
                "if the network has been trained with higher level curriculum, e.g., C2, it will better estimate the "
                "number of sound-sources (§4.3.3, Table 2)",
                "C2 after C1 helps counting more than C1 for as many updates",
            ),
        )
    ),
    Claim(
        id="C10",
        source=SOURCE,
        quote="our models outperform all the other methods by a large margin (§4.4, Table 3)",
        reading="on C1, and on all scenes, CAVL localizes better than Attention and DMC trained alike",
        comparisons=(
            *each([C1], "above", [(rival, "c1") for rival in RIVALS], "cIoU", "AUC"),
            *each([C2], "above", [(rival, "all") for rival in RIVALS], "cIoU", "AUC"),
        ),
    ),
    Claim(
        id="C11",
        source=SOURCE,
        quote="we also evaluate the unaligned visual center. As expected, they suffer from a large decline in both "
        "metrics (§4.4, Table 3)",
        reading="the aligned visual centre localizes better than an unaligned one",
        comparisons=tuple(each([C1], "above", [C1], m, beside=f"{m} unaligned")[0] for m in ("cIoU", "AUC")),
    ),
    Claim(
        id="C12",
        source=SOURCE,
        quote="our model trained with curriculum C2 is worse than the one with C1. This is because the test videos are "
        "all single-source (§4.4, Table 3)",
        reading="single sources are localized better after C1, for as many updates, than after C2",
        comparisons=each([C1_MATCHED], "above", [C2], "cIoU", "AUC"),
    ),
    Claim(
        id="C13",
        source=SOURCE,
        quote="Although the previous methods use additional visual knowledge for guiding the sound separation [...] "
        "our model still shows comparable results in both SDR and SIR (§4.5, Table 4)",
        reading="CAVL separates as well, within 1 dB, as systems with external visual knowledge",
        comparisons=each(
            [C1],
            "about equal",
            [SYSTEMS["sound-of-pixels"], SYSTEMS["co-separation"]],
            *("SDR", "SIR"),
            within=1.0,
            knowing=True,
        ),
        needs=("sound-of-pixels", "co-separation"),
    ),
    Claim(
        id="C14",
        source=SOURCE,
        quote="our separation model based on masked visual features performs much better than the one with visual "
        "center (§4.5, Table 4)",
        reading="the visual map under the mask guides separation better than the visual centre",
        comparisons=tuple(each([C1], "above", [C1], m, beside=f"{m} center")[0] for m in ("SDR", "SIR")),
    ),
    Claim(
        id="C15",
        source=SOURCE,
        quote="The performance gain in SDR and SAR indicates that our audiovisual alignment model can utilize complex "
        "scenes (§4.5, Table 5, where SAR falls)",
        reading="C2 after C1 guides separation better, in SDR and SAR, than C1 for as many updates",
        comparisons=each([C2], "above", [C1_MATCHED], "SDR", "SAR"),
    ),
    Claim(
        id="C16",
        source=SOURCE,
        quote="it is too coarse to perform fine-grained spectrogram prediction. Hence, such method does not work for "
        "sound separation (§6.5.1, Table 6)",
        reading="the audio assignment as the mask is worse than the separation network, and than the mixture as it is",
        comparisons=(
            *each([C1], "above", [C1], "SDR of Table 6", beside="SDR of Table 6 audio assignment"),
            *each([C1], "above", [C1], "SDR of Table 6 mixture", beside="SDR of Table 6 audio assignment"),
        ),
    ),
    Claim(
        id="C17",
        source=SOURCE,
        quote="the audiovisual learning model can be further optimized with the complex scene, which leads to better "
        "results (§3.2.1)",
        reading="from simple to complex scenes is better, in pointing, than the same scenes mixed or in reverse",
        comparisons=each([C3], "above", [MIXED_MATCHED, HARD_TO_EASY], "pointing"),
    ),
    Claim(
        id="C18",
        source=SOURCE,
        quote="our model shows superior performance over most compared methods, even some of them adopt additional "
        "visual knowledge (§6.5.1, Table 6)",
        reading="in SDR, CAVL is above Sound-of-Pixels, AV-MIML and NMF, and below Co-Separation",
        comparisons=(
            *each([C1], "above", [SYSTEMS[s] for s in ("sound-of-pixels", "av-miml", "nmf-mfcc")], "SDR of Table 6"),
            *each([SYSTEMS["co-separation"]], "above", [C1], "SDR of Table 6"),
        ),
        needs=("sound-of-pixels", "av-miml", "nmf-mfcc", "co-separation"),
    ),
)
