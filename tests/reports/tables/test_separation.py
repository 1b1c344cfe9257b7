import json
import statistics

import pytest

from reports.claims import CLAIMS
from reports.claims.evidence import evidence
from reports.tables.separation import (
    SDR_MASK,
    SDR_MASK_SOLO,
    by_kind,
    ratios,
    separation,
    separations,
    statements,
)
from tests.reports.conftest import TRIED, stage


def test_the_papers_rows_come_first_with_its_numbers_beside_ours(whole_study, row, results):
    table = separation(whole_study)
    assert table.columns == ("Paper SDR", "Paper SIR", "Paper SAR", "SDR", "SIR", "SAR", "SI-SDR", "SDR gain", "Knows")
    assert [(r.label, r.cells[0].text) for r in table.rows[:6]] == [
        ("NMF-MFCC", "0.92"),
        ("AV-Mix-Sep", "3.16"),
        ("Sound-of-Pixels", "7.30"),
        ("Co-Separation", "7.38"),
        ("Our-Model-Center: CAVL c1 center", "5.79"),
        ("Our-Model-Mask: CAVL c1 mask", "6.59"),
    ]
    assert row(table, "NMF-MFCC")["SDR"].text == "not in this suite"
    for variant in ("center", "mask"):
        ours = row(table, f"Our-Model-{variant.title()}: CAVL c1 {variant}")
        runs = results("separation", "cavl", "c1", variant)
        for metric in ("SDR", "SIR", "SAR"):
            mean = statistics.mean(r["rows"]["located-mixture"][metric.lower()] for _, r in runs)
            assert ours[metric].estimate.mean == pytest.approx(mean)
            assert ours[metric].runs == tuple(number for number, _ in runs)
            assert ours[metric].standing() == "3 seeds, 23 items, 1 left out"
    left_out = table.caption.partition("for a silent estimate: ")[2].partition(".")[0]
    assert left_out.split(", ")[:2] == [f"1 in Our-Model-{v.title()}: CAVL c1 {v}" for v in ("center", "mask")]
    assert "an estimate that is silent or not finite only its own row" in table.caption
    assert "Scored on 23 sounds." in table.caption


def test_tables_5_and_6_stand_beside_what_corresponds_to_them(whole_study, row, results):
    table = separation(whole_study)
    both = row(table, "Our-Model-both: CAVL c1-c2 mask")
    assert [both[c].text for c in table.columns[:3]] == ["6.78", "10.62", "12.19"]
    assert (both["SDR"].published.table, both["SDR"].seeds) == (5, 3)
    raw = row(table, "CAVL-C1 (AudioSet-Instrument): CAVL c1 (audio assignment as the mask)")
    assert [raw[c].text for c in table.columns[:3]] == ["-4.54", "0.23", "2.28"]
    scores = [r["rows"]["audio-assignment"]["sdr"] for _, r in results("separation", "cavl", "c1")]
    assert raw["SDR"].estimate.mean == pytest.approx(statistics.mean(scores))


def test_controls_bounds_and_every_other_network_have_rows(whole_study, row, results):
    table = separation(whole_study)
    labels = [r.label for r in table.rows]
    assert len(labels) == len(set(labels))
    networks = ("c1 mask", "c1 center", "c1 mask, plain loss", "c1-c2 mask", "untrained mask")
    for remark, name in (
        ("located with the solo", "located-solo"),
        ("shuffled", "shuffled"),
        ("shuffled, located with the solo", "shuffled-solo"),
    ):
        assert {f"CAVL {network} ({remark})" for network in networks} <= set(labels)
        runs = results("separation", "cavl", "c1", "mask plain")
        cell = row(table, f"CAVL c1 mask, plain loss ({remark})")["SDR"]
        assert cell.estimate.mean == pytest.approx(statistics.mean(r["rows"][name]["sdr"] for _, r in runs))
    others = [r.label for r in table.rows if r.group == "Other methods and orderings"]
    assert others == ["CAVL c1 mask, plain loss", "CAVL untrained mask"]
    for label in ("Mixture as the estimate", "Ideal ratio mask", "Ideal ratio mask on the log-frequency axis"):
        assert row(table, label)["SDR"].standing() == "3 seeds, 24 items"


