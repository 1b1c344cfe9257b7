import functools
import math

import pytest

from reports.item_scores import along_the_way
from reports.tables import classification, counting, localization
from reports.tables.action import recognised
from reports.tables.avc import SCORE
from reports.tables.avts import choices, synchrony
from reports.tables.classification import probe
from reports.tables.counting import best_constant, counted, minus_error, right
from reports.tables.localization import ciou_hits, pointing
from reports.tables.separation import left_out, ratios

correspondences, correct, pointing_hits = SCORE.items, probe("esc10").items, pointing().items


def synchronies(study, node, which):
    return synchrony(which).items(study, node)


def test_items_of_a_run(writer, study_of):
    lines = [
        "item,row,rule,ciou",
        "a,aligned,threshold=0.5,0.5",
        "b,aligned,threshold=0.5,0.49",
        "c,aligned,top_half,1",
    ]
    lines += ["d,aligned,threshold=0.5,nan", "e,unaligned,threshold=0.5,1.0"]
    points = ["n_sources,item,source,hit", "3,x,0,1", "3,x,1,0", "3,y,0,1.0", "2,z,0,1"]
    hits = writer.tidy(points, "hit", further="source").partition("\n")[2]
    files = {"items.csv": writer.tidy(lines, "ciou") + hits}
    writer.run("localization", "cavl", "c1", 1, {}, files=files)
    items = writer.tidy(["item,fold,label,predicted", "m,1,3,3", "n,1,3,4"], "correct", further="fold label predicted")
    writer.run("classification", "cavl", "c1", 1, {}, variant="esc10", files={"items.csv": items})
    writer.plan()
    study = study_of(writer.home)
    where, probe = study.select("localization")[0], study.select("classification")[0]
    hits = ciou_hits(study, where, "aligned", "threshold=0.5")
    assert (hits["a"], hits["b"], set(hits)) == (1.0, 0.0, {"a", "b", "d"})
    assert hits["d"] != hits["d"]  # NaN stays NaN
    assert pointing_hits(study, where) == {"x": 0.5, "y": 1.0}
    assert correct(study, probe) == {"m": 1.0, "n": 0.0}


def test_a_missing_artifact_is_told_and_leaves_no_scores(writer, study_of):
    writer.run("localization", "cavl", "c1", 1, {})
    writer.plan()
    study = study_of(writer.home)
    with pytest.warns(UserWarning, match=r"run 1: items\.csv cannot be read"):
        assert ciou_hits(study, study.nodes[0], "aligned", "threshold=0.5") == {}


@pytest.fixture
def counting_node(writer, study_of):
    """(study, node) of a run that counted three scenes of 1, one of 3 and one of 5 sources."""
    lines = ["item,n_sources,rate,mode,rounded", "a,1,0.4,1,1", "b,1,2.4,2,2", "c,1,0.2,1,1"]
    lines += ["d,3,3.9,3,4", "e,5,3.1,3,3"]
    writer.run(
        "counting",
        "cavl",
        "c1",
        1,
        {},
        variant="true",
        files={"items.csv": writer.tidy(lines, "rate", "mode", "rounded")},
    )
    writer.plan()
    study = study_of(writer.home)
    return study, study.nodes[0]


def test_counts_are_worth_right_or_wrong_and_minus_their_distance(counting_node):
    assert counted(*counting_node, right) == {"a": 1, "b": 0, "c": 1, "d": 1, "e": 0}
    assert counted(*counting_node, minus_error) == {"a": 0, "b": -1, "c": 0, "d": 0, "e": -2}


def test_the_best_constant_is_the_mode_for_accuracy_and_the_median_for_the_error(counting_node):
    assert best_constant(*counting_node, right) == {"a": 1, "b": 1, "c": 1, "d": 0, "e": 0}
    assert best_constant(*counting_node, minus_error) == {"a": 0, "b": 0, "c": 0, "d": -2, "e": -4}


