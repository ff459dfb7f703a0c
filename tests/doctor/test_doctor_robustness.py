# ruff: noqa: NPY002, S311, SIM105, S110  (strangers' code does such things)
"""Code that raises, never ends, returns rubbish or changes settings gets a verdict."""

import math
import os
import random
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import sixloops
from sixloops.cli.layer_options import read_shape
from sixloops.doctor import check_layer
from sixloops.doctor.layer.guard import written_at
from sixloops.doctor.run import examine
from sixloops.errors import ConfigurationError
from sixloops.layers import MaxPool2D


class Base:
    def forward(self, x):
        self.x = x
        return x * 2

    def backward(self, dy):
        return dy * 2


def layer(**methods):
    return type("Layer", (Base,), methods)


def forever(self, x):
    while True:
        pass


def stubborn(self, x):
    while True:
        try:
            forever(self, x)
        except Exception:
            pass


def raises(self, dy):
    return helper(dy)


def helper(dy):
    raise ValueError("shapes (3,4) and (5,6) not aligned")


def leaves(self, x):
    sys.exit(3)


CASES = {
    "never-ends": layer(forward=forever),
    "never-ends in backward": layer(backward=forever),
    "never-ends, stubbornly": layer(forward=stubborn),
    "raises": layer(forward=raises),
    "raises in backward": layer(backward=raises),
    "raises at once": layer(__init__=lambda self: helper(0)),
    "exits": layer(forward=leaves),
    "returns-none": layer(backward=lambda self, dy: None),
    "wrong-shape": layer(backward=lambda self, dy: dy[:1]),
    "not-finite": layer(backward=lambda self, dy: dy * np.nan),
}


@pytest.mark.parametrize("case", CASES)
def test_misbehaviour_is_named(case):
    verdict = check_layer(CASES[case], seconds=0.3)
    assert not verdict.healthy
    name = case.replace(",", " ").split()[0]
    assert verdict.name == name
    assert verdict.findings


def test_no_array_is_said():
    for nothing in (None, "words", object(), [[1, 2], [3]]):
        verdict = check_layer(layer(forward=lambda self, x, nothing=nothing: nothing))
        assert not verdict.healthy
        assert "forward" in str(verdict)
        verdict = check_layer(layer(backward=lambda self, dy, nothing=nothing: nothing))
        assert not verdict.healthy
        assert "dX" in str(verdict)


def test_the_traceback_has_the_users_lines_only():
    lines = check_layer(layer(backward=raises)).traceback.splitlines()
    assert len(lines) == 2
    assert "in raises" in lines[0]
    assert "in helper" in lines[1]


@pytest.mark.parametrize(
    ("folder", "told"),
    [("../sixloops_of_mine", True), ("doctor/faults/layers", True), ("layers", False)],
)
def test_only_this_librarys_own_files_are_left_out(folder, told):
    library = Path(sixloops.__file__).parent
    own = os.path.normpath(library / folder / "own.py")
    elsewhere = type(helper)(helper.__code__.replace(co_filename=own, co_firstlineno=7), {})
    assert written_at(elsewhere) == ("own.py, line 7, in helper" if told else "")


def test_settings_are_put_back_and_told(tmp_path):
    def changes(self, x):
        np.seterr(all="raise")
        os.chdir(tmp_path)
        sys.stdout = None
        sys.path.append("nowhere")
        os.environ["SIXLOOPS_TEST"] = "1"
        return x * 2

    before = (np.geterr(), Path.cwd(), sys.stdout, list(sys.path))
    verdict = check_layer(layer(forward=changes))
    assert (np.geterr(), Path.cwd(), sys.stdout, list(sys.path)) == before
    assert "SIXLOOPS_TEST" not in os.environ
    assert verdict.name == "global-settings-changed"
    for word in ("np.seterr", "os.chdir", "sys.stdout", "sys.path", "os.environ"):
        assert word in str(verdict)


def test_the_random_numbers_are_left_alone():
    def seeds(self, x):
        np.random.seed(0)
        return x * 2

    np.random.seed(5)
    state = np.random.get_state()[1].tolist()
    assert check_layer(layer(forward=seeds)).name == "random-seed-set"
    assert np.random.get_state()[1].tolist() == state


