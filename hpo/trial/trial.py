"""What an objective sees of its trial: report, restore, epochs.

When it reports, saves and leaves. Writes only into its own folder; knows no claims, no results and
no scheduler. Imported by every job before the user's code, so standard library only, and
`checkpoint` only where a trial has to do with one.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.errors import ReportError
from hpo.folder import opening
from hpo.folder.files import CHECKPOINTS, EPOCHS_FROM_ZERO, TRIAL_CONFIG, USERS_FILES
from hpo.folder.patience import Patience, is_of_files
from hpo.folder.report_lines import (
    FULL_BYTES,
    checked_metrics,
    checked_resource,
    make_record,
    write_line,
)
from hpo.folder.reports import read_reports
from hpo.trial.saving_time import SavingTime

if TYPE_CHECKING:
    from hpo.checkpoint.restorable import Restorable

log = logging.getLogger(__name__)


class TrialInterrupted(BaseException):
    """The trial pauses at its rung, or was asked to leave; it has saved, and unwinds the objective.

    A BaseException, like KeyboardInterrupt, so that an `except Exception` in users' training code
    does not swallow it. Never catch it without raising it again.
    """


class Trial:
    """One configuration while it is trained; handed to `objective(config, trial)`.

    Example:
        ::

            def objective(config, trial):
                model, optimizer = build(config)
                trial.restore(model=model, optimizer=optimizer)  # no checkpoint: does nothing
                for epoch in trial.epochs():
                    error = train_one_epoch(model, optimizer)
                    trial.report(epoch=epoch, validation_error=error)  # the last line of the epoch

    Attributes:
        config: the configuration, one value per hyperparameter.
        trial_id: the number of the trial in its campaign.
        attempt: the number of this attempt; earlier ones were lost or left, or reached a rung.
        resource: the resource last reported or restored; 0 before.
        history: one dict per report, as written to the file, each resource once; after a restore,
            or where its code goes on by itself, it begins with the reports of earlier attempts.
    """

    def __init__(
        self,
        *,
        trial_id: int,
        config: Mapping[str, Any],
        folder: Path,
        attempt: int,
        target: int | None = None,
        final: bool = True,
        resource_attr: str = "epoch",
        metric: str = "validation_error",
        checkpoint_interval: int = 1,
        asked_to_leave: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.time,
        patience: Patience = Patience(),
        remark: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.trial_id = trial_id
        # A copy, because users' code pops from its config, and the result must show the whole one.
        self.config: dict[str, Any] = copy.deepcopy(dict(config))
        self.attempt = attempt
        self.resource = 0
        self.history: list[dict[str, Any]] = []
        self._folder = folder
        self._target = target
        self._final = final
        self._resource_attr = resource_attr
        self._metric = metric
        self._checkpoint_interval = checkpoint_interval
        self._asked_to_leave = asked_to_leave
        self._clock = clock
        self._patience = patience._replace(leaving=asked_to_leave)
        self._started = clock()
        self._remark = remark  # takes what is to be said once in the campaign
        self._saving = SavingTime()
        self._values: dict[str, int | float] | None = None  # of the last report of this attempt
        self._reported = False
        self._is_full = False  # whether its file holds no more whole reports
        self._objects: dict[str, Restorable] = {}
        self._insist("the trial's folder", lambda: opening.make_folder(folder, parents=1))

    @property
    def max_resource(self) -> int | None:
        """The resource at which this leg ends; None: when the objective returns."""
        return self._target

    @property
    def config_file(self) -> Path:
        """The configuration as JSON, which the job writes before the trial begins."""
        return self._folder / TRIAL_CONFIG

    @property
    def is_asked_to_leave(self) -> bool:
        """Whether its next report will be its last here."""
        return self._asked_to_leave()

    @property
    def epochs_from_zero(self) -> Path:
        """Is there where the trial's script counts from 0, which one that goes on does not show."""
        return self._folder / EPOCHS_FROM_ZERO

    @property
    def resource_attr(self) -> str:
        """The name under which the resource is reported."""
        return self._resource_attr

    @property
    def checkpoint_dir(self) -> Path:
        """A folder for files that the objective saves itself; it outlives the attempt."""
        path = self._folder / CHECKPOINTS / USERS_FILES
        self._insist("the checkpoint folder", lambda: opening.make_folder(path, parents=3))
        return path

    @property
    def has_reported(self) -> bool:
        """Whether this attempt has reported."""
        return self._reported

    def recall(self) -> bool:
        """Take up what earlier attempts reported, where nothing else is known; whether they did."""
        if not self.history:
            self.history = self._earlier_reports()
            self.resource = self.history[-1][self._resource_attr] if self.history else 0
        return bool(self.history)

    def _earlier_reports(self) -> list[dict[str, Any]]:
        attempt = self.attempt - 1
        if attempt < 0:
            return []
        return read_reports(self._folder, resource_attr=self._resource_attr, up_to_attempt=attempt)

    def epochs(self) -> range:
        """Return the epochs still to train, from the resume point to the end of this leg.

        Raises:
            ReportError: nobody said where this trial ends.
        """
        if self._target is None:
            raise self._error(
                "trial.epochs() does not know the last epoch; set max_epochs in the space, or"
                " loop in the objective itself"
            )
        return range(self.resource + 1, self._target + 1)

    def restore(self, **objects: Restorable) -> int:
        """Register objects for checkpoints and load the newest complete checkpoint into them.

        Args:
            objects: by name: anything with `state_dict()` and `load_state_dict()`; tensors, numpy
                arrays, dicts and lists of plain values, which are updated in place; random
                generators. Call it last before the loop: the global generators go back too.

        Returns:
            The resource at which the objects now stand; 0 if there is no checkpoint.

        Raises:
            ReportError: an object cannot be saved, the checkpoint was made by other code, or the
                trial has reported already.
        """
        from hpo import checkpoint

        if self._reported:
            raise self._error(
                "restore() was called after the first report; call it once, before the training"
                " loop, because it puts the objects back to the last checkpoint"
            )
        for name, value in objects.items():
            if not name.isidentifier():
                raise self._error(f"restore(): {name!r} cannot be a file name; use a Python name")
            checkpoint.check_restorable(name, value)
        self._objects.update(objects)
        self._insist("its checkpoints", lambda: checkpoint.require_listing(self._folder))
        found = checkpoint.load_newest(self._folder, self.trial_id, self._objects)
        if found is not None:
            self.resource = found.resource
            earlier = read_reports(
                self._folder, resource_attr=self._resource_attr, up_to_attempt=found.attempt
            )
            self.history = [r for r in earlier if r[self._resource_attr] <= found.resource]
            log.info(
                "trial %d: resumed at %s %d", self.trial_id, self._resource_attr, self.resource
            )
        return self.resource

    def save(self) -> None:
        """Write a checkpoint now, as the state after the last reported resource.

        Raises:
            ReportError: nothing was registered by `restore`, or a state cannot be saved.
            StorageTrouble: it cannot be written, for minutes; let it pass.
        """
        if not self._objects:
            raise self._error("save() has nothing to save; name the objects in restore(…) first")
        self._insist("the checkpoint", self._write_checkpoint)

    def _write_checkpoint(self) -> None:
        from hpo import checkpoint

        began = time.monotonic()
        checkpoint.save(
            self._folder,
            resource=self.resource,
            trial_id=self.trial_id,
            attempt=self.attempt,
            objects=self._objects,
        )
        passed = self._clock() - self._started
        self._saving.add(time.monotonic() - began, self.resource)
        if words := self._saving.complaint(passed, self._checkpoint_interval, self._resource_attr):
            log.warning("trial %d: %s", self.trial_id, words)
            self._remark(f"trial {self.trial_id}: {words}")

    def report(self, **metrics: object) -> None:
        """Report the metrics of one resource step; call it as the last thing of the epoch.

        Saves a checkpoint when one is due, and leaves at a rung or when the trial was asked to.

        Args:
            metrics: the metric and the resource by their names, e.g. `epoch=3,
                validation_error=0.1`, and any other numbers; without the resource, the next one.

        Raises:
            ReportError: this is no report: metric missing, not a number, resource out of order.
            TrialInterrupted: the trial was asked to leave; let it pass.
            StorageTrouble: the report, or what must be saved, cannot be written; let it pass.
        """
        resource, values = self._checked(metrics)
        now = self._clock()
        elapsed = max(0.0, now - self._started)
        record = make_record((self._resource_attr, resource), values, now=now, elapsed=elapsed)
        record = self._write(record, (self._resource_attr, resource), values[self._metric])
        if not self.history and resource > 1:
            # Its code goes on from what it saved itself.
            earlier = self._earlier_reports()
            self.history = [r for r in earlier if r[self._resource_attr] < resource]
        self._values = values
        previous, self.resource, self._reported = self.resource, resource, True
        self.history.append(record)
        self._save_or_leave(previous)

    def report_the_end(self) -> None:
        """Where code that reports every few steps has come to its end: what it reported last.

        Its end lies between two reports, or it calls its last step one less than its number. Where
        another report was due before, it has ended early, and nothing is reported.

        Raises:
            TrialInterrupted: the trial pauses there.
            StorageTrouble: what must be saved cannot be written; let it pass.
        """
        if self._target is None or self._values is None or len(self.history) < 2:
            return
        before, last = (report[self._resource_attr] for report in self.history[-2:])
        if last < self._target < last + (last - before):
            self.report(**{self._resource_attr: self._target} | self._values)

    def _write(
        self, record: dict[str, Any], resource: tuple[str, int], value: float
    ) -> dict[str, Any]:
        """Write a report; what fits of it, which is told once."""
        least = make_record(
            resource, {self._metric: value}, now=record["time"], elapsed=record["elapsed"]
        )
        what = f"trial {self.trial_id}: the report"
        try:
            written = self._patience.insist(
                what, lambda: write_line(self._folder, self.attempt, record, least)
            )
        except ReportError as err:
            raise self._error(f"{err}; report less often") from err
        if written != record and not self._is_full:
            self._is_full = True
            log.warning(
                "trial %d: its reports take %.0f MB: from %s %d on only %s is kept of them; report "
                "fewer numbers",
                self.trial_id,
                FULL_BYTES / 1e6,
                *resource,
                self._metric,
            )
        return dict(written)

    def _save_or_leave(self, previous: int) -> None:
        done = self._target is not None and self.resource >= self._target
        leaving = self._asked_to_leave()
        interval = self._checkpoint_interval
        # By crossing, so that an objective that reports every third epoch saves as often. With
        # interval 0 only the ends of legs are saved.
        due = interval > 0 and self.resource // interval > previous // interval
        if self._objects and (done or leaving):
            self.save()
        elif self._objects and due:
            self._save_if_possible()
        if done and not self._final:
            # For every style of objective, also one that loops to max_epochs by itself.
            raise TrialInterrupted(
                f"trial {self.trial_id} pauses at {self._resource_attr} {self.resource}"
            )
        if leaving and not done:
            raise TrialInterrupted(
                f"trial {self.trial_id} was asked to leave at {self._resource_attr} {self.resource}"
            )

    def _save_if_possible(self) -> None:
        """A checkpoint on the way: without it training goes on, and the one before stays."""
        try:
            self._write_checkpoint()
        except Exception as err:
            if not is_of_files(err):
                raise
            log.warning("no checkpoint at %s %d: %s", self._resource_attr, self.resource, err)

    def _insist(self, what: str, action: Callable[[], None]) -> None:
        self._patience.insist(f"trial {self.trial_id}: {what}", action)

    def _checked(self, given: Mapping[str, object]) -> tuple[int, dict[str, int | float]]:
        """The resource and the metrics of a report."""
        name = self._resource_attr
        try:
            metrics = checked_metrics(given, self._metric)
            resource = checked_resource(
                (name, metrics.pop(name, self.resource + 1)),
                last=self.resource,
                end=self._target,
                is_first=not self.history,
            )
        except ReportError as err:
            raise self._error(str(err)) from err
        return resource, metrics

    def _error(self, text: str) -> ReportError:
        return ReportError(f"trial {self.trial_id}: {text}")
