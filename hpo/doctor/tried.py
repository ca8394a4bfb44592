"""What one job that tried two legs of a real trial says about the campaign. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.doctor.disk import in_bytes
from hpo.doctor.finding import Finding
from hpo.doctor.wish import Wish
from hpo.record.result import Outcome, Result
from hpo.units.duration import in_words
from hpo.units.sizes import JOB_START_S, TIMES_MIN, mem_class
from hpo.units.slurm import memory_text, time_text

SPARE = 1.5  # times what was measured, because configurations differ


@dataclass(frozen=True, slots=True)
class Ground:
    """What the job found on its node before it took a trial; None: it did not say."""

    python: str | None = None
    imports_s: float | None = None
    failed_lines: str = ""
    gpus_given: str | None = None
    driver: str | None = None
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tryout:
    """All that came of it.

    Attributes:
        job_id: the job's.
        trouble: why it did not come to a result; empty: it did.
        waited_s: from its submission to its first leg.
        node: where it ran.
        ground: what it found there; None: nobody says.
        first: the leg to the first epoch; None: it did not end.
        second: the leg that went on from its checkpoint; None: it was not tried.
        went_on_at: the first epoch that the second leg reported.
        checkpoint_bytes: the size of what was saved; None: nothing was.
        epochs: of a whole trial; None: the objective does not say.
    """

    job_id: str
    trouble: str = ""
    waited_s: float = 0.0
    node: str = ""
    ground: Ground | None = None
    first: Result | None = None
    second: Result | None = None
    went_on_at: int | None = None
    checkpoint_bytes: int | None = None
    epochs: int | None = None


def judge(tryout: Tryout, wish: Wish) -> list[Finding]:
    """What was found, and what follows for the settings."""
    findings = [_job(tryout), *_ground(tryout.ground, wish)]
    first = tryout.first
    if first is None:
        return findings
    findings.append(_epoch(first))
    if first.outcome in (Outcome.FAILED, Outcome.INTERRUPTED):
        return findings
    findings += [_checkpoint(tryout), _memory(tryout, wish), _time(tryout, wish)]
    return findings


def lines_to_paste(tryout: Tryout) -> list[str]:
    """Settings that follow from what was measured, as lines of a configuration's section slurm."""
    lines = []
    if (minutes := _minutes(tryout)) is not None:
        text = f'time: "{time_text(minutes)}"'
        lines.append(f"{text:<20}# {tryout.epochs} epochs of {_epoch_s(tryout):.3g} s")
    if used := _used_mb(tryout):
        text = f"mem: {memory_text(mem_class(SPARE * used))}"
        lines.append(f"{text:<20}# {memory_text(used)} were used")
    return lines


def _job(tryout: Tryout) -> Finding:
    name = "job"
    if tryout.trouble:
        advice = "mend that and try again; where a job waits long, try a shorter slurm.time"
        return Finding(name, "fail", f"job {tryout.job_id}: {tryout.trouble}", advice)
    after = in_words(tryout.waited_s)
    return Finding(name, "ok", f"job {tryout.job_id} took a trial on {tryout.node} after {after}")


def _ground(ground: Ground | None, wish: Wish) -> list[Finding]:
    if ground is None:
        return []
    findings = []
    if ground.failed_lines:
        advice = "mend it, or write `|| true` behind a line that may fail"
        findings.append(Finding("its env_setup", "warn", ground.failed_lines, advice))
    imports = "" if ground.imports_s is None else f", imports took {ground.imports_s:.1f} s"
    findings.append(Finding("its python", "ok", f"{ground.python}{imports}"))
    if wish.gpus == 0:
        return findings
    name = "its gpu"
    given = (ground.gpus_given or "").replace("-1", "").strip()
    models = ", ".join(ground.models) or "models unknown"
    if not given:
        found = "CUDA_VISIBLE_DEVICES is empty: the job was given no GPU"
        advice = "look at slurm.gpus, slurm.extra and the partition; ask the administrators"
        findings.append(Finding(name, "fail", found, advice))
    elif ground.driver is None:
        found = f"GPU {given} was given, but no driver is seen on the node"
        advice = "ask the administrators, or exclude the node: slurm.exclude"
        findings.append(Finding(name, "warn", found, advice))
    else:
        findings.append(Finding(name, "ok", f"GPU {given} ({models}), {ground.driver} driver"))
    return findings


