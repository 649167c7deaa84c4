"""The DAGs: one per schedule in `meltano.yml`, and one that checks the health."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from pennylane_airflow.alerts import HealthCheck, HealthNotifier
from pennylane_airflow.schedules import PROJECT, Schedule, health_interval, schedules
from pennylane_airflow.step import StepOperator

POOL = "pipeline"
"""A pool with one slot: schedules share tables and bookmarks, so their steps never overlap."""

COMMON = {"catchup": False, "max_active_runs": 1}


def pipeline(schedule: Schedule) -> DAG:
    """Return the DAG of a schedule: one task per step of its job, in order."""
    dag = DAG(
        schedule.name,
        schedule=schedule.interval,
        tags=["meltano"],
        on_failure_callback=HealthNotifier(),
        on_success_callback=HealthNotifier(),
        **COMMON,
    )
    with dag:
        steps = [
            StepOperator(
                task_id=blocks.split()[0].replace(":", "-"),
                blocks=blocks,
                schedule_env=schedule.env,
                project=str(PROJECT),
                pool=POOL,
                # Number of retries and delay: core.default_task_… in meltano.yml.
                retry_exponential_backoff=True,
                # The views are built from what was loaded, even if the load failed.
                trigger_rule="all_done" if number else "all_success",
            )
            for number, blocks in enumerate(schedule.steps)
        ]
        for step, following in pairwise(steps):
            step >> following
        # A run takes the state of its last task: this one fails if any step failed.
        steps >> EmptyOperator(task_id="outcome")
    return dag


for _schedule in schedules():
    if _schedule.interval is not None:
        globals()[f"schedule_{_schedule.name}"] = pipeline(_schedule)

with DAG("health", schedule=health_interval(), tags=["alerts"], **COMMON) as health:
    HealthCheck(
        task_id="check",
        retries=1,
        retry_delay=timedelta(minutes=1),
        execution_timeout=timedelta(minutes=10),
    )
