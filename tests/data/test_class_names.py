"""The names of the classes, in the order that the data sets' authors give their labels."""

import pytest

from sixloops.data import cifar10, fashion_mnist, kmnist


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(
            fashion_mnist.CLASSES,
            "t-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot",
            id="fashion-mnist",
        ),
        pytest.param(
            cifar10.CLASSES,
            "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck",
            id="cifar-10",
        ),
        pytest.param(kmnist.CLASSES, "o, ki, su, tsu, na, ha, ma, ya, re, wo", id="kmnist"),
    ],
)
def test_each_label_has_its_name(names: tuple[str, ...], expected: str) -> None:
    assert [name.lower() for name in names] == expected.split(", ")
