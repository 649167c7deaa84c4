"""An emulator of the Pennylane API over real HTTP."""
