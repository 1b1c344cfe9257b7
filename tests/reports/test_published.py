import pytest

from reports.published import PAPER, entries, published

# The tables as they stand in the paper's text: row, then its numbers in the order of the header.
PRINTED = {
    1: """Training Strategy|Accuracy
C1|51.25
C2 + Sound-source-level alignment|56.75
C2 + Scene-level alignment|47.25""",
    2: """Approach|Accuracy|MAE
Random|20.2|1.624
w/o Pre-train|45.2|0.742
CAVL-C0|47.0|0.701
CAVL-C1|49.6|0.616
CAVL-C2|50.9|0.614""",
    3: """Methods|cIoU@0.5|AUC
Random|12.0|32.3
Attention|43.6|44.9
DMC|41.6|45.2
CAVL-C1|50.0|49.2
CAVL-C1 (unrelated)|19.2|36.8
CAVL-C2|46.0|45.7""",
    4: """Methods|SDR|SIR|SAR
NMF-MFCC|0.92|5.68|6.84
AV-Mix-Sep|3.16|6.74|8.89
Sound-of-Pixels|7.30|11.90|11.90
Co-Separation|7.38|13.7|10.80
Our-Model-Center|5.79|9.15|12.29
Our-Model-Mask|6.59|10.10|12.56""",
    5: """Methods|SDR|SIR|SAR
Our-Model-solo|6.59|10.10|12.56
Our-Model-both|6.78|10.62|12.19""",
    6: """Methods|SDR|SIR|SAR
Sound-of-Pixels|1.66|3.58|11.5
AV-MIML|1.83|-|-
NMF-MFCC|0.25|4.19|5.78
Co-Separation|3.65|6.13|13.2
CAVL-C1|-4.54|0.23|2.28
Our-Model-Center|2.40|3.33|18.24
Our-Model-Mask|2.64|3.45|17.17""",
}


@pytest.mark.parametrize("number", PRINTED)
def test_every_table_is_the_papers_row_by_row(number):
    header, *lines = (line.split("|") for line in PRINTED[number].splitlines())
    assert [line[0] for line in lines] == list(PAPER[number].rows)
    assert header[1:] == list(PAPER[number].metrics)
    for row, *values in lines:
        for metric, text in zip(header[1:], values, strict=True):
            entry = published(number, row, metric)
            assert (entry and entry.printed) == (None if text == "-" else text)
            assert entry is None or entry.value == float(text)


def test_entries_are_all_numbers_once():
    found = [(e.table, e.row, e.metric) for e in entries()]
    assert len(found) == len(set(found)) == 3 + 5 * 2 + 6 * 2 + 6 * 3 + 2 * 3 + 7 * 3 - 2
    assert (3, "CAVL-C1", "AUC") in found


def test_what_the_paper_does_not_print_is_refused_with_what_it_does():
    with pytest.raises(KeyError, match=r"no 'AUC' of 'SoundNet' in Table 3.*DMC"):
        published(3, "SoundNet", "AUC")
    with pytest.raises(KeyError, match="tables 1 to 6"):
        published(7, "C1", "Accuracy")
