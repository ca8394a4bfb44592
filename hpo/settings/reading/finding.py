"""Finds the configuration file that a user named: by path, or by name in the usual folders."""

from __future__ import annotations

import difflib
import errno
import os
import re
from pathlib import Path

import hpo

SUFFIXES = (".py", ".yaml", ".yml")
SHIPPED = Path(hpo.__file__).parent / "config"
"""The configurations that ship with the package."""

_CONFIG_TEXT = {
    ".py": re.compile(r"^def get_(config_space|slurm_config|hpo_config)\b", re.MULTILINE),
    ".yaml": re.compile(r"^(space|config_space)\s*:", re.MULTILINE),
}
_CONFIG_TEXT[".yml"] = _CONFIG_TEXT[".yaml"]


MOST_CODE_BYTES = 10_000_000  # of a configuration in Python


def read_file(path: Path, most_bytes: int) -> bytes:
    """A configuration, which may be a link to one.

    Raises:
        OSError: it cannot be read, is no plain file, or is larger than `most_bytes`.
    """
    if not path.is_file():
        raise OSError(errno.EINVAL, "is no plain file", str(path))
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"is larger than {most_bytes / 1e6:.0f} MB", str(path))
    return data


def find_config(config: str, cwd: Path) -> tuple[Path | None, list[str]]:
    """The file that `config` names, or why there is none.

    Args:
        config: A path to a .py, .yaml or .yml file, or a bare name.
        cwd: The folder that relative paths and names start from.
    """
    given = absolute(config, cwd)
    if given.is_file() and given.suffix in SUFFIXES:
        return given, []
    if given.is_file():
        return None, [f"{config} must be a .py, .yaml or .yml file"]
    if given.name == config:
        for folder in _folders(cwd):
            is_package = folder.parts[-2:] == ("hpo", "config")
            for path in (folder / f"{config}{suffix}" for suffix in SUFFIXES):
                if path.is_file() and (not is_package or _is_config(path)):
                    return path, []
        return None, [_not_found(config, cwd)]
    for path in (given.with_name(given.name + suffix) for suffix in SUFFIXES):
        if path.is_file():
            return path, []
    return None, [f"there is no file {given}"]


def available_configs(cwd: Path) -> list[str]:
    """The names that `find_config` finds from `cwd`, sorted."""
    names = {
        path.stem
        for folder in _folders(cwd)
        for suffix in SUFFIXES
        for path in folder.glob(f"*{suffix}")
        if _is_config(path)
    }
    return sorted(names)


def absolute(text: str, folder: Path) -> Path:
    """A path as the user wrote it, with `~` and `$VARIABLES`, made absolute from `folder`.

    Links are kept: what they point to may have another name on another node.
    """
    expanded = os.path.expandvars(Path(text).expanduser())
    return Path(os.path.abspath(folder / expanded))  # noqa: PTH100 - because resolve() follows links


def _folders(cwd: Path) -> list[Path]:
    return list(dict.fromkeys([cwd, cwd / "config", cwd / "hpo" / "config", SHIPPED]))


def _is_config(path: Path) -> bool:
    try:
        text = read_file(path, MOST_CODE_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return _CONFIG_TEXT[path.suffix].search(text) is not None


def none_named(cwd: Path) -> str:
    """What to tell a user who named no configuration."""
    found = ", ".join(available_configs(cwd)) or "none"
    looked = ", ".join(str(folder) for folder in _folders(cwd))
    return (
        f"no configuration was named: add --config NAME, or a .py or .yaml file; there are {found}"
        f" (in {looked})"
    )


def _not_found(config: str, cwd: Path) -> str:
    names = available_configs(cwd)
    stem = Path(config).stem if Path(config).suffix in SUFFIXES else config
    near = difflib.get_close_matches(stem, names, n=3) or [name for name in names if stem in name]
    hint = f": did you mean {' or '.join(map(repr, near))}?" if near else ""
    looked = ", ".join(str(folder) for folder in _folders(cwd))
    found = ", ".join(names) or "none"
    return f"no configuration {config!r}{hint} (looked in {looked}; found there: {found})"
