import re

from reports.contents import all_tables


def test_a_third_partys_method_and_ordering_appear_by_themselves(writer, study_of, row):
    stages = [{"curricula": [2], "updates": 7, "lr": 0.5}]
    for seed in (1, 2):
        key = writer.run("pretrain", "sonar_x", "own", seed, {"pair_accuracy": 0.75}, stages=stages)
        writer.localize("sonar_x", "own", seed, 0.9, stages=stages, parents=[key])
        writer.classify("sonar_x", "own", seed, "miniature", 0.9, stages=stages, parents=[key])
        writer.localize("cavl", "my-ordering", seed, 0.6, stages=stages)
    writer.plan()
    tables = {t.name: t for t in all_tables(study_of(writer.home))}
    assert row(tables["table3"], "sonar_x")["cIoU@0.5"].seeds == 2
    assert row(tables["table3"], "CAVL my-ordering")["cIoU@0.5"].seeds == 2
    assert row(tables["table3b_auc"], "sonar_x")["top_half"].seeds == 2
    assert row(tables["table1"], "sonar_x")["miniature accuracy"].seeds == 2
    own = row(tables["orderings"], "sonar_x")
    assert (own["Stages"].text, own["Pair accuracy"].text) == ("C2 7 at 0.5", "75.0 ± 0.0")
    assert any(r.label.startswith("sonar_x above sonar_x (unaligned") for r in tables["differences"].rows)


def test_an_empty_plan_gives_no_table(writer, study_of):
    writer.plan()
    assert all_tables(study_of(writer.home)) == []


def test_every_row_has_a_cell_for_every_column_and_captions_tell_the_scenes(whole_study):
    for table in all_tables(whole_study):
        assert all(len(r.cells) == len(table.columns) for r in table.rows)
        if table.name not in ("differences", "claims", "claims_tested"):
            assert re.search(r"Scored on \d+ (test scenes|clips|sounds)", table.caption)
    sets = {"table1": "ESC-50", "table2": "AudioSet-Evaluation", "table3": "SoundNet-Flickr", "table4": "MIT-MUSIC"}
    for name, data in sets.items():
        (table,) = (t for t in all_tables(whole_study) if t.name == name)
        papers = table.caption.partition("The paper's numbers are from other data")[2]
        assert {found for found in sets.values() if found in papers} == {data}
