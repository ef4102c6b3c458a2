"""Databases for relays that share one."""

from tests.contract.conftest import postgres_server

__all__ = ["postgres_server"]
