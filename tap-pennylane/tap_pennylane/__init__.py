"""Singer tap for the Pennylane accounting API."""