def test_what_is_no_better_than_the_mixture_or_its_control_is_seen(writer, study_of, row):
    for seed in (1, 2):
        writer.separate("cavl", "c1", seed, -2.0, "center")
        writer.separate("cavl", "c1", seed, 0.5, "mask")
        writer.separate("cavl", "untrained", seed, 5.0, "mask")
    writer.plan()
    table = separation(study_of(writer.home))
    center, mask = (row(table, f"Our-Model-{v.title()}: CAVL c1 {v}")["SDR"] for v in ("center", "mask"))
    assert center.beaten_by == ("Mixture as the estimate",)
    assert mask.beaten_by == ()
    solo = [row(table, f"CAVL c1 {v} (located with the solo)")["SDR"].beaten_by for v in ("center", "mask")]
    assert solo == [("Mixture as the estimate",), ()]
    against_mixture, _, against_controls = table.findings
    mixture = row(table, "Mixture as the estimate")["SDR"].mean_text
    beaten = f"in each of 2 seeds: Our-Model-Center: CAVL c1 center ({center.mean_text}); "
    assert against_mixture.startswith(f"SDR: no better than Mixture as the estimate ({mixture}), {beaten}")
    assert "CAVL c1 mask" not in against_mixture
    assert f"Our-Model-Mask: CAVL c1 mask ({mask.mean_text}; shuffled " in against_controls
    assert "Our-Model-Center" in against_controls
    own, control = (row(table, f"CAVL c1 center ({s}located with the solo)")["SDR"] for s in ("", "shuffled, "))
    own, control = own.mean_text, control.mean_text
    said = f"CAVL c1 center (located with the solo) ({own}; shuffled {control}; in each of 2 seeds)"
    assert said in against_controls
    assert "untrained" not in against_controls


def test_the_cheap_rival_stands_beside_the_networks_and_marks_those_below_it(whole_study, row):
    table = separation(whole_study)
    rival = row(table, "Mean spectrum of each kind")
    assert [r.group for r in table.rows if r.label == "Mean spectrum of each kind"] == ["Cheap rivals"]
    assert rival["SDR"].beaten_by == ()
    assert rival["SI-SDR"].estimate.mean == pytest.approx(rival["SDR"].estimate.mean - 2)
    below = row(table, "Our-Model-Center: CAVL c1 center")["SDR"]  # around 3 dB, the rival around 4
    assert below.beaten_by == ("Mean spectrum of each kind",)
    (said,) = (f for f in table.findings if f.startswith("SDR: no better than Mean spectrum of each kind"))
    assert f"Our-Model-Center: CAVL c1 center ({below.mean_text}; in each of 3 seeds)" in said
    assert any(r.label == "Mean spectrum of each kind (told the kinds of another pair)" for r in table.rows)


def test_networks_are_held_against_the_rival_sound_by_sound(whole_study):
    rows = [r for r in statements(whole_study) if r is not None]
    labels = [r.label for r in rows]
    assert "CAVL c1 center above Mean spectrum of each kind" in labels
    assert "CAVL c1 center (located with the solo) above Mean spectrum of each kind" in labels
    assert "Mean spectrum of each kind above the mixture as the estimate" in labels
    for score, located in ((SDR_MASK, "located-mixture"), (SDR_MASK_SOLO, "located-solo")):
        first, second = score.sides(whole_study, ("cavl", "c1"), ("mean-spectrum", "none"))
        for seed, sounds in first.scores().items():
            (node,) = (n for n in first.nodes if n.seed == seed)
            assert sounds == ratios(whole_study, node, located)
        (node,) = (n for n in second.nodes if n.seed == 1)
        assert second.scores()[1] == ratios(whole_study, node, "told-kinds")


def test_systems_without_a_network_say_what_they_know(writer, study_of, row):
    for seed in (1, 2):
        writer.separate("cavl", "c1", seed, 5.0, "mask")
        writer.separate("mean-spectrum", "none", seed, 4.0, None, located="kinds", able=False)
        writer.separate("nmf-mfcc", "none", seed, 2.0, None, located="order", able=False)
        writer.separate("av-miml", "none", seed, 3.0, None, located="kinds", able=False)
    writer.plan()
    study = study_of(writer.home)
    table = separation(study)
    blind, told = "NMF-MFCC (blind, its sounds in the order that fits best)", "AV-MIML (told the two kinds)"
    assert [r.cells[0].text for r in table.rows if r.label == blind] == ["0.92"]
    assert [r.group for r in table.rows if r.label == told] == ["Other methods and orderings"]
    assert row(table, blind)["SDR"].beaten_by == row(table, told)["SDR"].beaten_by == ("Mean spectrum of each kind",)
    assert any(r.label == "AV-MIML (told the kinds of another pair)" for r in table.rows)
    assert "in training the solos' kinds, in place of the ImageNet classes" in table.caption
    assert "with the mixture." in table.caption
    said = [r.label for r in statements(study) if r is not None]
    assert "AV-MIML above AV-MIML (told the kinds of another pair)" in said
    assert {f"{name} above Mean spectrum of each kind" for name in ("AV-MIML", "NMF-MFCC")} <= set(said)
    first, second = SDR_MASK.sides(study, ("cavl", "c1"), ("nmf-mfcc", "none"))
    assert set(first.scores()) == set(second.scores()) == {1, 2}


