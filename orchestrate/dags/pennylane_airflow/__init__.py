"""The parts of the DAG file. They run in Airflow's own environment, not in the project's."""
