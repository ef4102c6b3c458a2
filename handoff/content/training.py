"""From the home's content to a release: a snapshot, a training process of the bot's environment, a commit.

Nothing live moves until the release is published, and a training that fails or is stopped leaves nothing
behind but its log, HOME/run/train.log.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from handoff.adapters.clock import SystemClock
from handoff.adapters.database import open_engine
from handoff.content.errors import TrainingFailed
from handoff.content.programs import OnProgress, Progress
from handoff.content.releases import publish_release
from handoff.content.shielded import to_its_end
from handoff.content.store import CONTENT_FILE, INTENTS_FILE, Content, ContentStore
from handoff.content.trainer import TrainerCall, run_trainer
from handoff.domain.storage import why
from handoff.settings import Settings
from handoff.wire.times import rfc3339
from kb_index.releases import Release, ReleaseError, ReleaseStore
from kb_index.rules import FILE as RULES_FILE

_LOG_FILE: Final = "train.log"
_LOCK_FILE: Final = "train.lock"
_SCRATCH: Final = "training"


async def train(
    home: Path,
    settings: Settings,
    *,
    publish: bool,
    risk: float = 0.02,
    unanswerable_share: float = 0.1,
    frustration_threshold: float | None = None,
    voice: str | None = None,
    on_progress: OnProgress,
    by: str = "baton train",
    about: Mapping[str, str | None] | None = None,
) -> Release:
    """Train the home's content into a release and return it; with `publish` it goes live.

    Args:
        risk: largest share of wrong answers among all answers given, in 0..1, that the threshold aims at.
        unanswerable_share: share of questions without an article, in 0..1, that the threshold reckons with.
        frustration_threshold: score in 0..1 from which on a conversation goes to a person; None: the bot's own.
        voice: how customers are addressed, `formal` or `casual`; None: as the installation's settings say.
        on_progress: called on the event loop with each step.
        by: who asked for it: named in the manifest (`asked_by`), and in the history when the release goes live.
        about: what else the manifest is to tell of it.

    Cancelling it stops the training process and removes what was built.

    Raises:
        TrainingFailed: with the trainer's own code, or `training_in_progress`, `bot_environment_missing`,
            `trainer_crashed`, `bad_trainer_answer`, `storage_failed`, `bad_setting`, or a code of ReleaseError.
        ReleaseRefused: the release was made, but could not be published.
        StorageUnavailable: the content cannot be read.
    """
    _check_share("risk", risk)
    _check_share("unanswerable_share", unanswerable_share)
    try:
        with _one_at_a_time(home) as lock_fd:
            store = await asyncio.to_thread(ReleaseStore, home / "releases")
            await asyncio.to_thread(store.discard_stale_buildings)
            began = SystemClock().now_ms()
            content = await _read(settings)
            building = store.begin(_release_id(began, content))
            scratch = await asyncio.to_thread(_emptied, home / "run" / _SCRATCH)
            call = TrainerCall(
                python=settings.bot_python,
                home=home,
                snapshot=building,
                out=building,
                scratch=scratch,
                risk=risk,
                unanswerable_share=unanswerable_share,
                frustration_threshold=frustration_threshold,
                voice=voice,
                encoder=settings.encoder,
                fine_tune=settings.fine_tune,
                fine_tune_minutes=settings.fine_tune_minutes,
                log=home / "run" / _LOG_FILE,
                lock_fd=lock_fd,
            )
            try:
                made = {"created_at": rfc3339(began), "asked_by": by, **(about or {})}
                release = await _build(store, call, content, made, on_progress)
            except BaseException:
                # Cancelled too: an unfinished folder must not stay.
                store.discard(building)
                raise
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise TrainingFailed("storage_failed", f"The release could not be written: {why(error)}.") from error
    except ReleaseError as error:
        raise TrainingFailed(error.code, str(error)) from error
    if publish:
        return await publish_release(home, release.id, by=by)
    return release


def sweep(home: Path) -> None:
    """Remove what a training that was killed has left, unless another goes on now."""
    with suppress(TrainingFailed, OSError, ReleaseError), _one_at_a_time(home):
        shutil.rmtree(home / "run" / _SCRATCH, ignore_errors=True)
        if (home / "releases").is_dir():
            ReleaseStore(home / "releases").discard_stale_buildings()


async def _read(settings: Settings) -> Content:
    engine = open_engine(settings.database)
    try:
        return await ContentStore(engine, SystemClock()).content(drafts=False)
    finally:
        await engine.dispose()


async def _build(
    store: ReleaseStore,
    call: TrainerCall,
    content: Content,
    made: Mapping[str, str | None],
    on_progress: OnProgress,
) -> Release:
    on_progress(Progress("snapshot", 0, 0, f"{len(content.articles)} articles"))
    # The snapshot is written where the release is built: it is trained on and kept, and never copied.
    await asyncio.to_thread(content.write, call.snapshot)
    given = await asyncio.to_thread(_digests, call.snapshot)
    manifest = await run_trainer(call, on_progress)
    if await asyncio.to_thread(_digests, call.snapshot) != given:
        raise TrainingFailed("bad_trainer_answer", "The training process changed the content it was given.")
    on_progress(Progress("commit", 0, 0, "writing the release"))
    # To its end: a commit that goes on in its thread while the folder is removed would leave half a release.
    return await to_its_end(asyncio.to_thread(store.commit, call.out, {**manifest, **made}))


def _digests(folder: Path) -> list[bytes]:
    there = [folder / name for name in (CONTENT_FILE, INTENTS_FILE, RULES_FILE) if (folder / name).exists()]
    return [hashlib.sha256(file.read_bytes()).digest() for file in there]


def _release_id(at_ms: int, content: Content) -> str:
    """Sorts by time; the end tells what was trained, and two trainings within one second of different content apart."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"r{at:%Y%m%d-%H%M%S}-{content.content_hash[:6]}"


def _emptied(folder: Path) -> Path:
    """A folder with nothing in it; what a training that was killed has left there goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _check_share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise TrainingFailed("bad_setting", f"{name} is a share from 0 to 1, not {value}.")


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[int]:
    """Hold the home's lock on trainings; yields its descriptor. Raises `TrainingFailed`."""
    path = home / "run" / _LOCK_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TrainingFailed(
                "training_in_progress", "This home is being trained already. Wait for it to end."
            ) from error
        yield handle
    finally:
        os.close(handle)
