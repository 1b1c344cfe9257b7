"""What is stored is plain and holds no credentials."""

import datetime
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.record.serialization import NotPlainError, plain, redact, redacted, to_json

words = st.text(st.characters(codec="utf-8", exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1)
secrets = words.filter(lambda s: len(s) >= 4 and not s[0].isdigit())
hosts = st.from_regex(r"[a-z][a-z0-9.-]{0,20}(:[0-9]{1,5})?", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_plain_values_stay_as_they_are(value: object) -> None:
    assert plain(value) == json.loads(to_json(value))


def test_numpy_scalars_become_pythons() -> None:
    values = {"f": np.float32(0.5), "i": np.int64(7), "b": np.bool_(True), "s": np.str_("x"), "t": (np.float64(1.5),)}
    got = plain(values)
    assert got == {"f": 0.5, "i": 7, "b": True, "s": "x", "t": [1.5]}
    assert [type(v) for v in got.values()] == [float, int, bool, str, list]
    assert type(got["t"][0]) is float
    assert math.isnan(plain(np.float64("nan")))


def test_times_become_text() -> None:
    assert plain(datetime.datetime(2025, 1, 2, 3, 4, 5)) == "2025-01-02T03:04:05"


def test_lone_surrogates_can_be_written() -> None:
    plain("file\udcff.wav").encode("utf-8")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": {"b": [1, np.zeros(3)]}}, r"result\.a\.b\[1\] is a numpy\.ndarray"),
        ({"n": {2: 0.5}}, r"result\.n has the key 2; .*write '2'"),
        (object(), "result is a builtins.object"),
        ({"z": 1j}, r"result\.z is a builtins\.complex"),
        ({1, 2}, "builtins.set"),
    ],
)
def test_anything_else_is_refused_by_its_place(value: object, told: str) -> None:
    with pytest.raises(NotPlainError, match=told):
        plain(value, "result")


@given(st.sampled_from(["mongodb", "https", "mongodb+srv", "git+ssh"]), words, secrets, hosts, words, words)
def test_no_password_survives(scheme: str, user: str, secret: str, host: str, before: str, after: str) -> None:
    user = "".join(c for c in user if c not in "/?#:@") or "user"
    secret = secret + "\N{SNOWMAN}secret"  # a text that nothing else in the example holds
    text = f"{before} {scheme}://{user}:{secret}@{host}/db {after}"
    got = redact(text)
    assert "\N{SNOWMAN}secret" not in got.replace(before, "").replace(after, "")
    assert f"{scheme}://***@{host}/db {after}" in got


@given(st.text() | st.text(alphabet=":/@ab1 ?#*."))
def test_redacting_twice_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text(alphabet=":/@ab1 ?#*.\n"), st.text(alphabet=":/@ab1 ?#*.\n"))
def test_text_may_be_redacted_word_by_word(a: str, b: str) -> None:
    """The observer appends to the stored output whenever a word has ended."""
    assert redact(a + " ") + redact(b) == redact(a + " " + b)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("mongodb://u:p@h:27017/db", "mongodb://***@h:27017/db"),
        ("mongodb://u:p@ss/w:rd@h", "mongodb://***@h"),  # unescaped, as people type them
        ("mongodb://u:p@h1:27017,h2:27017/db?x=y", "mongodb://***@h1:27017,h2:27017/db?x=y"),
        ("https://ghp_token@github.com/x", "https://***@github.com/x"),
        ("redis://:p@h", "redis://***@h"),
        ("(see 'mongodb://u:p@h')", "(see 'mongodb://***@h')"),
        ("https://host:8080/@user/a@b", "https://host:8080/@user/a@b"),  # no credentials: left as they are
        ("https://host/@user", "https://host/@user"),
        ("mail a@b.c, time 12:30", "mail a@b.c, time 12:30"),
    ],
)
def test_examples(text: str, stored: str) -> None:
    assert redact(text) == stored


def test_everything_in_a_value_is_redacted() -> None:
    value = {"a://b:c@d": ["x://y:z@w", {"k": "m://n:o@p"}, 3, None]}
    assert redacted(value) == {"a://***@d": ["x://***@w", {"k": "m://***@p"}, 3, None]}