SYSTEMS = {"sound-of-pixels": "", "co-separation": "true boxes and kinds of all objects"}


@pytest.fixture
def study_in_noise(writer, study_of):
    """Two seeds of all systems that Tables 4 to 6 have, with equal updates, over a bed of noise, too."""
    for seed in (1, 2):
        for ordering, skill in (("c1", 5.0), ("c1-matched", 5.1), ("c1-c2", 5.5)):
            stages = [stage([1], 40, 1e-3)] * (1 if ordering == "c1" else 2)
            writer.separate("cavl", ordering, seed, skill, noise=10.0, stages=stages)
        for method, knows in SYSTEMS.items():
            stages = [stage([1], 80, 1e-3)]
            writer.separate(method, "c1", seed, 5.3, None, able=False, noise=10.0, knows=knows, stages=stages)
        writer.separate("nmf-mfcc", "none", seed, 2.0, None, located="order", able=False, noise=10.0)
        writer.separate("av-miml", "none", seed, 3.0, None, located="kinds", able=False, noise=10.0)
        writer.separate("mean-spectrum", "none", seed, 4.0, None, located="kinds", able=False, noise=10.0)
    writer.plan(learning_rates={"miniature": dict.fromkeys(("cavl", *SYSTEMS), TRIED)})
    return study_of(writer.home)


def test_over_a_bed_of_noise_stands_table_6(study_in_noise, row):
    plain, noisy = separations(study_in_noise)
    assert (noisy.name, noisy.title) == ("table6", "Table 6. Separation of two sounds over a bed of noise")
    assert "over a bed of pink noise 10 dB below each" in noisy.caption
    assert "noise" not in plain.caption
    for name, printed in (
        ("Sound-of-Pixels: Sound-of-Pixels c1", "1.66"),
        ("AV-MIML (told the two kinds)", "1.83"),
        ("NMF-MFCC (blind, its sounds in the order that fits best)", "0.25"),
        ("Co-Separation: Co-Separation c1", "3.65"),
        ("Our-Model-Mask: CAVL c1 mask", "2.64"),
        ("CAVL-C1: CAVL c1 (audio assignment as the mask)", "-4.54"),
    ):
        found = next(r for r in noisy.rows if r.label in (name, name.partition(": ")[2]))
        assert found.cells[0].text == printed
        assert found.cells[noisy.columns.index("SDR")].seeds == 2
    ours, quiet = (row(t, "Our-Model-Mask: CAVL c1 mask")["SDR"].by_seed for t in (noisy, plain))
    assert ours == {seed: pytest.approx(sdr - 3, abs=0.5) for seed, sdr in quiet.items()}
    said = {r.label: r.cells[noisy.columns.index("Knows")].text for r in noisy.rows}
    assert "true boxes and kinds of all objects" in said.values()
    assert said["Mixture as the estimate"] == "–"
    assert not any("solo" in r.label for r in noisy.rows)
    assert any("shuffled" in r.label for r in noisy.rows)


def test_table_5_has_both_and_the_same_updates_on_solos(study_in_noise):
    (plain, _) = separations(study_in_noise)
    group = {r.label: r.cells[0].text for r in plain.rows if "Table 5" in r.group}
    assert group == {"Our-Model-both: CAVL c1-c2 mask": "6.78", "Our-Model-solo: CAVL c1-matched mask": "6.59"}


def test_claims_13_to_16_and_18_are_tested(study_in_noise):
    found = {one.claim.id: one for one in evidence(study_in_noise, CLAIMS)}
    (thirteenth,) = {part.statement for part in found["C13"].parts}
    assert thirteenth == "CAVL c1 mask about equal to Co-Separation c1"  # Sound-of-Pixels knows nothing beforehand
    assert [part.score for part in found["C18"].parts] == ["SDR (dB, Table 6)"] * 4
    for name in ("C13", "C15", "C16", "C18"):
        assert found[name].unequal == "", name
        assert found[name].p is not None, name
    assert found["C16"].plain == "supported"


