"""Which hyperparameters decided the results: Optuna's PED-ANOVA over results that can be compared.

Optuna is an extra, and imported only where there is something to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpo.record.state import CampaignState
from hpo.report.page.hyperparameters import Hyperparameter, columns
from hpo.report.page.model import started

LEAST = 30  # results, below which importance is chance
MOST = 2000  # results, evenly spread, of which it is computed
NOT_INSTALLED = "Importance needs Optuna, which is not installed here: pip install optuna."


@dataclass(frozen=True, slots=True)
class Importance:
    """Shares of hyperparameters, largest first, and a sentence that says of what, or why not."""

    text: str
    shares: Sequence[tuple[str, float]] = ()


def importance_of(state: CampaignState, space: dict[str, Any], levels: Sequence[int]) -> Importance:
    """Of the results at the rung that most trials have reached, or of all without rungs."""
    results, where = _comparable(state, levels)
    if len(results) < LEAST:
        return Importance(f"Importance is shown from {LEAST} results {where} on.")
    step = max(1, -(-len(results) // MOST))
    results = results[::step]
    found, _ = columns(space, [state.trials[i].config for i, _ in results])
    usable = [one for one in found if None not in one.values and len(set(one.values)) > 1]
    if not usable:
        return Importance("Nothing that all trials have was varied.")
    try:
        shares = _ped_anova(usable, [value for _, value in results], state.goal.sign)
    except ImportError:
        return Importance(NOT_INSTALLED)
    except (ValueError, RuntimeError, ArithmeticError) as err:
        return Importance(f"Optuna could not compute the importance: {err}")
    left_out = len(found) - len(usable)
    text = (
        f"By PED-ANOVA over {len(results)} results {where}: how much each hyperparameter decides "
        "whether a trial is among the best tenth."
    )
    if left_out:
        text += f" {left_out} that not all of these trials have are left out."
    return Importance(text, shares)


def _comparable(state: CampaignState, levels: Sequence[int]) -> tuple[list[tuple[int, float]], str]:
    """(trial, value) at one rung, and its name."""
    sign = state.goal.sign
    if not levels:
        done = ((t.trial_id, t.metric) for t in started(state))
        return [(i, value) for i, value in done if value is not None], "of whole trials"
    if not state.rungs:
        return [], "at one rung"
    key = max(state.rungs, key=lambda key: (len(state.rungs[key].ranked), key))
    ranked = sorted((i, k) for k, i in state.rungs[key].ranked if abs(k) != float("inf"))
    level = levels[key[1]] if key[1] < len(levels) else "?"
    bracket = f" of bracket {key[0]}" if len({b for b, _ in state.rungs}) > 1 else ""
    where = f"at the rung of {state.goal.resource} {level}{bracket}"
    return [(i, sign * k) for i, k in ranked], where


def _ped_anova(
    found: Sequence[Hyperparameter], values: Sequence[float], sign: int
) -> list[tuple[str, float]]:
    import warnings

    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    distributions: dict[str, BaseDistribution] = {}
    for one in found:
        if one.labels:
            distributions[one.name] = CategoricalDistribution(range(len(one.labels)))
        elif one.is_whole:
            low, high = int(one.low or 0), int(one.high or 0)
            distributions[one.name] = IntDistribution(low, high, log=one.is_log)
        else:
            low_, high_ = float(one.low or 0.0), float(one.high or 0.0)
            distributions[one.name] = FloatDistribution(low_, high_, log=one.is_log)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize" if sign < 0 else "minimize")
    trials = [
        optuna.trial.create_trial(
            params={
                one.name: int(one.values[row] or 0) if one.is_whole else float(one.values[row] or 0)
                for one in found
            },
            distributions=distributions,
            value=value,
        )
        for row, value in enumerate(values)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.add_trials(trials)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return list(shares.items())