def test_separated_sounds_of_one_row_without_those_left_out(writer, study_of):
    lines = ["pair,item,kind,row,sdr,sir,sar,excluded"]
    lines += ["0,x,1,located-mixture,3.5,9,8,", "0,y,2,located-mixture,nan,nan,nan,silent estimate"]
    lines += ["1,x,1,located-mixture,-1.25,9,8,", "1,x,1,shuffled,7,9,8,", "2,z,3,located-mixture,,,,silent reference"]
    for seed in (1, 2):
        writer.run(
            "separation",
            "cavl",
            "c1",
            seed,
            {},
            variant="mask",
            files={"items.csv": writer.tidy(lines, "sdr", "sir", "sar", further="pair kind")},
        )
    writer.plan()
    study = study_of(writer.home)
    one, two = (ratios(study, node, "located-mixture") for node in study.nodes)
    assert list(one.values()) == [3.5, -1.25]
    assert one.keys() == two.keys()  # every seed mixes the same pairs
    assert list(ratios(study, study.nodes[0], "shuffled").values()) == [7.0]
    assert list(ratios(study, study.nodes[0], "shuffled", "sir").values()) == [9.0]
    assert left_out(study, study.nodes[0]) == {
        ("located-mixture", "silent estimate"): 1,
        ("located-mixture", "silent reference"): 1,
    }


def test_without_a_run_there_are_no_scores(writer, study_of):
    writer.run("counting", "cavl", "c1", 1, None, variant="true", write=False)
    writer.plan()
    study = study_of(writer.home)
    assert counted(study, study.nodes[0], right) == best_constant(study, study.nodes[0], right) == {}
    assert ratios(study, study.nodes[0], "mixture") == left_out(study, study.nodes[0]) == {}


def test_correspondences_weigh_matched_and_mismatched_pairs_alike(writer, study_of):
    lines = ["item,partner,matched,same_kind,score,right"]
    lines += ["a,a,1,1,0.9,1", "a,b,0,0,0.1,1", "a,c,0,1,0.8,0", "a,d,0,0,0.7,0", "a,e,0,0,0.7,0"]
    lines += ["b,b,1,1,0.9,0", "b,a,0,0,0.1,1", "c,c,1,1,0.9,1"]  # c has no mismatched pair
    items = writer.tidy(lines, "score", "right", further="partner")
    writer.run("avc", "l3", "avc", 1, {}, files={"items.csv": items})
    writer.plan()
    study = study_of(writer.home)
    assert correspondences(study, study.nodes[0]) == {"a": 0.625, "b": 0.5}


def test_synchronies_take_all_moments_of_a_scene_in_one_set(writer, study_of):
    lines = ["item,start,set,matched,other,score,right"]
    lines += ["a,10,easy,1,a,0.9,1", "a,10,easy,0,b,0.1,0", "a,20,easy,1,a,0.9,0", "a,20,easy,0,c,0.1,0"]
    lines += ["a,10,hard,1,a,0.9,1", "a,10,hard,0,a,0.1,1"]
    items = writer.tidy(lines, "score", "right", further="start other")
    writer.run("avts", "avts", "easy", 1, {}, files={"items.csv": items})
    writer.run("avts", "avts", "easy", 2, None, write=False)
    writer.plan()
    study = study_of(writer.home)
    assert synchronies(study, study.nodes[0], "easy") == {"a": 0.25}
    assert synchronies(study, study.nodes[0], "hard") == {"a": 1.0}
    assert synchronies(study, study.nodes[0], "super-hard") == synchronies(study, study.nodes[1], "easy") == {}