def test_where_no_system_knows_pictures_beforehand_claim_13_is_not_testable(writer, study_of):
    for seed in (1, 2):
        writer.separate("cavl", "c1", seed, 5.0)
        for method in SYSTEMS:
            writer.separate(method, "c1", seed, 5.3, None, able=False, knows="")
    writer.plan()
    (thirteenth,) = (one for one in evidence(study_of(writer.home), CLAIMS) if one.claim.id == "C13")
    assert (thirteenth.verdict, thirteenth.parts) == ("not testable here", ())


def test_claims_are_held_against_the_arms_that_were_trained_for_the_test(writer, study_of):
    for seed in (1, 2):
        for arm in ("music", "instrument"):
            for method, able in (("cavl", True), ("sound-of-pixels", False)):
                variant = "mask" if able else None
                writer.separate(f"{method}:{arm}", "c1", seed, 5.0, variant, able=able, knows="weights")
    writer.plan("paper")
    found = {one.claim.id: one for one in evidence(study_of(writer.home, "paper"), CLAIMS)}
    names = {part.statement for name in ("C13", "C18") for part in found[name].parts if part.verdict != "not run"}
    assert names == {
        "CAVL c1 mask, on MUSIC about equal to Sound-of-Pixels c1, on MUSIC",
        "CAVL c1 mask, on AudioSet-Instrument above Sound-of-Pixels c1, on AudioSet-Instrument",
    }


def test_kinds_are_told_apart_in_the_appendix(whole_study, row, results):
    (table,) = by_kind(whole_study)
    (_, result), *_ = results("separation", "cavl", "c1", "mask")
    assert set(table.columns) == set(result["rows"]["located-mixture"]["by_kind"])
    for name, which in (("CAVL c1 mask", "located-mixture"), ("CAVL c1 mask (located with the solo)", "located-solo")):
        cell = row(table, name)[table.columns[0]]
        found = [r["rows"][which]["by_kind"][table.columns[0]] for _, r in results("separation", "cavl", "c1", "mask")]
        assert cell.estimate.mean == pytest.approx(statistics.mean(found))


def test_rows_are_compared_on_the_sounds_that_both_have(writer, study_of, row):
    """A silent estimate leaves its own row only: the means of what is left may tell another order."""
    lines = ["pair,item,kind,row,sdr,sir,sar,excluded"]
    lines += ["0,a,1,located-mixture,3,9,9,", "0,b,2,located-mixture,,,,silent estimate"]
    lines += ["0,a,1,shuffled,2,8,8,", "0,b,2,shuffled,20,30,9,", "0,a,1,mixture,1,1,9,", "0,b,2,mixture,9,29,9,"]
    means = {"located-mixture": (3.0, 9.0), "shuffled": (11.0, 19.0), "mixture": (5.0, 15.0)}
    rows = {name: {"sdr": sdr, "sir": sir, "sar": 9.0, "items": 2} for name, (sdr, sir) in means.items()}
    for seed in (1, 2):
        files = {"items.csv": writer.tidy(lines, "sdr", "sir", "sar", further="pair kind")}
        writer.run("separation", "cavl", "c1", seed, {"rows": rows}, variant="mask", files=files)
    writer.plan()
    table = separation(study_of(writer.home))
    assert row(table, "Our-Model-Mask: CAVL c1 mask")["SDR"].beaten_by == ()
    assert table.findings == (
        "SDR, SIR: every trained row is better than the mixture as the estimate in each of 2 seeds.",
        "SDR: every network is better than with shuffled sound-makers in each of 2 seeds.",
    )
    assert "for a silent estimate: 1 in Our-Model-Mask: CAVL c1 mask." in table.caption


def test_a_reason_that_leaves_every_row_is_said_once(writer, study_of):
    rows = {name: {"sdr": 1.0, "sir": 1.0, "sar": 1.0, "items": 0} for name in ("located-mixture", "mixture")}
    rows |= dict.fromkeys(("ideal-ratio-mask", "ideal-log-mask"), rows["mixture"])
    lines = [f"0,{item},1,{name},,,,silent reference" for item in "ab" for name in rows]
    files = {
        "items.csv": writer.tidy(
            ["pair,item,kind,row,sdr,sir,sar,excluded", *lines], "sdr", "sir", "sar", further="pair kind"
        )
    }
    writer.run("separation", "cavl", "c1", 1, {"rows": rows}, variant="mask", files=files)
    writer.plan()
    assert "for a silent reference: 2 in every row." in separation(study_of(writer.home)).caption


