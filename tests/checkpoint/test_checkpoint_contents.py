"""What `trial.restore(…)` takes comes back as it was, and so do the global generators."""

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
from saved_objects import restore, save

from hpo.checkpoint import global_random


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
            legacy = np.random.normal(size=3).tolist()
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
            "from hpo.trial.trial import Trial\n"
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
