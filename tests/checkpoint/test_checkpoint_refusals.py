"""What `trial.restore(…)` says of what it cannot take, and of a checkpoint made by other code."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_objects import make_trial, restore, save

from hpo.errors import ReportError


class NoState:
    """Nothing that a checkpoint could hold."""


class Odd:
    """Has a state, of something that cannot be saved."""

    def state_dict(self) -> Any:
        return {"inner": [NoState()]}

    def load_state_dict(self, state: Any) -> None: ...


class TestRefused:
    @pytest.mark.parametrize("value", [NoState(), NoState, 3, None, {1, 2}, random.SystemRandom()])
    def test_what_has_no_state(self, tmp_path: Path, value: Any) -> None:
        with pytest.raises(ReportError) as caught:
            make_trial(tmp_path).restore(thing=value)
        text = str(caught.value)
        assert "restore(thing=…)" in text
        for accepted in ("state_dict()", "generators", "tensors", "arrays", "dicts and lists"):
            assert accepted in text

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (Odd(), "thing['inner'][0] is a test_checkpoint_refusals.NoState"),
            ({"f": print}, "thing['f'] is a builtins.builtin_function_or_method"),
            ([{1}], "thing[0] is a builtins.set"),
            ([random.Random(0)], "named one by one"),
            (np.array([None]), "thing is a numpy.ndarray"),
            ([np.ma.array([1], mask=[True])], "thing[0] is a numpy.ma.MaskedArray"),
            ([np.longdouble(1)], "thing[0] is a numpy.longdouble"),
        ],
    )
    def test_states_that_cannot_be_saved_at_once_and_not_after_hours(
        self, tmp_path: Path, value: Any, words: str
    ) -> None:
        with pytest.raises(ReportError) as caught:
            make_trial(tmp_path).restore(thing=value)
        assert "restore(thing=…)" in str(caught.value)
        assert words in str(caught.value)

    def test_a_list_that_contains_itself(self, tmp_path: Path) -> None:
        loop: list[Any] = []
        loop.append(loop)
        with pytest.raises(ReportError, match=r"restore\(loop=…\).* contains itself"):
            make_trial(tmp_path).restore(loop=loop)

    def test_what_came_later_names_the_trial(self, tmp_path: Path) -> None:
        notes: dict[str, Any] = {}
        trial = make_trial(tmp_path)
        trial.restore(notes=notes)
        notes["late"] = NoState()
        with pytest.raises(ReportError, match=r"trial 17: restore\(notes=…\): notes\['late'\]"):
            trial.report(epoch=1, validation_error=1.0)

    def test_tensors_that_could_not_be_read_back(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        for tensor in (torch.zeros(2, device="meta"), torch.zeros(2).to_sparse()):
            with pytest.raises(ReportError, match=r"restore\(thing=…\): thing\[0\] is a torch"):
                make_trial(tmp_path).restore(thing=[tensor])


class TestOtherCode:
    """A checkpoint that was made before the code changed."""

    def refused(self, folder: Path, **objects: Any) -> str:
        with pytest.raises(ReportError) as caught:
            restore(folder, **objects)
        text = str(caught.value)
        assert text.startswith("trial 17: the checkpoint ")
        assert "change it back, or start with --fresh" in text
        assert "epoch_1-a0" in text
        return text

    @pytest.mark.parametrize(
        ("then", "now", "words"),
        [
            (np.zeros(3), np.zeros(4), ["array of float64 (3,)", "array of float64 (4,)"]),
            (np.zeros(3), np.zeros(3, "f4"), ["array of float64 (3,)", "array of float32 (3,)"]),
            (np.zeros(1), [0.0], ["array of float64 (1,)", "list"]),
            ({}, [], ["dict", "list"]),
            (
                random.Random(0),
                np.random.default_rng(0),
                ["random.Random", "numpy Generator of PCG64"],
            ),
            (
                np.random.default_rng(0),
                np.random.Generator(np.random.SFC64(0)),
                ["numpy Generator of PCG64", "numpy Generator of SFC64"],
            ),
        ],
    )
    def test_objects_of_another_kind(
        self, tmp_path: Path, then: Any, now: Any, words: list[str]
    ) -> None:
        save(tmp_path, thing=then)
        text = self.refused(tmp_path, thing=now)
        assert f"does not fit thing: it was {words[0]}, now it is {words[1]}" in text

    def test_an_object_more(self, tmp_path: Path) -> None:
        save(tmp_path, weights=[1])
        assert "holds weights, but not momentum" in self.refused(tmp_path, weights=[], momentum=[])

    def test_torch(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")

        def build(width: int, optimizer: str = "Adam", scheduler: str = "StepLR") -> dict[str, Any]:
            model = torch.nn.Linear(width, 2)
            adam = getattr(torch.optim, optimizer)(model.parameters())
            schedule = getattr(torch.optim.lr_scheduler, scheduler)(adam, 1)
            return {"model": model, "optimizer": adam, "schedule": schedule, "step": torch.zeros(2)}

        save(tmp_path, **build(3))
        restore(tmp_path, **build(3))
        text = self.refused(tmp_path, **build(4))
        assert "does not fit model" in text
        assert "size mismatch for weight" in text
        deeper = build(3) | {"model": torch.nn.Sequential(torch.nn.Linear(3, 2))}
        assert "Missing key(s)" in self.refused(tmp_path, **deeper)
        text = self.refused(tmp_path, **build(3, optimizer="SGD"))
        assert "does not fit optimizer: it was Adam, now it is SGD" in text
        text = self.refused(tmp_path, **build(3, scheduler="CosineAnnealingLR"))
        assert "does not fit schedule: it was StepLR" in text
        text = self.refused(tmp_path, **build(3) | {"step": torch.zeros(2, dtype=torch.int64)})
        assert "it was tensor of float32 (2,), now it is tensor of int64 (2,)" in text

    def test_that_no_longer_imports_torch(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        torch = pytest.importorskip("torch")
        save(tmp_path, notes={"w": torch.zeros(2)})
        monkeypatch.delitem(sys.modules, "torch")
        assert "only be read by torch" in self.refused(tmp_path, notes={})

    def test_nothing_is_touched_when_one_does_not_fit(self, tmp_path: Path) -> None:
        save(tmp_path, first=np.ones(2), second=np.ones(2))
        first = np.zeros(2)
        self.refused(tmp_path, first=first, second=np.zeros(3))
        assert first.tolist() == [0, 0]