def test_pythons_random_numbers_are_left_alone():
    def seeds(self):
        random.seed(0)
        self.w = random.random()

    def draws(self, dy):
        random.random()
        return dy * 2

    random.seed(5)
    state = random.getstate()
    for kind in (layer(__init__=seeds), layer(__init__=seeds, backward=draws)):
        assert check_layer(kind).healthy
        assert random.getstate() == state
    assert (
        check_layer(layer(forward=lambda self, x: seeds(self) or x * 2)).name == "random-seed-set"
    )


def test_a_constructor_that_sets_a_seed_is_remarked_upon():
    def seeds_numpy(self):
        np.random.seed(0)
        self.w = np.random.randn(3)

    def seeds_random(self):
        random.seed(0)
        self.w = random.random()

    def only_draws(self):
        self.w = np.random.randn(3) + random.random()

    for constructor, name in ((seeds_numpy, "np.random"), (seeds_random, "random")):
        verdict = check_layer(layer(__init__=constructor))
        assert verdict.healthy
        assert f"The constructor sets the seed of {name}: layers of one shape" in str(verdict)
    assert "sets the seed" not in str(check_layer(layer(__init__=only_draws)))
    assert "sets the seed" not in str(check_layer(layer()))


def test_random_outputs_are_said():
    def draws(self, x):
        return x * random.SystemRandom().random()

    assert check_layer(layer(forward=draws)).name == "not-repeatable"


def test_a_mask_from_np_random_is_repeatable():
    class Dropout:
        def forward(self, x):
            self.mask = np.random.rand(*x.shape) > 0.5
            return x * self.mask

        def backward(self, dy):
            return dy * self.mask

    assert check_layer(Dropout).healthy


def test_images_must_not_mix():
    def mixes(self, x):
        self.x = x
        return x + 0.5 * np.roll(x, 1, axis=0)

    def back(self, dy):
        return dy + 0.5 * np.roll(dy, -1, axis=0)

    assert check_layer(layer(forward=mixes, backward=back), axes="ND").name == "images-mixed"


def test_a_statistic_of_the_batch_may_couple_images():
    class Centre:
        def forward(self, x):
            return x - x.mean(axis=0)

        def backward(self, dy):
            return dy - dy.mean(axis=0)

    assert check_layer(Centre, axes="ND").healthy


def test_positive_inputs_where_no_others_are_taken():
    class Log:
        def forward(self, x):
            self.x = x
            return np.log(x)

        def backward(self, dy):
            return dy / self.x

    assert check_layer(Log).healthy


def test_it_works_in_other_threads():
    found = []
    thread = threading.Thread(target=lambda: found.append(check_layer(Base)))
    thread.start()
    thread.join()
    assert found[0].healthy


def test_what_cannot_be_copied_is_used_as_it_is():
    subject = Base()
    subject.lock = threading.Lock()
    assert check_layer(subject).healthy


@pytest.mark.parametrize("seconds", [math.inf, math.nan, -1, 0, 1e30, "3", True])
def test_seconds_must_be_a_number_of_them(seconds):
    for examination in (check_layer, examine):
        with pytest.raises(
            ConfigurationError, match="'seconds' of doctor must be a number above 0"
        ):
            examination(layer(), seconds=seconds)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"input_shape": 5}, "'input_shape' of check_layer must be whole numbers of at least 1"),
        ({"input_shape": "ab"}, "'input_shape' of check_layer must be whole numbers"),
        ({"input_shape": (0, 1, 2, 2)}, "'input_shape' of check_layer must be whole numbers"),
        ({"input_shape": ()}, "'input_shape' of check_layer must be whole numbers"),
        ({"axes": 5}, "The 'axes' must be different letters"),
        ({"arguments": 5}, "'arguments' of check_layer must be settings by name"),
    ],
)
def test_arguments_that_are_none_are_told(given, words):
    with pytest.raises(ConfigurationError, match=words):
        check_layer(MaxPool2D(2), **given)


def test_a_shape_of_numpys_numbers_is_taken():
    assert check_layer(MaxPool2D(2), input_shape=np.array([2, 3, 8, 6])).healthy


def test_a_raised_number_is_no_size():
    with pytest.raises(ConfigurationError, match="--input must be whole numbers"):
        read_shape("2²,3")
