"""Claims of the summary of AVTS."""

from __future__ import annotations

from reports.claims.claim import Claim, each
from reports.claims.scores import ACTIONS, PROBES

SOURCE = "AVTS summary"
CURRICULUM, EASY_ONLY, SCRATCH = (("avts", o) for o in ("curriculum", "easy", "untrained"))
OTHER_TRUNKS = [(f"avts:{trunk}", "curriculum") for trunk in ("mc2", "mc4", "mc5")]

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="A1",
        source=SOURCE,
        quote="Authors employed curriculum learning wherein they trained with easy samples for the first 50 epochs and "
        "then trained with 75-25 split for the next 40 epochs and got massive gains.",
        reading="the curriculum beats hard negatives, and 75/25, from the start",
        comparisons=each([CURRICULUM], "above", [("avts", "hard"), ("avts", "mixed")], "avts mixed"),
    ),
    Claim(
        id="A2",
        source=SOURCE,
        quote="Training with super hard samples at any stage yielded worse performance",
        reading="super-hard negatives hurt, late or from the start",
        comparisons=each([CURRICULUM], "above", [("avts", "super-hard"), ("avts", "super-hard-start")], "avts mixed"),
    ),
    Claim(
        id="A3",
        source=SOURCE,
        quote="Fine tuning with BCE loss after contrastive loss yielded better performance on test set consisting of "
        "the 75-25 easy-hard negative sample split.",
        reading="BCE after the contrastive loss is better than the contrastive loss for as many updates",
        comparisons=each([("avts", "curriculum-bce")], "above", [("avts", "curriculum-matched")], "avts mixed"),
    ),
    Claim(
        id="A4",
        source=SOURCE,
        quote="Contrastive loss converges better than BCE loss (in this context).",
        reading="with the same negatives, the contrastive loss learns faster and ends higher than BCE from scratch",
        comparisons=each([CURRICULUM], "above", [("avts", "bce")], "avts along the way", "avts mixed"),
    ),
    Claim(
        id="A5",
        source=SOURCE,
        quote="Curriculum of learning should reflect test set statistics",
        reading="on the 75/25 test set the 75/25 curriculum beats easy negatives, and by more than on the easy one",
        comparisons=each([CURRICULUM], "above", [EASY_ONLY], "avts mixed", "avts mixed less easy"),
    ),
    Claim(
        id="A6",
        source=SOURCE,
        quote="Used 3D convs in the initial layers (MCx models) and then used 2D convs for visual processing. MC3 was "
        "found the best.",
        reading="MC3 is the best of MC2 to MC5",
        comparisons=each([CURRICULUM], "above", OTHER_TRUNKS, "avts mixed"),
    ),
    Claim(
        id="A7",
        source=SOURCE,
        quote="Self supervision through AVTS on SoundNet dataset with their audio subnetwork and then using a 1vsAll "
        "SVM yielded better results than L3 net self supervised on SoundNet dataset.",
        reading="the audio embedding of AVTS classifies sounds better than that of L3-Net, trained for as long",
        comparisons=each([CURRICULUM], "above", [("l3", "avc-matched")], further=PROBES),
    ),
    Claim(
        id="A8",
        source=SOURCE,
        quote="Pretraining performance > Training from scratch.",
        reading="pre-training helps action recognition",
        comparisons=each([CURRICULUM], "above", [SCRATCH], further=ACTIONS),
    ),
    Claim(
        id="A9",
        source=SOURCE,
        quote="Pretraining with self-supervised was slightly less than fully supervised.",
        reading="for action recognition, pre-training on labels of other motions is slightly better than on "
        "synchronisation",
        comparisons=each([("avts", "supervised-motions")], "slightly above", [CURRICULUM], further=ACTIONS),
    ),
)
