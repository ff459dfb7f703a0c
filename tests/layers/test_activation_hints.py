"""A wrong activation is told with what was probably meant."""

import pytest

from sixloops.errors import ConfigurationError
from sixloops.layers import Conv2D, Dense, ReLU


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (ReLU, r"Did you mean ReLU\(\)\?"),
        ("rellu", r"Did you mean 'relu'\?"),
        ("ReLU", r"Did you mean 'relu'\?"),
        ("no such thing", r"Got 'no such thing'\.$"),
        (3, r"A layer of your own stands behind it"),
    ],
)
def test_the_error_says_what_was_probably_meant(given, words):
    with pytest.raises(ConfigurationError, match=words):
        Dense(3, activation=given)
    with pytest.raises(ConfigurationError, match=words):
        Conv2D(3, kernel=3, activation=given)
