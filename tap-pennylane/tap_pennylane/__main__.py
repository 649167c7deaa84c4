"""Run the tap as `python -m tap_pennylane`."""

from tap_pennylane.tap import TapPennylane

TapPennylane.cli()
