from reports.contents import all_tables
from reports.tables.learning_rates import learning_rates

ENTRY = {"ordering": "c1", "updates": 300, "measure": "AUC", "seed": 100, "scenes": 256, "choice": 0.001}
GRIDS = {
    "miniature": {
        "dmc": {**ENTRY, "scores": {"0.0003": 0.5, "0.001": 0.75, "0.01": None}},
        "attention:repaired": {**ENTRY, "scores": {"0.001": 0.625}},
    }
}


def test_every_score_of_the_grid_is_shown_and_the_choice_marked(writer, study_of, row):
    writer.localize("dmc", "c1", 1, 0.5)
    writer.plan(learning_rates=GRIDS)
    study = study_of(writer.home)
    table = learning_rates(study)
    cells = {name: cell.text for name, cell in row(table, "DMC c1").items()}
    assert cells == {
        "Measured by": "AUC",
        "Updates": "300",
        "Seed": "100",
        "0.0003": "50.0",
        "0.001": "75.0 *",
        "0.01": "no number",
    }
    assert row(table, "Attention c1, all three repairs")["0.0003"].text == "–"
    assert "learning_rates" in [t.name for t in all_tables(study)]


def test_a_plan_without_a_grid_has_no_such_table(writer, study_of):
    writer.localize("dmc", "c1", 1, 0.5)
    writer.plan()
    assert "learning_rates" not in [t.name for t in all_tables(study_of(writer.home))]
