"""The DAGs: one per schedule in `meltano.yml`, and one that checks the health."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from pennylane_airflow.alerts import HealthCheck, HealthNotifier
from pennylane_airflow.companies import SLOTS, Companies, Outcome, exist
from pennylane_airflow.schedules import PROJECT, Schedule, health_interval, schedules
from pennylane_airflow.step import StepOperator

POOL = "pipeline"
"""Steps take all slots of this pool, because schedules share tables: they never overlap. Only the
loads of different companies take one slot each, and run side by side."""
LISTING = "companies"
"""The task that lists the companies."""

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
        steps = [_step(schedule, number) for number in range(len(schedule.steps))]
        for step, following in pairwise(steps):
            step >> following
        # A run takes the state of its last task: this one fails if any step failed.
        if _is_mapped(schedule.steps[0]):
            steps >> Outcome(task_id="outcome", load=steps[0].task_id, listing=LISTING)
        else:
            steps >> EmptyOperator(task_id="outcome")
    return dag


def _step(schedule: Schedule, number: int) -> Any:  # noqa: ANN401 - Airflow is elsewhere
    """Return the task of a step; a load of several companies is one task for each."""
    blocks = schedule.steps[number]
    options: dict[str, Any] = {
        "task_id": blocks.split()[0].replace(":", "-"),
        "blocks": blocks,
        "schedule_env": schedule.env,
        "project": str(PROJECT),
        "pool": POOL,
        # Number of retries and delay: core.default_task_… in meltano.yml.
        "retry_exponential_backoff": True,
        # The views are built from what was loaded, even if the load failed.
        "trigger_rule": "all_done" if number else "all_success",
    }
    if not _is_mapped(blocks):
        return StepOperator(**options, pool_slots=SLOTS)
    listed = Companies(task_id=LISTING)
    options["map_index_template"] = "{{ task.company }}"
    return StepOperator.partial(**options).expand(company=listed.output)


def _is_mapped(blocks: str) -> bool:
    return blocks.startswith("tap-pennylane") and exist()


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
