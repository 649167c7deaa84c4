"""One step of a job as a task."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.providers.standard.operators.bash import BashOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class StepOperator(BashOperator):  # type: ignore[misc]  # Airflow is elsewhere
    """Runs one step of a job; only transient failures are retried."""

    def __init__(
        self,
        *,
        blocks: str,
        schedule_env: dict[str, str],
        project: str,
        company: str | None = None,
        **options: Any,
    ) -> None:
        """Build the command.

        Args:
            blocks: arguments for `meltano run`.
            schedule_env: the schedule's own variables.
            project: the project's folder.
            company: of companies.yml, if each is loaded by itself.
            options: those of every operator.
        """
        self._exit_code = 0
        self.company = company
        python = shlex.quote(f"{project}/.venv/bin/python")
        arguments = [blocks, *(["--company", company] if company else [])]
        super().__init__(
            bash_command=f"exec {python} -m pennylane_launcher step {shlex.join(arguments)}",
            env=schedule_env,
            append_env=True,
            cwd=project,
            # For these exit codes the base class would raise another exception.
            skip_on_exit_code=None,
            **options,
        )

    def _run_inline_command(self, bash_path: str, env: dict[str, str]) -> Any:  # noqa: ANN401
        result = super()._run_inline_command(bash_path, env)
        self._exit_code = result.exit_code
        return result

    def execute(self, context: Context) -> Any:  # noqa: ANN401 - as the base class
        """Run the step.

        Raises:
            AirflowFailException: a retry cannot succeed.
        """
        try:
            return super().execute(context)
        except AirflowException as error:
            # A refused token, an unusable setting: a person must act.
            if self._exit_code == os.EX_CONFIG:
                msg = "A retry cannot succeed: the lines above say what to do."
                raise AirflowFailException(msg) from error
            raise
