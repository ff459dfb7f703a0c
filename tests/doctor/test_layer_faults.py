"""Every planted fault is seen and named, and nothing sound is alarmed."""

from pathlib import Path

import pytest

from layer_descriptors import LAYER_ROWS
from sixloops.doctor import check_layer
from sixloops.doctor.faults.layers import LAYER_FAULTS, SOUND_LAYERS
from sixloops.doctor.layer import naming, partial
from sixloops.doctor.layer.mistakes import FACTORS, MISTAKES

WITHOUT_A_MODEL = (
    *(partial.NO_ERROR, partial.LAST_OUTPUT, partial.FIRST_OUTPUT),
    *(naming.NOT_SHARED_OUT, naming.MOVED),
)


@pytest.mark.parametrize("fault", LAYER_FAULTS, ids=lambda fault: f"{fault}-{fault.title}")
def test_a_planted_fault_is_named(fault):
    verdict = check_layer(fault.faulty)
    assert not verdict.healthy
    assert verdict.findings
    assert verdict.name in fault.names, str(verdict)


def name_of(sound):
    """Return a name that is the same in every process: no address of a function."""
    parts = sound if isinstance(sound, tuple) else (sound,)
    return "-".join(f"{part.__module__.rpartition('.')[2]}.{part.__name__}" for part in parts)


@pytest.mark.parametrize("sound", SOUND_LAYERS, ids=name_of)
def test_a_sound_twin_is_healthy(sound):
    verdict = check_layer(sound)
    assert verdict.healthy, str(verdict)
    assert verdict.recognised or "loss" in _module(sound)
    assert not verdict.diagnoses


@pytest.mark.parametrize("row", LAYER_ROWS, ids=str)
def test_our_layers_are_healthy(row):
    verdict = check_layer(row.layer, input_shape=(row.batch, *row.input_shape))
    assert verdict.healthy, str(verdict)


def test_there_are_enough_planted_faults():
    assert len(LAYER_FAULTS) >= 70
    numbers = {fault.number for fault in LAYER_FAULTS}
    assert numbers >= {*range(1, 27), 29}


DIAGNOSES = [*(m.diagnosis for m in (*MISTAKES, *FACTORS)), *WITHOUT_A_MODEL]


@pytest.mark.parametrize("diagnosis", DIAGNOSES, ids=lambda d: d.id)
def test_a_diagnosis_says_all_that_it_must(diagnosis):
    assert diagnosis.sentence.endswith(".")
    assert diagnosis.mathematics
    assert diagnosis.fix


def test_pages_and_their_sections_exist():
    root = Path(__file__).parents[2]
    for diagnosis in set(DIAGNOSES):
        if not diagnosis.page:
            continue
        file, _, section = diagnosis.page.partition("#")
        text = (root / file).read_text(encoding="utf-8")
        anchors = {_anchor(line) for line in text.splitlines() if line.startswith("#")}
        assert not section or section in anchors, diagnosis.page


def _module(sound):
    return (sound[0] if isinstance(sound, tuple) else sound).__module__


def _anchor(heading):
    """Return a heading's anchor as GitHub makes it."""
    words = heading.lstrip("#").strip().lower()
    return "".join(c for c in words if c.isalpha() or c.isdecimal() or c in " -_").replace(" ", "-")
