"""The pages of the dashboard: declarations of tables and charts over the views."""
