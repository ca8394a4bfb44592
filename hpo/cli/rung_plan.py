"""The rung plan of an ASHA campaign, as lines for the log, before anything is submitted."""

from __future__ import annotations

from hpo.decisions.asha import Asha, expected_legs

EXAMPLE_S = 60.0  # nobody knows yet what an epoch takes; the line says what it assumes


def rung_plan(asha: Asha, n_trials: int, *, gpus: int) -> list[str]:
    """Rungs, the trials expected at each, and what they cost against random search."""
    plan = expected_legs(asha, n_trials)
    epochs = sum(spent for _, _, spent in plan)
    kind = "stopping" if asha.stopping else "promotion"
    lines = [
        f"ASHA ({kind}), 1 in {asha.reduction_factor} goes on"
        + (
            f", {asha.brackets} brackets (the plan is that of the first)"
            if asha.brackets > 1
            else ""
        )
    ]
    lines += [
        f"  rung {level:>6}: {reached:>6} trials, {spent:>8} epochs"
        for level, reached, spent in plan
    ]
    if plan[-1][1] == 0:
        lines.append(
            f"  few trials: hardly one is expected to get to {asha.max_t}; more trials, a larger "
            "grace_period or a smaller reduction_factor bring more there"
        )
    share = epochs / (n_trials * asha.max_t)
    hours = epochs * EXAMPLE_S * max(1, gpus) / 3600
    what = "GPU-hours" if gpus else "job-hours"
    lines.append(
        f"  in all {epochs} epochs, {share:.0%} of random search to {asha.max_t}; "
        f"at 1 min an epoch {hours:.1f} {what}"
    )
    return lines
