"""What campaigns that 0.1.0 began name as their objective; gone after the next release."""

from hpo.config.mlp_example import objective

__all__ = ["objective"]
