"""Singer tap for Pennylane, the French accounting platform."""
