from registry.nearest import instead


def test_the_nearest_name_comes_first_then_all_in_their_order():
    assert (
        instead("localisation", ["avc", "localization"]) == "did you mean 'localization'? there are: avc, localization"
    )
    assert instead(9, [1, 2], "it has") == "it has: 1, 2"
    assert instead("x", []) == "there are none"
