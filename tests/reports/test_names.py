import pytest

from reports.names import label


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
    assert label("cavl", "c1", remark, variant) == name