def test_choices_need_no_threshold_and_take_the_sounds_of_one_moment_at_a_time(writer, study_of):
    lines = ["item,start,set,matched,other,score,right"]
    # All scores lie below the threshold: every own sound is told wrong, every other right.
    lines += ["a,10,hard,1,,-3,0", "a,10,hard,0,a@90,-4,1"]  # above: 1
    lines += ["a,20,hard,1,,-9,0", "a,20,hard,0,a@95,-8,1"]  # below: 0, though above no other moment's
    lines += ["b,10,hard,1,,-5,0", "b,10,hard,0,b@90,-5,1"]  # a tie: 1/2
    lines += ["c,10,hard,1,,nan,0", "c,10,hard,0,c@90,-5,1", "d,10,hard,1,,5,1"]  # no number; nothing to choose from
    lines += ["b,10,easy,1,,-5,0", "b,10,easy,0,c@90,-7,1"]
    # A moment drawn twice: of the four comparisons three are right.
    lines += ["e,7,hard,1,,1,1", "e,7,hard,0,e@90,0,1", "e,7,hard,1,,3,1", "e,7,hard,0,e@99,2,0"]
    items = writer.tidy(lines, "score", "right", further="start other")
    writer.run("avts", "avts", "easy", 1, {}, files={"items.csv": items})
    writer.run("avts", "avts", "easy", 2, None, write=False)
    writer.plan()
    study = study_of(writer.home)
    found = choices(study, study.nodes[0], "hard")
    assert math.isnan(found.pop("c"))
    assert found == {"a": 0.5, "b": 0.5, "e": 0.75}
    assert choices(study, study.nodes[0], "easy") == {"b": 1.0}
    assert choices(study, study.nodes[1], "hard") == {}
    assert synchronies(study, study.nodes[0], "hard")["a"] == 0.5  # whatever was heard


def test_test_clips_of_one_group_are_one_item(writer, study_of):
    lines = ["item,label,predicted,group", "m,1,1,g", "n,1,2,g", "o,3,3,g", "p,3,3,g", "q,2,2,h", "r,2,1,", "h,2,1,"]
    writer.run(
        "action",
        "avts",
        "easy",
        1,
        {},
        variant="miniature",
        files={"items.csv": writer.tidy(lines, "correct", further="label predicted group")},
    )
    plain = writer.tidy(["item,label,predicted", "m,1,1", "n,1,2"], "correct", further="label predicted")
    writer.run("action", "avts", "easy", 2, {}, variant="miniature", files={"items.csv": plain})
    writer.run("action", "avts", "easy", 3, None, variant="miniature", write=False)
    writer.plan()
    study = study_of(writer.home)
    grouped, ungrouped, missing = study.nodes
    assert recognised(study, grouped) == {"group g": 0.75, "group h": 1.0, "r": 0.0, "h": 0.0}
    assert recognised(study, ungrouped) == {"m": 1.0, "n": 0.0}
    assert recognised(study, missing) == {}


def test_along_the_way_is_the_mean_over_all_updates(writer, study_of):
    first = {"curricula": [1], "updates": 10, "lr": 0.1}
    metrics = {"auc": ([0, 2, 10], [0.5, 0.75, 0.75])}  # 2 * .625 + 8 * .75
    writer.run("pretrain", "avts", "x", 1, {}, stages=[first], key="one", metrics=metrics)
    later = {"auc": ([0, 10], [0.75, 0.25])}  # 10 * .5
    writer.run("pretrain", "avts", "y", 1, {}, stages=[first, first], key="two", parents=["one"], metrics=later)
    writer.run("pretrain", "avts", "z", 1, None, stages=[first] * 3, key="three", parents=["two"], write=False)
    for ordering, parent in (("whole", "two"), ("torn", "three")):
        writer.run("avts", "avts", ordering, 1, {}, parents=[parent])
    writer.plan()
    study = study_of(writer.home)
    whole, torn = (study.select("avts", "avts", ordering)[0] for ordering in ("whole", "torn"))
    (value,) = along_the_way(study, whole, "auc", whole).values()
    assert value == pytest.approx((2 * 0.625 + 8 * 0.75 + 10 * 0.5) / 20)
    assert along_the_way(study, whole, "loss", whole) == along_the_way(study, torn, "auc", whole) == {}
    assert along_the_way(study, whole, "auc", torn) == {}


