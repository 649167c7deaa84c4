"""What the DAG file is made of. Runs in Airflow's own environment, beside the project's."""
