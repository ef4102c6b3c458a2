"""`./baton bench fuzz`: what a relay does with frames that nobody in their right mind would send."""

from bench.fuzz.command import run

__all__ = ["run"]
