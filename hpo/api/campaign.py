"""`hpo.Campaign`: what a configuration file says, as an object; and what can be done with it."""

from __future__ import annotations

import inspect
import os
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from hpo.api import starting
from hpo.api.configuration_file import configuration_text
from hpo.api.follower import Follower
from hpo.api.given import Rungs, in_words_of_python, sections, with_other_names
from hpo.api.named_code import NamedCode, name_code
from hpo.api.program import is_terminal, require_no_import, without_main
from hpo.api.run import Run, started_file
from hpo.api.slurm import SLURM
from hpo.cli.clusters import choose_executor
from hpo.cli.run import checked
from hpo.errors import CampaignLockedError, SettingsError
from hpo.folder.files import make_above, publish
from hpo.search.random import AsyncRandomSearch
from hpo.settings.reading.loading import Loaded, check, load
from hpo.settings.reading.raw import RawConfig
from hpo.settings.search import HpoSettings
from hpo.settings.spec import CampaignSpec
from hpo.shown import shell_words
from hpo.space.space import Space

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from hpo.api.diagnosis import Diagnosis
    from hpo.api.options import CampaignOptions
    from hpo.api.plan import CampaignPlan

Executor: TypeAlias = Literal["auto", "slurm", "local", "simulated"]
Code: TypeAlias = "Callable[..., Any] | str"
LABELS = {"space": "the space", "slurm": "hpo.SLURM", "hpo": "hpo.Campaign"}
SHIPPED_NAME = "campaign"


