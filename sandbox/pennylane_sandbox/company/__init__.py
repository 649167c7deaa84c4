"""The imaginary company: what its books hold, and how they come about."""
