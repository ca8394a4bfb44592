"""The rung plan, as it is printed before anything is submitted."""

from __future__ import annotations

import pytest

from hpo.cli.telling import rung_plan
from hpo.decisions.asha import Asha


@pytest.mark.parametrize(("n_trials", "warned"), [(24, True), (27, False)])
def test_it_says_when_no_trial_is_expected_at_the_last_rung(n_trials: int, warned: bool) -> None:
    lines = rung_plan(Asha(max_t=12), n_trials, gpus=0)
    assert (
        any("few trials: hardly one is expected to get to 12" in line for line in lines) == warned
    )