def test_the_caption_says_how_it_was_trained_beside_the_paper(writer, study_of):
    writer.separate("cavl", "c1", 1, 3.0, "mask")
    writer.separate("cavl", "c1", 1, 3.0, "mask plain")
    writer.plan()
    caption = separation(study_of(writer.home)).caption
    assert "loss weighted by the square root of the mixture's magnitude (in the paper plain, Eq 8); " in caption
    assert "mixtures are the mean of two solos; 12 pairs; 40 updates; learning rate 0.001 " in caption
    assert "plain loss (Eq 8)" not in caption


def test_all_is_well_is_said_too_and_a_broken_bound_is_an_alarm(writer, study_of):
    for seed in (1, 2):
        writer.separate("cavl", "c1", seed, 5.0, "mask")
    writer.plan()
    findings = separation(study_of(writer.home)).findings
    assert "SDR: every network is better than with shuffled sound-makers in each of 2 seeds." in findings
    writer.separate("cavl", "c1-c2", 1, 20.0, "mask")
    writer.plan()
    alarm = separation(study_of(writer.home)).findings[-1]
    assert alarm.startswith("SDR: above the ideal ratio mask, which should bound every row: ")
    assert "Our-Model-both: CAVL c1-c2 mask" in alarm
    assert "Our-Model-Mask" not in alarm


def test_a_single_seed_is_no_claim_of_support(writer, study_of):
    writer.separate("cavl", "c1", 1, 5.0, "mask")
    writer.run("separation", "cavl", "c1", 2, None, variant="mask", write=False)
    writer.plan()
    *_, against_controls, missing = separation(study_of(writer.home)).findings
    assert against_controls == (
        "SDR: every network is better than with shuffled sound-makers in the only finished seed; a single seed "
        "supports nothing."
    )
    assert missing == "Not every seed is finished: Our-Model-Mask: CAVL c1 mask (1 of 2)."


def test_the_headline_is_what_the_run_was_configured_for(writer, study_of, row):
    writer.separate("cavl", "c1", 1, 5.0, "mask", located="solo")
    writer.plan()
    table = separation(study_of(writer.home))
    rows = json.loads((writer.home / "1" / "run.json").read_text())["result"]["rows"]
    headline = row(table, "Our-Model-Mask: CAVL c1 mask")["SDR"]
    assert headline.estimate.mean == pytest.approx(rows["located-solo"]["sdr"])
    other = row(table, "CAVL c1 mask (located with the mixture)")["SDR"]
    assert other.estimate.mean == pytest.approx(rows["located-mixture"]["sdr"])
    assert "otherwise, with the clean solo." in table.caption


def test_a_method_that_separates_by_itself_takes_the_papers_row_and_has_no_controls(writer, study_of, row):
    writer.separate("sound-of-pixels", "own", 1, 6.0, None, able=False)
    writer.plan()
    table = separation(study_of(writer.home))
    cells = row(table, "Sound-of-Pixels")
    assert (cells["Paper SDR"].text, cells["SDR"].seeds) == ("7.30", 1)
    assert sum("Sound-of-Pixels" in r.label for r in table.rows) == 1
    assert not any("shuffled" in r.label for r in table.rows)
    assert table.findings == (
        "SDR, SIR: every trained row is better than the mixture as the estimate in the only finished seed; a "
        "single seed supports nothing.",
    )


def test_what_has_not_run_is_said(writer, study_of, row):
    writer.run("separation", "cavl", "c1", 1, None, variant="mask", write=False)
    writer.run("separation", "cavl", "c1", 1, None, variant="center", status="FAILED")
    writer.plan()
    table = separation(study_of(writer.home))
    assert row(table, "Our-Model-Mask: CAVL c1 mask")["SDR"].text == "not run (0 of 1 seed)"
    assert row(table, "CAVL c1 center (shuffled)")["SDR"].text == "failed (0 of 1 seed)"
    assert row(table, "Mixture as the estimate")["SDR"].estimate is None
    (missing,) = table.findings
    assert missing.startswith("Not every seed is finished: ")
