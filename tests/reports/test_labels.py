import pytest

from reports.labels import first_trained, in_order, label, stage_text
from reports.tables.localization import heatmap
from reports.tables.separation import Network, called


@pytest.mark.parametrize(
    ("variant", "remark", "name"),
    [
        ("mask", "", "CAVL c1 mask"),
        ("center", "shuffled", "CAVL c1 center (shuffled)"),
        ("mask plain", "", "CAVL c1 mask, plain loss"),
        ("mask sum", "", "CAVL c1 mask, summed mixtures"),
        ("mask solo", "", "CAVL c1 mask, located with the solo"),
        ("mask plain solo", "", "CAVL c1 mask, plain loss, located with the solo"),
        ("mask weighted mean mixture", "", "CAVL c1 mask, weighted loss, averaged mixtures, located with the mixture"),
        ("mask solo", "located-solo", "CAVL c1 mask, located with the solo"),  # said once
        ("mask solo", "shuffled", "CAVL c1 mask, located with the solo (shuffled)"),
        ("mask whitened", "", "CAVL c1 mask, whitened"),
    ],
)
def test_every_word_of_a_separation_networks_variant_is_a_phrase_of_its_own(variant, remark, name):
    assert called(Network("cavl", "c1", variant), remark) == name


@pytest.mark.parametrize(
    ("method", "ordering", "name"),
    [
        ("l3:mel", "none", "L3-Net, mel bins"),
        ("l3:mel", "avc", "L3-Net avc, mel bins"),
        ("avts:mc2", "curriculum", "AVTS curriculum, MC2"),
        ("l3:whitened", "avc", "L3-Net avc, whitened"),
        ("sonar:deep", "own", "sonar, deep"),
    ],
)
def test_an_arm_is_named_behind_its_method(method, ordering, name):
    assert label(method, ordering) == name


def test_an_arm_may_have_a_remark():
    assert heatmap("activation").named("l3:mel", "avc") == "L3-Net avc, mel bins (activation without the sound)"


def test_arms_follow_their_method_and_the_untrained_network_its_orderings():
    rows = [("l3", "untrained"), ("avts:mc4", "curriculum"), ("l3:mel", "avc"), ("avts", "bce"), ("l3", "avc")]
    rows += [("avts", "curriculum"), ("l3", "supervised"), ("avts:mc2", "curriculum")]
    assert in_order(rows) == [
        ("l3", "avc"),
        ("l3", "supervised"),
        ("l3", "untrained"),
        ("l3:mel", "avc"),
        ("avts", "curriculum"),
        ("avts", "bce"),
        ("avts:mc4", "curriculum"),
        ("avts:mc2", "curriculum"),
    ]


def test_the_first_trained_row_of_a_method_is_not_the_untrained_one():
    rows = [("dmc", "untrained"), ("l3", "avc"), ("dmc", "recipe"), ("dmc", "c1")]
    assert first_trained(rows, "dmc") == ("dmc", "recipe")
    assert first_trained(rows[:1], "dmc") is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "C1 240 at 0.001"),
        ({"alignment": "scene"}, "C1 (scene) 240 at 0.001"),
        (
            {"negatives": {"easy": 0.75, "hard": 0.25}, "loss": "contrastive"},
            "C1 (75 % easy, 25 % hard; contrastive) 240 at 0.001",
        ),
        ({"negatives": {"easy": 1.0, "hard": 0.0}, "loss": "bce"}, "C1 (easy; BCE) 240 at 0.001"),
        ({"negatives": {"easy": 0.875, "super-hard": 0.125}}, "C1 (87.5 % easy, 12.5 % super-hard) 240 at 0.001"),
        (
            {"loss": "contrastive", "negatives": {"easy": 0.75, "hard": 0.25}},  # as the runs' files sort them
            "C1 (75 % easy, 25 % hard; contrastive) 240 at 0.001",
        ),
        ({"objective": "classify"}, "C1 (kinds from labels) 240 at 0.001"),
        ({"temperature": 0.5}, "C1 (temperature 0.5) 240 at 0.001"),
        ({"weights": {"a": 2.0, "b": 3}}, "C1 (weights a 2, b 3) 240 at 0.001"),
    ],
)
def test_a_stage_says_its_options_readably(options, said):
    assert stage_text({"curricula": [1], "updates": 240, "lr": 1e-3, "options": options}) == said


def test_a_counted_stage_says_so_beside_its_options():
    stage = {"curricula": [1, 2], "updates": 9, "lr": 0.1, "k": "counted", "options": {"alignment": "scene"}}
    assert stage_text(stage) == "C1+C2 (scene; counted k) 9 at 0.1"
