"""The text of a campaign's configuration in Python, which `hpo run --config` reads as any other."""

from __future__ import annotations

from collections.abc import Mapping
from pprint import pformat
from typing import Any

from hpo.settings.spec import CampaignSpec
from hpo.space.python_text import python_text

HEAD = '''\
"""Written by hpo.Campaign in Python. From a shell the campaign goes on with

    {command}
"""

'''


def configuration_text(spec: CampaignSpec, changed: Mapping[str, Any], command: str) -> str:
    """What was set, and no default, so that it means the same to the command line.

    Args:
        spec: the campaign.
        changed: settings of the search under which it is to be found in the file.
        command: with which the campaign goes on.

    Raises:
        ValueError: the space has a distribution that no file can hold; the text names it.
    """
    domains = {}
    for name_, domain in spec.space.domains.items():
        try:
            domains[name_] = python_text(domain)
        except ValueError as err:
            raise ValueError(f"{name_}: {err}") from err
    lines = "".join(f"        {name_!r}: {text},\n" for name_, text in domains.items())
    uses_scipy = any("scipy.stats." in text for text in domains.values())
    imports = "import scipy.stats\n\nimport hpo\n" if uses_scipy else "import hpo\n"
    slurm = spec.slurm.model_dump(mode="json", exclude_unset=True)
    search = spec.hpo.model_dump(mode="json", exclude_unset=True) | dict(changed)
    return (
        HEAD.format(command=command)
        + imports
        + f"\n\ndef get_config_space():\n    return {{\n{lines}    }}\n"
        + f"\n\ndef get_slurm_config():\n    return {_literal(slurm)}\n"
        + f"\n\ndef get_hpo_config():\n    return {_literal(search)}\n"
    )


def _literal(settings: Mapping[str, Any]) -> str:
    if not settings:
        return "{}"
    lines = (f"        {name!r}: {_value(value)},\n" for name, value in settings.items())
    return f"{{\n{''.join(lines)}    }}"


def _value(value: object) -> str:
    return pformat(value, width=84, sort_dicts=False).replace("\n", "\n" + 12 * " ")
