"""One thread and no chatter: what every process of the bot sets before it imports Rasa.

Rasa logs at debug level through structlog on every step of a turn, and TensorFlow and OpenMP start one thread per
core, which spin against each other when two processes share two cores (10 ms became 350 ms).
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import Any

UNWANTED = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, UserWarning)
"""Warnings of Rasa's pins about their own future, and of Rasa about features that are not used here."""


def hush() -> None:
    """Limit threads, turn telemetry off and send warnings and worse to standard error."""
    for name, value in (
        ("OMP_NUM_THREADS", "1"),
        ("TF_NUM_INTRAOP_THREADS", "1"),
        ("TF_NUM_INTEROP_THREADS", "1"),
        ("TF_CPP_MIN_LOG_LEVEL", "3"),
        ("CUDA_VISIBLE_DEVICES", "-1"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("RASA_TELEMETRY_ENABLED", "false"),
        ("SANIC_DISABLE_MOTD", "true"),
        ("SQLALCHEMY_SILENCE_UBER_WARNING", "1"),
        ("LOG_LEVEL", "WARNING"),  # Rasa's progress bars look at nothing else
    ):
        os.environ.setdefault(name, value)
    import structlog  # noqa: PLC0415 - after the environment, like everything that reads it

    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("bot").setLevel(logging.INFO)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        # Rasa's loggers are asked seven times a turn to say nothing, and are made anew for each.
        cache_logger_on_first_use=True,
    )
    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, UNWANTED):
            shown(message, category, *where, **more)

    # Not as filters alone: Sanic puts one of its own before them while Rasa is imported, and all come through again.
    for unwanted in UNWANTED:
        warnings.filterwarnings("ignore", category=unwanted)
    warnings.showwarning = show
