"""A release trained once, and bots that run on it for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.bot.running_bot import CONTENT, HERE, Bot, Talk, home_with, train


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Importing TensorFlow takes 15 s and more on a busy machine, and a fixture starts it more than once."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a release, as the training command wrote them."""
    home = tmp_path_factory.mktemp("training")
    result = train(home, CONTENT, home / "built")
    assert result["ok"], result
    return home / "built"


@pytest.fixture(scope="session")
def bot(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """The bot with the default settings, in the formal voice."""
    running = Bot(home_with(trained, tmp_path_factory.mktemp("bot"))).ready()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def offering(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A bot that says once that it does not know before it hands over, in the casual voice."""
    home = home_with(trained, tmp_path_factory.mktemp("offering"))
    running = Bot(home, BATON_LOW_CONFIDENCE="offer", BATON_VOICE="casual").ready()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def planted(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A bot whose parts raise when a message names them, see planted_bot.py."""
    home = home_with(trained, tmp_path_factory.mktemp("planted"))
    running = Bot(home, program=(str(HERE / "planted_bot.py"),)).ready()
    yield running
    assert running.stop() == 0


@pytest.fixture
def talk(bot: Bot) -> Talk:
    return bot.talk()