def test_along_the_way_of_two_is_over_the_updates_at_which_both_were_measured(writer, study_of):
    """Both learn the same curve, one measured at update 5 too, where it is already at its height."""
    measured = {"often": ([0, 5, 10, 20], [0.5, 1, 1, 1]), "seldom": ([0, 10, 20], [0.5, 1, 1]), "once": ([20], [1])}
    for ordering, along in measured.items():
        stages = [{"curricula": [1], "updates": 20, "lr": 0.1}]
        writer.run("pretrain", "avts", ordering, 1, {}, stages=stages, key=ordering, metrics={"auc": along})
        writer.run("avts", "avts", ordering, 1, {}, parents=[ordering])
    writer.plan()
    study = study_of(writer.home)
    often, seldom, once = (study.select("avts", "avts", ordering)[0] for ordering in measured)
    assert along_the_way(study, often, "auc", often) == {"mean auc": pytest.approx((3.75 + 15) / 20)}
    expected = {"mean auc": pytest.approx((7.5 + 10) / 20)}
    assert along_the_way(study, often, "auc", seldom) == along_the_way(study, seldom, "auc", often) == expected
    assert along_the_way(study, often, "auc", once) == {}


def test_what_stands_behind_a_cell_averages_to_it(whole_study, ablations_study):
    """So that its interval over items is of this very number."""
    checked = set()
    for study in (whole_study, ablations_study):
        for task, score_of in {
            "localization": lambda s, n: {
                ("single", row, rule, metric): localization.by_image(s, metric, row, rule)(n)
                for row, rules in n.run.result["single"].items()
                for rule in rules
                for metric in ("ciou@0.5",)
            },
            "classification": lambda s, n: {("accuracy",): classification.of_clips(s)(n)},
            "counting": lambda s, n: {
                **{
                    (score, rule): counting.of_scenes(s, score, rule)(n) for score, rule, _ in counting.COLUMNS.values()
                },
                **{
                    ("trivial", which, score): counting.of_trivial(s, which, score)(n)
                    for which in n.run.result["trivial"]
                    for score in ("accuracy", "mae")
                },
            },
            "separation": lambda s, n: {
                ("rows", row, m): ratios(s, n, row, m) for row in n.run.result["rows"] for m in ("sdr", "sir", "sar")
            },
            "avc": lambda s, n: {("accuracy",): SCORE.of(s)(n)},
            "avts": lambda s, n: {("sets", w, "accuracy"): synchrony(w).of(s)(n) for w in n.run.result["sets"]},
        }.items():
            for node in study.select(task)[:6]:
                for path, items in score_of(study, node).items():
                    expected = functools.reduce(lambda tree, name: tree[name], path, node.run.result)
                    assert sum(items.values()) / len(items) == pytest.approx(expected), (node.name, path)
                    checked.add(task)
    assert len(checked) == 6


def test_items_of_the_table_know_their_cluster(writer, study_of):
    lines = ["item,label,predicted,cluster", "a,3,3,upload 1", "b,3,4,upload 1", "c,1,1,upload 2"]
    items = writer.tidy(lines, "correct", further="label predicted cluster")
    writer.run("classification", "cavl", "c1", 1, {}, variant="esc10", files={"items.csv": items})
    writer.plan()
    study = study_of(writer.home)
    found = correct(study, study.nodes[0])
    assert {str(item): item.cluster for item in found} == {"a": "upload 1", "b": "upload 1", "c": "upload 2"}


def test_the_area_of_an_image_is_its_part_of_the_auc(writer, study_of):
    from benchmarks.metrics.localization import auc

    values = [0.0, 0.05, 0.3, 0.5, 0.77, 1.0]
    lines = ["item,row,rule,ciou", *(f"i{n},aligned,threshold=0.5,{v}" for n, v in enumerate(values))]
    writer.run("localization", "cavl", "c1", 1, {}, files={"items.csv": writer.tidy(lines, "ciou")})
    writer.plan()
    study = study_of(writer.home)
    found = localization.area().items(study, study.nodes[0])
    assert sum(found.values()) / len(found) == pytest.approx(auc(values))
