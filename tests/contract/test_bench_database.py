"""The database of a benchmark's own, on a real server."""

from __future__ import annotations

import os

import asyncpg
import pytest
import sqlalchemy as sa

from bench.database import new_database
from bench.programs import BenchError
from tests.contract.databases import in_own_loop

pytestmark = pytest.mark.needs_postgres


def server_url() -> str:
    return os.environ["BATON_TEST_DATABASE_URL"]


async def tables_of(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
    finally:
        await connection.close()


def test_it_is_new_and_gone_at_the_end_whatever_happens() -> None:
    made = []

    def fill_and_fail() -> None:
        with new_database(server_url()) as url:
            made.append(url)
            assert in_own_loop(tables_of(url)) == 0
            assert sa.make_url(url).database != sa.make_url(server_url()).database
            raise LookupError("the benchmark's own trouble")

    with pytest.raises(LookupError):
        fill_and_fail()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        in_own_loop(tables_of(made[0]))


def test_a_server_that_makes_none_is_said() -> None:
    nobody = sa.make_url(server_url()).set(port=1).render_as_string(hide_password=False)
    with pytest.raises(BenchError, match="CREATE DATABASE failed"), new_database(nobody):
        raise AssertionError("nothing runs without a database")
