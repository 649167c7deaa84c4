"""What the tables hold: reports on it, backs it up, restores, shows and erases it."""
