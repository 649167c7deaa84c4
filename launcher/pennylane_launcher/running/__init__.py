"""Runs of the pipeline: started, watched, explained, scheduled."""