def _epoch(first: Result) -> Finding:
    name = "epoch"
    if first.outcome is Outcome.FAILED:
        words = (first.message or first.cause or "no reason was given").strip().splitlines()
        found = f"the trial failed ({first.cause}): {' | '.join(words[-3:])}"
        return Finding(name, "fail", found, "mend the objective; it was one of the real trials")
    if first.outcome is Outcome.INTERRUPTED:
        advice = "try again; if it happens again, ask for longer with slurm.time"
        return Finding(name, "warn", "the trial was interrupted before its first epoch", advice)
    if first.metric is None:
        found = "the first epoch ended with a metric that is no finite number"
        return Finding(name, "warn", found, "look at the objective: such a trial is never the best")
    use = "" if first.gpu_use is None else f", GPU used {first.gpu_use:.0f} %"
    found = f"the first took {first.elapsed:.3g} s with all that comes before it{use}"
    return Finding(name, "ok", found)


def _checkpoint(tryout: Tryout) -> Finding:
    name = "checkpoint"
    if tryout.checkpoint_bytes is None:
        return Finding(
            name,
            "warn",
            "nothing was saved: a trial that loses its job begins again at its first epoch",
            "call trial.restore(model=…, optimizer=…), or let a script save in HPO_CHECKPOINT_DIR "
            "(docs/how-to/checkpoints.md)",
        )
    size = in_bytes(tryout.checkpoint_bytes)
    if tryout.second is None:
        return Finding(name, "ok", f"{size} were saved; going on was not tried: one epoch is all")
    if tryout.second.outcome is Outcome.FAILED:
        said = (tryout.second.message or str(tryout.second.cause)).strip().splitlines()[-1]
        found = f"{size} were saved, and the leg that went on from them failed: {said}"
        return Finding(name, "fail", found, "mend how the objective restores its state")
    if tryout.went_on_at is not None and tryout.went_on_at <= 1:
        found = f"{size} were saved, but the next leg began at epoch 1 again"
        advice = "call trial.restore before the loop, and loop over trial.epochs()"
        return Finding(name, "warn", found, advice)
    return Finding(name, "ok", f"{size} were saved, and the next leg went on from there")


def _memory(tryout: Tryout, wish: Wish) -> Finding:
    used, asked = _used_mb(tryout), wish.size.mem_mb
    if not used:
        return Finding("memory used", "unknown", "the node does not tell")
    of = f" of {memory_text(asked)}" if asked else ""
    found = f"{memory_text(used)}{of}"
    if asked and SPARE * used > asked:
        advice = f"set slurm.mem to {memory_text(mem_class(SPARE * used))}"
        return Finding("memory used", "warn", f"{found}: little is left for others", advice)
    return Finding("memory used", "ok", found)


def _time(tryout: Tryout, wish: Wish) -> Finding:
    minutes, asked = _minutes(tryout), wish.size.time_min
    if tryout.epochs is None or minutes is None:
        return Finding("time needed", "unknown", "the space does not say how many epochs there are")
    about = in_words(tryout.epochs * _epoch_s(tryout))
    found = f"a whole trial takes about {about}, of {tryout.epochs} epochs"
    if asked is not None and minutes > asked:
        return Finding(
            "time needed",
            "warn",
            f"{found}; jobs have {in_words(60 * asked)}, so that it goes on over several",
            f'set slurm.time to "{time_text(minutes)}", or see that checkpoints are saved',
        )
    return Finding("time needed", "ok", found)


def _epoch_s(tryout: Tryout) -> float:
    """An epoch at most: what comes before it in its leg counts as well."""
    legs = [leg.elapsed for leg in (tryout.first, tryout.second) if leg is not None]
    return min(legs, default=0.0)


def _minutes(tryout: Tryout) -> int | None:
    if tryout.epochs is None or tryout.first is None:
        return None
    needed = (JOB_START_S + SPARE * tryout.epochs * _epoch_s(tryout)) / 60.0
    return next((minutes for minutes in TIMES_MIN if minutes >= needed), TIMES_MIN[-1])


def _used_mb(tryout: Tryout) -> int:
    return max((leg.mem_used_mb for leg in (tryout.first, tryout.second) if leg), default=0)
