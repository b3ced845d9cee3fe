"""The batch engine under Faust: events pass through it a record batch at a time."""

from schemas.log.batch import RecordBatch, RecordsLost
from stream_jobs.engine.app import BatchApp, build_app
from stream_jobs.engine.producer import DeliveryFailed, Outgoing
from stream_jobs.engine.run import run, run_worker, running
from stream_jobs.engine.store import NotAssigned, PartitionState, StateRejected
from stream_jobs.engine.table import BatchTable, HeldPartition
from stream_jobs.engine.waiting import StepBounds

__all__ = [
    "BatchApp",
    "BatchTable",
    "DeliveryFailed",
    "HeldPartition",
    "NotAssigned",
    "Outgoing",
    "PartitionState",
    "RecordBatch",
    "RecordsLost",
    "StateRejected",
    "StepBounds",
    "build_app",
    "run",
    "run_worker",
    "running",
]
