import pytest

from reports.items import (
    best_constant,
    ciou_hits,
    correct,
    counted,
    left_out,
    minus_error,
    pointing_hits,
    ratios,
    right,
)


def test_items_of_a_run(writer, study_of):
    lines = [
        "item,row,rule,ciou",
        "a,aligned,threshold=0.5,0.5",
        "b,aligned,threshold=0.5,0.49",
        "c,aligned,top_half,1",
    ]
    lines += ["d,aligned,threshold=0.5,nan", "e,unaligned,threshold=0.5,1.0"]
    points = ["n_sources,item,source,hit", "3,x,0,1", "3,x,1,0", "3,y,0,True", "2,z,0,1"]
    files = {"items.csv": "\n".join(lines), "pointing.csv": "\n".join(points)}
    writer.run("localization", "cavl", "c1", 1, {}, files=files)
    items = "item,fold,label,predicted\nm,1,3,3\nn,1,3,4\n"
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
    writer.run("counting", "cavl", "c1", 1, {}, variant="true", files={"items.csv": "\n".join(lines)})
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
        writer.run("separation", "cavl", "c1", seed, {}, variant="mask", files={"items.csv": "\n".join(lines)})
    writer.plan()
    study = study_of(writer.home)
    one, two = (ratios(study, node, "located-mixture") for node in study.nodes)
    assert list(one.values()) == [3.5, -1.25]
    assert not one.keys() & two.keys()  # each seed mixes pairs of its own
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
