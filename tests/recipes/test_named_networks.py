"""The named networks: what they refuse."""

import string

import pytest

from sixloops.errors import ConfigurationError
from sixloops.recipes import NETWORKS, build_network


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("classes", [[], ["cat"]])
def test_one_class_is_nothing_to_tell_apart(name, classes):
    with pytest.raises(ConfigurationError, match=r"needs at least two classes\. Got \["):
        build_network(name, (1, 28, 28), classes)


def test_the_codes_of_the_digits_are_ten():
    words = r"lenet5-1998 has codes for 10 classes, the digits\. Got 26 classes\."
    with pytest.raises(ConfigurationError, match=words):
        build_network("lenet5-1998", (1, 28, 28), string.ascii_lowercase)