class Campaign:
    """A search: an objective, a space, and how it is run.

    Example:
        >>> campaign = hpo.Campaign(
        ...     objective, space={"lr": hpo.loguniform(1e-4, 1e-2)}, n_trials=50,
        ...     scheduler=hpo.ASHA(max_t=27), slurm=hpo.SLURM(partition="gpu", gpus=1),
        ... )  # doctest: +SKIP
        >>> run = campaign.submit()  # doctest: +SKIP
    """

    def __init__(
        self,
        objective: Code | None = None,
        *,
        space: Mapping[str, Any] | Space | None = None,
        searcher: AsyncRandomSearch | Code | Mapping[str, Any] | None = None,
        scheduler: Rungs | None = None,
        slurm: SLURM | Mapping[str, Any] | None = None,
        **settings: Unpack[CampaignOptions],
    ) -> None:
        """Check all that was given, as far as that is possible without running anything.

        Args:
            objective: the function that trains one configuration, or where it is, as text:
                'package.module:function' or 'file.py:function'. One that was typed into a notebook
                is written to a file beside the campaign, if it stands alone. None where
                `entry_point` or `command` names a script.
            space: the hyperparameters; default: that of `searcher`.
            searcher: a name such as "tpe", or a mapping with it and its settings; default: random
                search. `AsyncRandomSearch` brings its space, its seed and its points to evaluate
                along; one of your own is a class or function that is called with (space, seed), or
                the text that says where it is.
            scheduler: `hpo.ASHA(max_t=27)`, or what a configuration file says; default: whole
                trials. A `Scheduler` brings its searcher and its limits along.
            slurm: what each job asks SLURM for.
            settings: all others that docs/reference/settings.md lists: `n_trials`, `metric`,
                `mode`, `max_concurrent_jobs`, `max_wallclock_time` …

        Raises:
            SettingsError: with all problems.
        """
        self._folder = Path.cwd()
        self._problems: list[str] = []
        given: dict[str, Any] = dict(settings)
        if isinstance(objective, str):
            given["objective"] = objective
        self._sections, own = sections(space, searcher, scheduler, slurm, given)
        self._objective = self._named(objective, "objective")
        self._searcher = self._named(own, "searcher")
        spec = self._spec()
        self.output_dir = spec.output_dir
        """Absolute path of the campaign's folder."""

    def __repr__(self) -> str:
        """What is searched, where it will lie."""
        spec = self._spec()
        return (
            f"<hpo.Campaign: {spec.hpo.n_trials} trials of {spec.objective}, {spec.hpo.mode} of "
            f"{spec.hpo.metric}, in {spec.output_dir}>"
        )

    def plan(
        self,
        *,
        epoch_seconds: float | None = None,
        like: str | os.PathLike[str] | None = None,
        queue_wait: str | None = None,
        history: str | os.PathLike[str] | None = None,
        seats: int | None = None,
        preemptions_per_hour: float = 0.0,
        seeds: int = 5,
        trials: int | None = None,
    ) -> CampaignPlan:
        """What the campaign will take, simulated; nothing is run or submitted.

        The arguments are the options of `hpo plan`.

        Raises:
            SettingsError: with all that is wrong with them.
        """
        from hpo.api.plan import CampaignPlan
        from hpo.cli.plan import make

        asked = Namespace(
            epoch_seconds=epoch_seconds,
            like=None if like is None else str(self._folder / like),
            queue_wait=queue_wait,
            history=None if history is None else str(self._folder / history),
            seats=seats,
            preemptions_per_hour=preemptions_per_hour,
            seeds=seeds,
            trials=trials,
            plot=None,
        )
        with without_main():
            return CampaignPlan(make(asked, self._loaded()))

    def doctor(
        self, *, executor: Literal["auto", "slurm", "local"] = "auto", job: bool = False
    ) -> Diagnosis:
        """Whether the campaign can run here, check by check, and what to do where it cannot.

        Args:
            executor: where trials are to run; `auto`: SLURM where it is installed, else here.
            job: also submit one job that tries an epoch and a checkpoint of a real trial.

        Raises:
            SettingsError: with all problems of the settings.
        """
        from hpo.api.diagnosis import Diagnosis
        from hpo.cli.doctor import executor_of, found_of, try_job

        chosen: Any = executor_of(executor)
        file = self._beside("campaign.py")
        if not Run(self._campaign_folder(chosen)).is_managed:
            file = self._write()
        loaded = load(str(file), cwd=self._folder)
        found = found_of(loaded, chosen)
        lines: list[str] = []
        if job and not found.will_fail:
            tried, lines = try_job(loaded.spec(), chosen)
            found = replace(found, findings=(*found.findings, *tried))
        return Diagnosis(found, lines)

    def run(self, *, executor: Executor = "auto", fresh: bool = False) -> Run:
        """Run the campaign, or go on with it, and wait for its end; tells what happens meanwhile.

        The manager is a process of its own that leaves when this one is interrupted; what runs then
        goes on, and so does the campaign with the next call.

        Args:
            executor: where trials run; `auto`: SLURM where one answers, else processes of this
                machine.
            fresh: move the campaign that lies in the output directory aside and start a new one.

        Raises:
            SettingsError: with all problems of the settings, the objective and the cluster.
            CampaignLockedError: another manager holds the campaign.
        """
        executor, arguments = self._prepare(executor, fresh=fresh)
        folder = self._campaign_folder(executor)
        shown_here = is_terminal()
        output = None if shown_here else self._beside("manager.out")
        child = starting.start_child(arguments, folder=self._folder, output=output)
        run = Run(folder)
        try:
            with Follower(output) as follower:
                while child.poll() is None:
                    follower.follow()
                    time.sleep(0.1)
        except KeyboardInterrupt:
            starting.ask_to_leave(child)
            child.wait()
            raise
        run._require_begun(child.returncode, output)
        return run

    def submit(
        self,
        *,
        executor: Executor = "auto",
        fresh: bool = False,
        sbatch: Mapping[str, object] | None = None,
    ) -> Run:
        """Start the campaign, or go on with it, apart from this process, which may end.

        On SLURM its manager is a job of its own, elsewhere a process.

        Args:
            executor: as for `run`.
            fresh: as for `run`.
            sbatch: options of the manager's job, by their long names, as in
                `{"partition": "nonpre", "time": "1-00:00:00"}`; default: those that stand in
                hpo/scripts/submit_hpo_campaign.sh.

        Raises:
            SettingsError: with all problems of the settings, the objective and the cluster.
            CampaignLockedError: another manager holds the campaign.
            SubmissionError: SLURM refused the manager's job.
        """
        executor, arguments = self._prepare(executor, fresh=fresh)
        if executor == "slurm":
            started = starting.start_job(arguments, folder=self._folder, options=sbatch or {})
        else:
            output = self._beside("manager.out")
            started = starting.start_process(arguments, folder=self._folder, output=output)
        folder = self._campaign_folder(executor)
        starting.record(started_file(folder), started)
        return Run(folder)

    def _named(self, given: Any, what: str) -> NamedCode | None:
        """Where jobs find what is no text."""
        if given is None or isinstance(given, str):
            return None
        found, problems = name_code(given, what)
        self._problems += problems
        return found

    def _loaded(self) -> Loaded:
        """What was given, checked as a configuration file would be."""
        sections = {name: dict(content) for name, content in self._sections.items()}
        search = sections["hpo"]
        for key, code in (("objective", self._objective), ("searcher", self._searcher)):
            if code is None:
                continue
            # What is still to be written has a name already: its file is looked for later.
            search[key] = code.reference or f"notebook:{code.name}"
            if code.folder is not None and code.folder != self._folder:
                search["pythonpath"] = [*search.get("pythonpath", ()), str(code.folder)]
        if not search.get("output_dir"):
            search["output_dir"] = f"hpo_results/{self._default_name(search)}"
        raw = RawConfig(sections, LABELS, list(self._problems))
        # Called as its folder, in messages; files that it names are looked for from here.
        name = Path(str(search["output_dir"])).name or SHIPPED_NAME
        loaded = check(raw, self._folder / f"{name}.py", self._folder)
        if self._problems:  # because what cannot be named is missed by nobody else
            loaded.problems = [p for p in loaded.problems if not p.startswith("no objective: ")]
        told = (with_other_names(problem) for problem in loaded.problems)
        loaded.problems = [p.replace(_NO_OBJECTIVE, _GIVE_OBJECTIVE) for p in told]
        return loaded

    def _default_name(self, search: Mapping[str, Any]) -> str:
        if self._objective is not None:
            return self._objective.name
        script = search.get("entry_point")
        return SHIPPED_NAME if script is None else Path(str(script)).stem

    def _spec(self) -> CampaignSpec:
        loaded = self._loaded()
        if loaded.problems:
            raise SettingsError(loaded.problems, where="hpo.Campaign")
        return loaded.spec()

    def _prepare(self, executor: Executor, *, fresh: bool) -> tuple[Executor, list[str]]:
        """Check all and write the files; the chosen executor, and what `hpo run` is told."""
        references = [code.module for code in (self._objective, self._searcher) if code]
        references.append(str(self._spec().objective).rpartition(":")[0])
        require_no_import(set(references))
        chosen: Any = choose_executor(executor)
        run = Run(self._campaign_folder(chosen))
        if run.goes_on():
            raise CampaignLockedError(
                f"the campaign in {run.folder} goes on already: {run.standing}. hpo.attach("
                f"{str(run.folder)!r}) shows it, and its stop() ends it"
            )
        file = self._write()
        try:
            checked(load(str(file), cwd=self._folder), chosen, fresh=fresh)
        except SettingsError as err:
            problems = [in_words_of_python(problem) for problem in err.problems]
            raise type(err)(problems, where="hpo.Campaign") from None
        more = ["--fresh"] if fresh else []
        return chosen, ["--config", str(file), "--executor", chosen, *more]

    def _campaign_folder(self, executor: Executor) -> Path:
        root = self.output_dir
        return root.with_name(root.name + "-simulated") if executor == "simulated" else root

    def _beside(self, name: str) -> Path:
        return self.output_dir.with_name(f"{self.output_dir.name}_{name}")

    def _command(self, file: Path) -> str:
        words = shell_words(["hpo", "run", "--config", os.path.relpath(file, self._folder)])
        return f"cd {shell_words([str(self._folder)])} && {words}"

    def _write(self) -> Path:
        """The configuration as a file beside the campaign, with what a notebook defined."""
        spec = self._spec()
        changed: dict[str, Any] = {"output_dir": str(spec.output_dir)}
        texts: dict[Path, str] = {}
        for key, code in (("objective", self._objective), ("searcher", self._searcher)):
            if code is None:
                continue
            changed[key] = code.reference
            if code.source is not None:
                path = self._beside(f"{key}.py")
                texts[path] = code.source
                changed[key] = f"{path}:{code.name}"
        file = self._beside("campaign.py")
        try:
            texts[file] = configuration_text(spec, changed, self._command(file))
            make_above(spec.output_dir)
            for path, text in texts.items():
                publish(path, text)
                path.chmod(0o600)  # because env_setup may hold a password
        except ValueError as err:
            raise SettingsError(
                [f"{err}: write a configuration file instead (docs/start/own-campaign.md)"],
                where="the space",
            ) from err
        except OSError as err:
            problem = f"the campaign's files cannot be written beside {spec.output_dir}: {err}"
            raise SettingsError([problem], where="hpo.Campaign") from err
        return file


_NO_OBJECTIVE = "set 'objective' in hpo.Campaign to 'package.module:function'"
_GIVE_OBJECTIVE = "give a function, 'package.module:function'"


def _parameters() -> list[inspect.Parameter]:
    """What the constructor takes, one by one: notebooks complete what a running program tells."""
    known = inspect.signature(Campaign).parameters
    own = [one for one in known.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    more = inspect.signature(HpoSettings).parameters.values()
    return own + [one for one in more if one.name not in known]


setattr(Campaign, "__signature__", inspect.Signature(_parameters()))  # noqa: B010
