"""What `trial.restore(…)` takes, and what it says of what it cannot take or what has changed."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.checkpoint import global_random
from hpo.errors import ReportError
from hpo.trial import Trial


def make_trial(folder: Path, attempt: int = 0) -> Trial:
    return Trial(trial_id=17, config={}, folder=folder, attempt=attempt, target=9)


def save(folder: Path, **objects: Any) -> None:
    trial = make_trial(folder)
    trial.restore(**objects)
    trial.report(epoch=1, validation_error=0.5)


def restore(folder: Path, **objects: Any) -> None:
    assert make_trial(folder, attempt=1).restore(**objects) == 1


@pytest.mark.parametrize(
    ("make", "draw"),
    [
        (lambda: random.Random(3), lambda r: [r.random(), r.gauss(0, 1)]),
        (lambda: np.random.default_rng(3), lambda r: list(r.normal(size=3))),
        (lambda: np.random.default_rng(3), lambda r: list(r.spawn(1)[0].normal(size=3))),
        (lambda: np.random.Generator(np.random.MT19937(3)), lambda r: list(r.random(3))),
        (lambda: np.random.Generator(np.random.Philox(3)), lambda r: list(r.integers(9, size=3))),
        (lambda: np.random.RandomState(3), lambda r: list(r.normal(size=3))),
    ],
)
def test_generators_go_on_where_they_were(
    tmp_path: Path, make: Callable[[], Any], draw: Callable[[Any], list[float]]
) -> None:
    generator = make()
    draw(generator)
    save(tmp_path, generator=generator)
    expected = draw(generator)
    resumed = make()
    assert draw(make()) != expected
    restore(tmp_path, generator=resumed)
    assert draw(resumed) == expected


def test_generators_of_torch_go_on_where_they_were(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(3)
    torch.rand(5, generator=generator)
    save(tmp_path, generator=generator)
    expected = torch.rand(5, generator=generator)
    resumed = torch.Generator()
    restore(tmp_path, generator=resumed)
    assert torch.equal(torch.rand(5, generator=resumed), expected)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.array(0.5, dtype=np.float32),
        np.array([np.nan, np.inf, -0.0]),
        np.array([1 + 2j]),
        np.array(["a", "bc"]),
        np.array([True, False]),
        np.array(["2024-01-31"], dtype="datetime64[D]"),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.zeros((0, 3)),
    ],
)
def test_arrays_are_restored_in_place(tmp_path: Path, array: Any) -> None:
    save(tmp_path, array=array)
    resumed = np.zeros_like(array)
    elsewhere = resumed  # because a model of one's own may hold it too
    restore(tmp_path, array=resumed)
    assert elsewhere.tobytes() == array.tobytes()


def test_tensors_are_restored_in_place(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    made = {
        "weight": torch.nn.Parameter(torch.randn(3, 2)),
        "leaf": torch.randn(2, requires_grad=True),
        "count": torch.tensor(5),
        "half": torch.randn(4).bfloat16(),
        "transposed": torch.randn(3, 2).t(),
        "complex": torch.randn(2, dtype=torch.complex64).conj(),
    }
    save(tmp_path, **made)
    resumed = {name: torch.zeros_like(t, requires_grad=t.requires_grad) for name, t in made.items()}
    restore(tmp_path, **resumed)
    for name, tensor in made.items():
        assert torch.equal(resumed[name], tensor), name
        assert resumed[name].requires_grad == tensor.requires_grad


def test_a_view_is_saved_without_the_data_it_looks_into(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    view = torch.randn(1_000_000)[:10]
    save(tmp_path, notes={"first": view})
    (file,) = tmp_path.rglob("notes.tensors.pt")
    assert file.stat().st_size < 10_000
    notes: dict[str, Any] = {}
    restore(tmp_path, notes=notes)
    assert torch.equal(notes["first"], view)


def test_plain_data_is_restored_in_place_with_arrays_and_types(tmp_path: Path) -> None:
    notes = {
        1: [1, 2.5, None, (True, "x")],
        "counts": Counter(a=2),
        "order": OrderedDict(b=1, a=2),
        "array": np.arange(3),
        "scalar": np.float32(0.1),
        "worst": float("-inf"),
    }
    save(tmp_path, notes=notes, losses=[0.5, 0.25])
    resumed: dict[Any, Any] = {"from the start": 1}
    losses = [1.0]
    held, also_held = resumed, losses
    restore(tmp_path, notes=resumed, losses=losses)
    assert also_held == [0.5, 0.25]
    assert repr(held) == repr(notes | {"scalar": float(np.float32(0.1))})


def test_a_saved_copy_of_the_weights_does_not_become_the_weights(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 2)
    best = {"weights": {name: value + 1 for name, value in model.state_dict().items()}}
    save(tmp_path, model=model, best=best)
    resumed = torch.nn.Linear(2, 2)
    # No clone here: what is in `best` are the live weights.
    resumed_best = {"weights": resumed.state_dict()}
    restore(tmp_path, model=resumed, best=resumed_best)
    assert torch.equal(resumed.weight, model.weight)
    assert torch.equal(resumed_best["weights"]["weight"], model.weight + 1)


def test_schedulers_scalers_and_averages_of_torch_come_back(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from torch.optim import lr_scheduler as lr

    def build() -> dict[str, Any]:
        model = torch.nn.Linear(2, 2)
        made: dict[str, Any] = {
            "model": model,
            "average": torch.optim.swa_utils.AveragedModel(model),
            "scaler": torch.amp.GradScaler("cpu"),
            "lbfgs": torch.optim.LBFGS(model.parameters()),
        }

        def sgd() -> Any:
            return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        schedulers: dict[str, Callable[[Any], Any]] = {
            "step": lambda o: lr.StepLR(o, 1),
            "multi": lambda o: lr.MultiStepLR(o, [1, 3]),
            "function": lambda o: lr.LambdaLR(o, lambda epoch: 0.9**epoch),
            "cycle": lambda o: lr.OneCycleLR(o, 0.1, total_steps=9),
            "restarts": lambda o: lr.CosineAnnealingWarmRestarts(o, 2),
            "polynomial": lambda o: lr.PolynomialLR(o, 5),
            "cyclic": lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=2),
            "chained": lambda o: lr.ChainedScheduler([lr.ConstantLR(o), lr.ExponentialLR(o, 0.5)]),
        }
        for name, make in schedulers.items():
            optimizer = sgd()
            made |= {name: make(optimizer), f"{name}_optimizer": optimizer}
        return made

    saved = build()
    x = torch.randn(4, 2)

    def closure() -> Any:
        saved["lbfgs"].zero_grad()
        loss = saved["model"](x).square().sum()
        loss.backward()
        return loss

    saved["lbfgs"].step(closure)
    saved["average"].update_parameters(saved["model"])
    for name, value in saved.items():
        if name.endswith("_optimizer"):
            value.step()
            saved[name.removesuffix("_optimizer")].step()
    save(tmp_path, **saved)
    resumed = build()
    restore(tmp_path, **resumed)
    for name, value in saved.items():
        # By their words, which torch gives to the last digit that matters here.
        assert repr(resumed[name].state_dict()) == repr(value.state_dict()), name


class TestGlobalGenerators:
    def test_go_back_to_the_checkpoint_with_anything(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")

        def draw() -> list[float]:
            legacy = np.random.normal(size=3).tolist()  # noqa: NPY002
            return [random.random(), random.gauss(0, 1), *legacy, *torch.randn(3).tolist()]

        draw()
        save(tmp_path, notes=[1])
        expected = draw()
        assert draw() != expected
        restore(tmp_path, notes=[])
        assert draw() == expected

    def test_import_nothing(self, tmp_path: Path) -> None:
        program = (
            "import random, sys\n"
            "from pathlib import Path\n"
            "from hpo.trial import Trial\n"
            "trial = Trial(trial_id=0, config={}, folder=Path(sys.argv[1]), attempt=0)\n"
            "trial.restore(notes=[1], coin=random.Random(0))\n"
            "trial.report(validation_error=1)\n"
            "Trial(trial_id=0, config={}, folder=Path(sys.argv[1]), attempt=1).restore(notes=[])\n"
            "print(sorted({'torch', 'numpy'} & set(sys.modules)))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "[]\n"

    def test_of_gpus_are_put_back_after_waiting_seeds(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        torch = pytest.importorskip("torch")
        calls: list[Any] = []
        two = [torch.tensor([1, 2], dtype=torch.uint8), torch.tensor([3, 4], dtype=torch.uint8)]
        for name, fake in {
            "is_initialized": lambda: True,
            "is_available": lambda: True,
            "device_count": lambda: 1,
            "get_rng_state_all": lambda: two,
            "init": lambda: calls.append("init"),
            "set_rng_state": lambda state, device: calls.append((state.tolist(), device)),
        }.items():
            monkeypatch.setattr(torch.cuda, name, fake)
        global_random.restore_global_states(global_random.global_states())
        assert calls == ["init", ([1, 2], 0)]
        assert "made with 2 GPUs, here are 1" in caplog.text


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
            (Odd(), "thing['inner'][0] is a test_checkpoint_contents.NoState"),
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
